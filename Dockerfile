# The sandbox with the minds, on Python 3.12, without a GPU:
#   docker build -t orbital-autonomy-sandbox .
#   mkdir -p results
#   docker run --rm --user "$(id -u)" -v "$PWD/results:/sandbox/results" orbital-autonomy-sandbox \
#       run --policy qwen --hours 1 --out results/first
FROM python:3.12-slim

WORKDIR /sandbox
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY licenses licenses
COPY sandbox sandbox
COPY envs envs
COPY agents agents
COPY experiments experiments
RUN pip install --no-cache-dir -c constraints.txt ".[demo,view]" \
    && useradd --create-home user && chmod 777 /home/user && mkdir results && chown user results
USER user
# compiled kernels are kept there, whoever runs it
ENV HF_HUB_OFFLINE=1 HOME=/home/user
ENTRYPOINT ["python", "-m", "experiments"]
