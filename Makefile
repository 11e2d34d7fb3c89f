# `make demo` shows what it does, `make test` proves it. Needs Python 3.11 or newer with pip and venv, and make; nothing else.

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
RUN := runs/demo
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
PINS := pyproject.toml $(wildcard requirements/*.txt)

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz audit docs lint format clean

help: ## what there is to make
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/run.stamp ## train on the embedded names, sample new ones, look inside
	$(BIN)/wavetree train --out $(RUN) --force
	$(BIN)/wavetree sample $(RUN) -n 20
	$(BIN)/wavetree inspect $(RUN)

test: $(VENV)/test.stamp ## run all tests; JOBS=4 on four cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist=worksteal

fuzz: $(VENV)/test.stamp ## what reads from outside, 10,000 cases each, 5 seconds and 1 GB a case; an hour or two
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --timeout=0 tests/fuzz --hypothesis-profile=long

lint: $(VENV)/dev.stamp ## format, lint, types, layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

audit: $(VENV)/venv.stamp ## look the pinned packages up in the advisory databases; needs a network
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit
	$(VENV)/audit/bin/pip-audit --no-deps --disable-pip -r requirements/run.txt -r requirements/test.txt -r requirements/dev.txt

docs: $(VENV)/test.stamp ## build the docs into site/, strictly
	$(BIN)/python scripts/make_docs.py site

format: $(VENV)/dev.stamp ## put the sources into their one format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean: ## remove everything that was made, except runs
	rm -rf $(VENV) build dist site .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/venv.stamp:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("wavetree needs Python 3.11 or newer, \
	and $(PYTHON) is %d.%d. Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments. Install its venv package \
	(on Debian and Ubuntu: apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: $(VENV)/venv.stamp $(PINS)
	@echo "Installing wavetree with torch: a few minutes the first time."
	$(PIP) --constraint requirements/run.txt --editable .
	@touch $@

$(VENV)/test.stamp: $(VENV)/venv.stamp $(PINS)
	@echo "Installing wavetree with torch and what the tests need: a few minutes the first time."
	$(PIP) --constraint requirements/test.txt --editable '.[test]'
	@touch $@ $(VENV)/run.stamp

$(VENV)/dev.stamp: $(VENV)/venv.stamp $(PINS)
	$(PIP) --constraint requirements/dev.txt --editable '.[test,dev]'
	@touch $@ $(VENV)/run.stamp $(VENV)/test.stamp
