# Everything here makes its environment when it is missing. PYTHON names the interpreter to use.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

.PHONY: help demo test check bench soak lock format clean
help:
	@echo "demo   scan a made store of benign pictures, end to end"
	@echo "test   run all tests (starts its own S3 servers on loopback)"
	@echo "check  format, lint and types"
	@echo "bench  measure against the peers"
	@echo "soak   the long campaigns"
	@echo "lock   pin the dependencies anew"
	@echo "clean  remove what these commands made"

demo: .venv/.ready
	$(BIN)/hashsweep demo demo

test: .venv/.ready-dev
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not soak" --ignore=tests/benchmarks

check: .venv/.ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/.ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/.ready-bench
	$(BIN)/python -m pytest tests/benchmarks -s -p no:cacheprovider --timeout 3600

soak: .venv/.ready-dev
	$(BIN)/python -m pytest -m soak --timeout 3600

# uv comes from the dev environment; no index or host is written into the files. Perception, a peer of the
# benchmarks, asks for a rich before 14, which none of its modules imports: it gets ours.
LOCK := pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --quiet --upgrade
lock: .venv/.ready-dev
	$(BIN)/uv $(LOCK) --group build -o requirements.lock
	$(BIN)/uv $(LOCK) --group dev -o requirements-dev.lock
	echo 'rich>=14' | $(BIN)/uv $(LOCK) --override - --group dev --group bench -o requirements-bench.lock

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis demo

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q python3-venv; }
	$(PYTHON) -m venv .venv

.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# pdqhash, the tests' oracle, is compiled where it is installed.
.venv/.ready-dev: requirements-dev.lock .venv/.ready
	@command -v cc >/dev/null && command -v c++ >/dev/null && $(BIN)/python -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' \
		|| { $(SUDO) apt-get update -q && $(SUDO) apt-get install -y -q build-essential python3-dev; }
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# Everything is pinned, so nothing is resolved: pip would refuse perception beside our rich.
.venv/.ready-bench: requirements-bench.lock .venv/.ready-dev
	$(PIP) --no-deps --require-hashes -r requirements-bench.lock
	@touch $@
