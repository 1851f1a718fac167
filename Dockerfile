# The sandbox with the minds, on Python 3.12, without a GPU:
#   docker build -t orbital-autonomy-sandbox .
#   docker run --rm -v "$PWD/results:/work/results" orbital-autonomy-sandbox run --policy qwen --hours 1
FROM python:3.12-slim

WORKDIR /work
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY licenses licenses
COPY sandbox sandbox
COPY envs envs
COPY agents agents
COPY experiments experiments
RUN pip install --no-cache-dir -c constraints.txt ".[demo,view]" \
    && useradd --create-home user && mkdir results && chown user results
USER user
ENV HF_HUB_OFFLINE=1
ENTRYPOINT ["python", "-m", "experiments"]
