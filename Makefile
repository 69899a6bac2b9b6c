# Two commands matter: `make demo` and `make test`. Both need only python3 (3.10 or newer), make and git.
# What stands behind the figures of the documentation is made in research/: `make -C research`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= data

.DEFAULT_GOAL := help
.PHONY: help demo lint test coverage minimum-versions package docs site benchmarks evaluate collect clean

help:  ## Show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# One environment, one stamp a set of extras: a second call installs nothing.
$(VENV)/.installed-timm: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "python3 3.10 or newer is needed; set PYTHON=...")'
	@$(PYTHON) docs/demo/quietly.py "Creating the virtual environment $(VENV)" $(PYTHON) -m venv $(VENV)
	@$(PYTHON) docs/demo/quietly.py "Bringing pip up to date" $(BIN)/python -m pip install --upgrade pip
	@$(PYTHON) docs/demo/quietly.py "Installing timm-advisor[timm]: PyTorch is a download of gigabytes and may take minutes" \
		$(BIN)/python -m pip install --editable '.[timm]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed-timm
	@echo "==> Installing what the tests need"
	$(BIN)/python -m pip install --quiet --editable '.[timm,test,dev]'
	@touch $@

demo: $(VENV)/.installed-timm  ## Train a small model with the hooks attached, show the record, ask for advice
	@$(BIN)/python docs/demo/demo.py demo

lint: $(VENV)/.installed-test  ## ruff, mypy --strict, the one-way dependency rule
	@echo "==> Checking style, types and the direction of dependencies"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint  ## All checks and tests
	@echo "==> Running the tests, a process a core"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# Processes write beside the tests' own files otherwise, where a test that compares folders finds them.
coverage: export COVERAGE_FILE = $(CURDIR)/.coverage
coverage: $(VENV)/.installed-test  ## The tests again, with what of advisor/ and plugins/ they and their processes run
	$(BIN)/python -m coverage erase
	OMP_NUM_THREADS=1 $(BIN)/python -m coverage run -m pytest
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

# The oldest of everything that pyproject.toml asks for, but no torch: what a user with an old environment has.
MINIMUM_EXTRAS = mlflow,optuna,parquet,postgres,ray,report,sources
MINIMUM = .venv-minimum-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')

$(MINIMUM)/.installed: .ci/minimum-versions.txt pyproject.toml
	@echo "==> Creating $(MINIMUM) with the oldest supported version of every dependency"
	$(PYTHON) -m venv $(MINIMUM)
	$(MINIMUM)/bin/python -m pip install --quiet --constraint $< --editable '.[$(MINIMUM_EXTRAS)]' hypothesis jsonschema pytest pytest-timeout
	@touch $@

# What was deprecated since is used by old versions of others, and warned of.
minimum-versions: $(MINIMUM)/.installed  ## The tests that need no PyTorch, with the oldest version of every dependency
	$(MINIMUM)/bin/python .ci/check_installed.py
	OMP_NUM_THREADS=1 $(MINIMUM)/bin/python -m pytest -W ignore::DeprecationWarning \
		tests/space tests/records tests/learn tests/advise/output tests/cli/advice/test_suggest.py \
		tests/cli/advice/test_report.py tests/cli/runs/test_records.py \
		tests/cli/test_command_line.py tests/describe/sources tests/evaluate/test_summary.py tests/plugins/advisor_mlflow \
		tests/plugins/advisor_optuna tests/plugins/advisor_ray tests/report tests/tuning/training/test_placed_on_ray.py \
		tests/test_config.py tests/test_plugins.py

package: $(VENV)/.installed-timm  ## Build the sdist and the wheel into dist/ and check them
	$(BIN)/python -m pip install --quiet build twine
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

docs: $(VENV)/.installed-timm  ## Write the pages that follow from the code: docs/commands.md and docs/features.md
	$(BIN)/python -m research.pages.commands_page > docs/commands.md
	$(BIN)/python -m research.pages.features_page > docs/features.md

.venv-site/.installed: .ci/site-requirements.txt
	@echo "==> Creating .venv-site with what builds the site"
	$(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet --requirement $<
	@touch $@

site: .venv-site/.installed  ## Build the documentation as a site into site/; a dead link is an error
	NO_MKDOCS_2_WARNING=1 .venv-site/bin/python -m mkdocs build --quiet

benchmarks: $(VENV)/.installed-test  ## Print what recording, importing, listing and describing cost, as ratios
	$(BIN)/python -m pip install --quiet mlflow tensorboard
	set -e; for benchmark in benchmarks/*.py; do echo "==> $$benchmark"; $(BIN)/python $$benchmark; done

evaluate: $(VENV)/.installed-timm  ## Judge the advice on held-out sources: docs/evaluation.md, docs/fine-tuning.md, README's table
	$(BIN)/python -m pip install --quiet --editable '.[report]'
	$(BIN)/advisor evaluate --format json > docs/evaluation.json.part
	mv docs/evaluation.json.part docs/evaluation.json
	$(MAKE) -C research fine-tuning

PLAN ?= meta_data/plans/full.yaml
EVIDENCE ?= meta_data

collect: $(VENV)/.installed-timm  ## Build the datasets of PLAN in DATA, train what is not recorded, export it to EVIDENCE
	$(BIN)/python -m pip install --quiet --editable '.[sources]'
	$(BIN)/python -m advisor.collect.shipping.restore $(EVIDENCE)
	$(BIN)/advisor collect $(PLAN) --data $(DATA) --build --probe 600
	$(BIN)/python -m advisor.collect.shipping.export $(DATA) $(EVIDENCE)

clean:  ## Remove the environments and what the demo wrote
	rm -rf $(VENV) .venv-metamodel .venv-minimum-* .venv-site .venv-timm build demo dist site
