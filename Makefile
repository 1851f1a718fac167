# make demo     the first twelve satellites, each with a mind on board, for a day; leaves a folder in results/
# make train    PPO on the same satellites, six hours an episode, beside the heuristics; leaves a folder in results/
# make test     every test, in two processes; make lint: style and types; make bench: throughput beside MPE2; make clean: caches in this folder
# make docs     the docs site, into site/, without the network; open site/index.html
# PYTHON names the interpreter that the virtual environment is made with, VENV where it is made.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check $(if $(wildcard constraints.txt),-c constraints.txt)
NEEDS := pyproject.toml $(wildcard constraints.txt)

.PHONY: demo train test lint docs bench clean

demo: $(VENV)/.demo
	$(BIN)/python -m experiments run --scenario scs01 --env tasking_v0 --policy qwen --hours 24 --seed 0

train: $(VENV)/.train
	$(BIN)/python -m experiments train --problem tasking_v0 --scenario scs01 --hours 6

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

bench: $(VENV)/.performance
	$(BIN)/python -m experiments throughput

clean:
	find . -type f \( -name '*.nbi' -o -name '*.nbc' \) -not -path './$(VENV)/*' -delete
	find . -type d -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
	rm -rf .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist site

# One stamp for each set of extras: what is installed is installed again only when its list has changed.
$(VENV)/.%: $(NEEDS) | $(BIN)/pip
	$(PIP) -e ".[$*]"
	@touch $@

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)
