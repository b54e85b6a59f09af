# Needs only make and Python 3.11, 3.12 or 3.13. `make` without a target lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install demo sync report verify test test-faults lint docs catalog-entry bench bench-requests alternatives lock clean which-python

VENV ?= .venv
export INSTALL
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ALTERNATIVES := .venv-alternatives/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /|/' | while IFS='|' read -r target text; do \
		printf '  make %-14s %s\n' "$$target" "$$text"; done

install: $(INSTALLED) ## Create .venv, with all packages

demo: $(INSTALLED) ## Sync the sandbox into demo.duckdb and create report.html
	@$(BIN)/python -u warehouse/load/demo.py
	@$(MAKE) --no-print-directory report DATABASE=demo.duckdb NOTE="Made-up campaigns of the sandbox."

sync: $(INSTALLED) ## Sync your own account: make sync CONFIG=secrets/config.json TO=postgres STREAMS=all
	@$(BIN)/python -u warehouse/load/sync.py --to $(or $(TO),duckdb) --streams "$(or $(STREAMS),suggested)" \
		--database "$(DATABASE)" $(if $(CONFIG),--config "$(CONFIG)") $(ARGS)

report: $(INSTALLED) ## Create report.html from DATABASE=snov.duckdb, or from what was synced TO=postgres
	@test -n "$(filter-out duckdb,$(TO))" || test -f "$(DATABASE)" || { echo "There is no $(DATABASE). Load it first: make sync CONFIG=secrets/config.json, or" \
		"make demo for made-up campaigns. If it is elsewhere: make report DATABASE=/path/to/it" >&2; exit 1; }
	@SNOV_DUCKDB_PATH="$(abspath $(DATABASE))" $(BIN)/dbt --log-level warn build --project-dir warehouse/dbt_snov --profiles-dir warehouse/dbt_snov \
		--target $(or $(TO),duckdb)
	@$(BIN)/python -m warehouse.report $(if $(filter-out duckdb,$(TO)),--to $(TO),--database "$(DATABASE)") \
		--output report.html $(if $(NOTE),--note "$(NOTE)")

DATABASE ?= snov.duckdb

verify: $(INSTALLED) ## Check the API's behaviour with your own account: make verify CONFIG=secrets/config.json
	@$(BIN)/python -m verify $(if $(CONFIG),--config "$(CONFIG)") $(ARGS)

test: lint ## Run all checks and tests, including the Docker image (ARGS="-k name" selects tests)
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

# The tests are CPU-bound, so a third process gains nothing on two cores.
PROCESSES ?= 2

test-faults: $(INSTALLED) ## Run every stream against injected faults, kills and malformed input (ARGS="-k name" selects tests)
	$(BIN)/python -m pytest --numprocesses $(FAULT_PROCESSES) -m "faults or long" fault_tests unit_tests integration_tests $(ARGS)

# These tests also wait for timeouts.
FAULT_PROCESSES ?= 4

lint: $(INSTALLED) ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(INSTALLED) ## Update the tables of the pages, the example catalogs and the Builder's YAML file
	@$(BIN)/python -m repo_tests.tables

catalog-entry: $(INSTALLED) ## Make the folder for a pull request to Airbyte's catalog
	@$(BIN)/python -m builder.catalog_entry

bench: $(INSTALLED) $(ALTERNATIVES) ## Measure requests, pace, time and memory (ARGS=--write updates docs/benchmarks.md)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

bench-requests: $(INSTALLED) ## Count requests, and fail if there are too many
	@$(BIN)/python -m benchmarks.bench --only counts

alternatives: $(ALTERNATIVES)

lock: $(INSTALLED) ## Pin all packages with their hashes (UPGRADE=1 takes the newest versions)
	$(LOCK) --output-file requirements-dev.txt --extra dev pyproject.toml
	$(LOCK) --output-file requirements.txt --constraint requirements-dev.txt pyproject.toml
	$(LOCK) --output-file benchmarks/alternatives/requirements.txt benchmarks/alternatives/requirements.in
	$(LOCK) --output-file image/lister.txt image/lister.in

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	$(if $(UPGRADE),--upgrade)

clean: ## Remove everything the other targets created, including the environment
	rm -rf $(VENV) .venv-alternatives .tmp .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist demo.duckdb \
		demo.duckdb.wal report.html warehouse/dbt_snov/target warehouse/dbt_snov/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of these that exists, has a supported version, and can create an environment.
PYTHON ?= $(shell for python in python3.12 python3.11 python3.13 python3 python; do "$$python" -c \
	'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$python" && break; \
	done)

which-python:
	@echo $(PYTHON)

# Bytecode is left to the first import: compiling takes longer than the whole installation, and few modules are needed.
# PyAirbyte declares support only below Python 3.13, but works there, as the tests show, so pip ignores the declaration.
$(INSTALLED): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 was found that can create an environment (on Debian:" \
		"apt-get install python3-venv). If it is elsewhere: make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/pip || { echo "Creating $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing requirements-dev.txt into $(VENV); the first time, this takes a few minutes"
	@$(PIP) install --no-compile --ignore-requires-python --require-hashes --no-deps --requirement requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# Separate, because only the benchmarks need these packages.
$(ALTERNATIVES): benchmarks/alternatives/requirements.txt | $(INSTALLED)
	@echo "Installing the tools that the benchmarks compare with into .venv-alternatives"
	@test -x .venv-alternatives/bin/pip || $(BIN)/python -m venv .venv-alternatives
	@.venv-alternatives/bin/python -m pip --disable-pip-version-check -qq install --require-hashes --no-deps \
		--requirement benchmarks/alternatives/requirements.txt
	@touch $@
