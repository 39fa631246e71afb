# make demo    the demo, from an empty checkout: installs into .venv, then applies specs/demo
# make test    format, types, layers, then the whole suite; PYTEST_ARGS="-k name" narrows the last step
# make lint    all of that but the suite
# make venv    the environment alone; nothing is installed again until a lock or pyproject.toml changes
# make lock    requirements/*.txt from pyproject.toml and dev.in; UPGRADE=1 also takes newer releases
# make clean   environments, caches and builds; stores (.bigcode/) and releases stay
#
# TORCH_INDEX=URL names where to take torch from, should the pinned CPU build not be at hand.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint venv lock clean

BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq
STAMP := .venv/.stamp
TORCH := $(shell sed -n 's/^torch==\([0-9.]*\).*/\1/p' requirements/torch.txt)
TORCH_INDEX ?=
TYPED := bigcode/api bigcode/decide bigcode/evidence bigcode/store
PYTEST_ARGS ?= -n auto --dist loadfile
UV := uv==0.13.9

export HF_HOME := $(CURDIR)/.cache/huggingface
export HF_HUB_OFFLINE := 1
export MLFLOW_DISABLE_TELEMETRY := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore
export TOKENIZERS_PARALLELISM := false

help:
	@sed -n 's/^# \{0,1\}//; 1,/^$$/p' Makefile

demo: venv
	@$(BIN)/bigcode optout key specs/demo
	@$(BIN)/bigcode apply specs/demo

test: lint
	@$(BIN)/python tests/fixtures/sdists.py
	@tests/fixtures/slurm.sh
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: venv
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet . || { echo 'ruff format: the files that differ are named by `$(BIN)/ruff format --check .`' >&2; exit 1; }
	@$(BIN)/mypy --strict --no-error-summary $(TYPED)
	@$(BIN)/lint-imports

venv: $(STAMP)

# --no-deps: the locks are whole. torch comes first, so that nothing else brings another build of it.
$(STAMP): requirements/torch.txt requirements/lock.txt pyproject.toml
	@if ! $(BIN)/python -c '' 2>/dev/null; then \
	  for python in $(PYTHON) python3.11 python3; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; \
	  done; \
	  if [ -z "$$python" ]; then echo 'bigcode needs Python 3.11 or newer; PYTHON=... names one' >&2; exit 1; fi; \
	  echo 'installing into .venv (a few minutes, once)' >&2; \
	  $$python -m venv --clear .venv; \
	fi
	@have=$$($(BIN)/python -c 'from importlib.metadata import version; print(version("torch").split("+")[0])' 2>/dev/null || true); \
	if [ "$$have" != '$(TORCH)' ] && ! $(PIP) install --no-deps --require-hashes -r requirements/torch.txt 2>/dev/null; then \
	  echo 'torch: the CPU build that requirements/torch.txt pins is not to be had here; taking $(if $(TORCH_INDEX),the build of $(TORCH) from TORCH_INDEX,the registry'"'"'s own build of $(TORCH) (on Linux several GB))' >&2; \
	  $(PIP) install $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)') torch==$(TORCH); \
	fi
	@$(PIP) install --no-deps --require-hashes -r requirements/lock.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

LOCK := .venv-lock/bin/uv --quiet pip compile --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
  --no-emit-package torch --no-emit-package bigcode --excludes requirements/torch-gpu.in --custom-compile-command 'make lock'

lock:
	@test -x .venv-lock/bin/uv || { $${PYTHON:-python3} -m venv .venv-lock && .venv-lock/bin/python -m pip -qq install $(UV); }
	@$(LOCK) --all-extras pyproject.toml requirements/dev.in -o requirements/lock.txt
	@$(LOCK) --constraints requirements/lock.txt pyproject.toml -o requirements/core.txt
	@if grep -nE '^(torch|triton|nvidia-|cuda-)|://' requirements/lock.txt requirements/core.txt; then \
	  echo 'lock: the lines above do not belong there; see requirements/torch-gpu.in' >&2; exit 1; fi

clean:
	@rm -rf .venv .venv-lock .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
