# What one does here; `make` alone lists it. Needs Python 3.11, 3.12 or 3.13 and make, nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install demo sync report test test-faults lint bench bench-requests alternatives lock clean which-python

VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
ALTERNATIVES := .venv-alternatives/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /|/' | while IFS='|' read -r target text; do \
		printf '  make %-14s %s\n' "$$target" "$$text"; done

install: $(INSTALLED)

demo: $(INSTALLED) ## Sync the sandbox into demo.duckdb and make a page of it
	@$(BIN)/python -u examples/demo.py --database demo.duckdb
	@$(MAKE) --no-print-directory report DATABASE=demo.duckdb NOTE="Made-up campaigns of the sandbox."

sync: $(INSTALLED) ## Load your own account: make sync CONFIG=secrets/config.json TO=postgres STREAMS=all
	@$(BIN)/python -u examples/sync.py --to $(or $(TO),duckdb) --streams "$(or $(STREAMS),suggested)" \
		--database "$(DATABASE)" $(if $(CONFIG),--config "$(CONFIG)") $(ARGS)

report: $(INSTALLED) ## Make report.html from DATABASE=snov.duckdb
	@test -f "$(DATABASE)" || { echo "There is no $(DATABASE). Load it first: make sync CONFIG=secrets/config.json, or" \
		"make demo for made-up campaigns. Is it elsewhere? make report DATABASE=/path/to/it" >&2; exit 1; }
	@SNOV_DUCKDB_PATH="$(abspath $(DATABASE))" $(BIN)/dbt --quiet build --project-dir dbt_snov --profiles-dir dbt_snov
	@$(BIN)/python -m report --database "$(DATABASE)" --output report.html $(if $(NOTE),--note "$(NOTE)")

DATABASE ?= snov.duckdb

test: lint ## Run all checks and tests, the Docker image's too (ARGS="-k name": only some tests)
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

# A third process takes from the other two what it does: nearly all of the time is processor time.
PROCESSES ?= 2

test-faults: $(INSTALLED) ## Let the connector meet faults, kills, strange answers and files (ARGS="-k name": only some)
	$(BIN)/python -m pytest --numprocesses $(FAULT_PROCESSES) fault_tests $(ARGS)

# They wait for timeouts as well.
FAULT_PROCESSES ?= 4

lint: $(INSTALLED) ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(INSTALLED) $(ALTERNATIVES) ## Measure requests, pace, time and memory (ARGS=--write: into README.md too)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

bench-requests: $(INSTALLED) ## Count requests, and fail if there are too many
	@$(BIN)/python -m benchmarks.bench --only counts

alternatives: $(ALTERNATIVES)

lock: $(INSTALLED) ## Pin all packages with their hashes (UPGRADE=1: at the newest versions)
	$(LOCK) --output-file requirements.txt pyproject.toml
	$(LOCK) --output-file requirements-dev.txt --extra dev pyproject.toml
	$(LOCK) --output-file benchmarks/alternatives/requirements.txt benchmarks/alternatives/requirements.in
	$(LOCK) --output-file image/lister.txt image/lister.in

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	$(if $(UPGRADE),--upgrade)

clean: ## Remove what the other targets made, the environment too
	rm -rf $(VENV) .venv-alternatives .tmp .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist demo.duckdb \
		demo.duckdb.wal report.html dbt_snov/target dbt_snov/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of these that is there, new enough, and able to make an environment.
PYTHON ?= $(shell for python in python3.12 python3.11 python3.13 python3 python; do "$$python" -c \
	'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$python" && break; \
	done)

which-python:
	@echo $(PYTHON)

# Every package is checked against the hash it was pinned with, and the connector itself is built from this folder.
# Byte-code is left to the first import, because compiling takes longer than all the rest and few modules are needed.
# PyAirbyte declares that it needs a Python below 3.13. It works there too, as the tests show, so pip is told not to ask;
# where there is an older Python, that is taken.
$(INSTALLED): requirements-dev.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 was found that can make an environment (on Debian:" \
		"apt-get install python3-venv). Is it elsewhere? make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/pip || { echo "Making $(VENV) with $$($(PYTHON) --version)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the packages of requirements-dev.txt into $(VENV), which takes a few minutes the first time"
	@$(PIP) install --no-compile --ignore-requires-python --require-hashes --no-deps --requirement requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What the connector is measured beside has packages of its own, which nothing else here needs.
$(ALTERNATIVES): benchmarks/alternatives/requirements.txt | $(INSTALLED)
	@echo "Installing what the connector is measured beside into .venv-alternatives"
	@test -x .venv-alternatives/bin/pip || $(BIN)/python -m venv .venv-alternatives
	@.venv-alternatives/bin/python -m pip --disable-pip-version-check -qq install --require-hashes --no-deps \
		--requirement benchmarks/alternatives/requirements.txt
	@touch $@
