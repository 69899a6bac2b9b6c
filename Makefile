# Two commands matter: `make demo` and `make test`. Both need only python3 (3.10 or newer), make and git.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DATA ?= data

.DEFAULT_GOAL := help
.PHONY: sittings variants feature-groups quicktune trainings own-trials own-runs worked-examples help demo test lint metamodel metamodel-check timm-versions benchmarks evaluate diagnoses models docs collect collect-status meta-data-check meta-data-docs pages ray-check clean

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
	@echo "==> Running the tests, a process a core"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# The versions that the shipped meta-model was fitted with are beside it, so that it can be fitted again bit for bit.
METAMODEL_VENV := .venv-metamodel
$(METAMODEL_VENV)/.installed: meta_data/metamodel/requirements.txt pyproject.toml
	@echo "==> Creating $(METAMODEL_VENV) with the versions that the shipped meta-model was fitted with"
	$(PYTHON) -m venv $(METAMODEL_VENV)
	$(METAMODEL_VENV)/bin/python -m pip install --quiet --constraint meta_data/metamodel/requirements.txt --editable .
	@touch $@

metamodel: $(METAMODEL_VENV)/.installed  ## Fit the shipped meta-model to meta_data/
	$(METAMODEL_VENV)/bin/python -m research.shipped_metamodel meta_data/metamodel

metamodel-check: $(METAMODEL_VENV)/.installed  ## Fit it again elsewhere and compare the bytes
	$(METAMODEL_VENV)/bin/python -m research.shipped_metamodel build/metamodel
	diff --recursive --exclude requirements.txt meta_data/metamodel build/metamodel
	@echo "The shipped meta-model is what its evidence gives, bit for bit."

timm-versions: $(VENV)/.installed-test  ## Record under timm 0.6.13, 0.9.16, 1.0.15 and current; compare with the truth
	$(BIN)/python tests/timm_versions/compare.py .venv-timm 0.6.13 0.9.16 1.0.15 current

benchmarks: $(VENV)/.installed-test  ## Print what recording, importing, listing and describing cost, as ratios
	$(BIN)/python -m pip install --quiet mlflow tensorboard
	set -e; for benchmark in benchmarks/*.py; do echo "==> $$benchmark"; $(BIN)/python $$benchmark; done

evaluate: $(VENV)/.installed-timm  ## Judge the advice on held-out sources: the figures of the README
	$(BIN)/python -m pip install --quiet --editable '.[report]'
	$(BIN)/advisor evaluate --format json > docs/evaluation.json
	$(BIN)/python docs/figures.py

diagnoses: $(VENV)/.installed-timm  ## Judge the advice of `advisor diagnose` on held-out sources: docs/diagnoses.md
	$(BIN)/python -m research.diagnoses meta_data docs/diagnoses.md

QUICKTUNE ?= quicktune

variants: $(VENV)/.installed-timm  ## Judge what was tried for the meta-model, QUICKTUNE's runs too: docs/meta-model.md
	$(BIN)/python -m research.ablations.variants $(QUICKTUNE) > docs/meta-model.md.part
	mv docs/meta-model.md.part docs/meta-model.md

feature-groups: $(VENV)/.installed-timm  ## Judge what the features of a dataset add: docs/dataset-features.md
	$(BIN)/python -m research.ablations.feature_groups

SITTINGS ?= build/sittings

sittings: $(VENV)/.installed-timm  ## Sit nine times from nothing to a better model: the tables of docs/sitting
	$(BIN)/python -m pip install --quiet --editable '.[report,sources]'
	$(BIN)/python -m advisor._meta_data.sources series-vowels cjk-styles --data-dir $(DATA)
	rm -rf $(SITTINGS)
	set -e; for look in 5 0; do $(BIN)/python docs/sitting/sitting.py $(SITTINGS)/look-$$look $(DATA)/series-vowels \
		$(DATA)/cjk-styles --seeds 3 --look $$look --write docs/sitting/README.md; done

trainings: $(VENV)/.installed-timm  ## Train the advice on held-out sources beside its rivals: docs/trainings.md
	$(BIN)/python -m pip install --quiet --editable '.[sources]'
	$(BIN)/python -m research.held_out.trainings $(DATA) docs

own-trials: $(VENV)/.installed-timm  ## Train what is advised after each own run, against TPE: docs/own-trials.md
	$(BIN)/python -m pip install --quiet --editable '.[sources,optuna]'
	$(BIN)/python -m research.held_out.live_trials $(DATA) docs

own-runs: $(VENV)/.installed-timm  ## Judge ways of heeding own runs, replayed: docs/own-runs.md
	$(BIN)/python -m research.ablations.own_runs docs/own-runs.md

worked-examples: $(VENV)/.installed-timm  ## Put the advice beside published values: docs/worked-examples.md
	$(BIN)/python -m research.worked_examples docs

quicktune: $(VENV)/.installed-timm  ## Judge choices of model and values on the public runs in QUICKTUNE: docs/quicktune.md
	$(BIN)/python -m research.quicktune.page $(QUICKTUNE) docs/quicktune.md

models: $(VENV)/.installed-timm  ## Trace every timm model anew for the table of models (about fifteen minutes)
	$(BIN)/python -m research.model_table > meta_data/models.csv.part
	mv meta_data/models.csv.part meta_data/models.csv

docs: $(VENV)/.installed-timm  ## Draw the README's picture, write the tables of docs/ that are generated
	$(BIN)/python docs/figures.py
	$(BIN)/python -m research.pages.features_page > docs/features.md
	$(BIN)/python -m research.pages.commands_page > docs/commands.md
	$(BIN)/python -m research.recipe_sources docs/doubt.md

FOLLOWS_FROM_META_DATA := evaluate meta-data-docs diagnoses docs worked-examples own-runs variants trainings \
	own-trials sittings feature-groups

pages:  ## After meta_data/ has changed: the meta-model and all that it gives anew
	$(MAKE) metamodel
	$(MAKE) $(FOLLOWS_FROM_META_DATA)

PLAN ?= meta_data/plans/full.yaml

collect: $(VENV)/.installed-timm  ## Build the datasets of PLAN in DATA, train what is not recorded, and export it
	$(BIN)/python -m pip install --quiet --editable '.[sources]'
	$(BIN)/python -m advisor.collect.shipping.restore meta_data
	$(BIN)/advisor collect $(PLAN) --data $(DATA) --build --probe 600
	$(BIN)/python -m advisor.collect.shipping.export $(DATA) meta_data

collect-status: $(VENV)/.installed-timm  ## What the shipped evidence holds of PLAN, and what is missing
	$(BIN)/python -m advisor.collect.shipping.status $(PLAN) meta_data

meta-data-check: $(VENV)/.installed-timm  ## Compare checksums, and train 20 of the shipped runs again
	$(BIN)/python -m pip install --quiet --editable '.[sources]'
	$(BIN)/python -m advisor.collect.shipping.check meta_data $(DATA)

meta-data-docs: $(VENV)/.installed-timm  ## Draw the figures of docs/meta-data.md from the shipped evidence, and write it
	$(BIN)/python -m pip install --quiet --editable '.[report]'
	$(BIN)/python docs/meta_data_figures.py

ray-check: $(VENV)/.installed-test  ## Train 200 runs on two Ray nodes, kill a worker, compare with the local engine
	ADVISOR_RAY_RUNS=200 $(BIN)/python -m pytest -m slow tests/plugins/advisor_ray/test_ray_collection.py

clean:  ## Remove the environment and what the demo wrote
	rm -rf $(VENV) $(METAMODEL_VENV) .venv-timm build demo
