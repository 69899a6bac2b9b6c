# Two commands matter: `make demo` and `make test`. Both need only python3 (3.10 or newer), make and git.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= data

.DEFAULT_GOAL := help
.PHONY: help demo test lint metamodel metamodel-check evaluate models docs clean

help:  ## Show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# One environment, one stamp a set of extras: a second call installs nothing.
$(VENV)/.installed-timm: pyproject.toml
	@echo "==> Creating the virtual environment $(VENV) and installing timm-advisor[timm] (PyTorch is a large download)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "python3 3.10 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[timm]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed-timm
	@echo "==> Installing what the tests need"
	$(BIN)/python -m pip install --quiet --editable '.[timm,test,dev]'
	@touch $@

demo: $(VENV)/.installed-timm  ## Train a small model with the hooks attached, show the record, ask for advice
	$(BIN)/python docs/demo/demo.py demo

lint: $(VENV)/.installed-test  ## ruff, mypy --strict on advisor/, the one-way dependency rule
	@echo "==> Checking style, types and the direction of dependencies"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## All checks and tests
	@echo "==> Running the tests"
	$(BIN)/python -m pytest

metamodel: $(VENV)/.installed-timm  ## Fit the shipped meta-model to meta_data/
	$(BIN)/python -m advisor.learn.artefact meta_data/metamodel

clean:  ## Remove the environment and what the demo wrote
	rm -rf $(VENV) demo
