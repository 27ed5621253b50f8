# One command for each thing a person or CI does here. `make` alone lists them.
# Needs: make, bash, python3 >= 3.11 with venv. Everything else is installed into .venv from pinned, hashed lists.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first of these that is at least 3.11; `make PYTHON=/path/to/python` overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done; true)

# State of the demo and of `make dev`. `make clean` never touches it.
QMD_HOME ?= $(CURDIR)/.qmd
export QMD_HOME
export DAGSTER_DISABLE_TELEMETRY := yes

BIN := .venv/bin
RUNTIME := .venv/.installed-runtime
DEV := .venv/.installed-dev
BENCH := .venv/.installed-bench
# ArcticDB needs pandas < 3, so it lives by itself; `make clean` removes it with bench-out.
ARCTICDB := bench-out/arcticdb

# What the default suite leaves to .ci/run: what takes long, and what needs a browser or a server.
DEFAULT_TESTS := not slow and not browser and not postgres and not redis and not minio and not questdb
# A file's tests stay on one worker, so that they share its servers.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
# Half of the time a test waits, for a server or a child, so two more run at once than there are cores.
WORKERS ?= $(shell expr 2 + $$(nproc 2>/dev/null || sysctl -n hw.ncpu))
ARGS ?=

LOCKED = --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate --quiet $(UPGRADE)
COMPILE = $(BIN)/uv pip compile pyproject.toml $(LOCKED)
# A group by itself, without what the library needs.
COMPILE_GROUP = $(BIN)/uv pip compile $(LOCKED)

# $(call install,LIST): into .venv. --no-deps: the lists are complete, and `pip check` proves it. uv takes a tenth of pip's
# time; where it cannot (an index that only pip's settings know, a platform it is not made for), pip does the same.
define install
	@echo "installing $$(grep -c '==' $(1)) pinned packages into .venv"
	@{ $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes \
		-r requirements/installer.txt && [ -t 2 ] || quiet=--quiet; \
		$(BIN)/uv pip install $${quiet:-} --python $(BIN)/python --compile-bytecode --no-deps --require-hashes -r $(1); } || \
		{ echo "uv could not; now pip does it, in two or three minutes"; \
		$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --no-deps --require-hashes -r $(1) \
		| awk '/^Collecting/ && ++n % 20 == 0 { print "  " n " fetched"; fflush() } /^Installing/ { print "  unpacking"; fflush() }'; }
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check --disable-pip-version-check
endef

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(RUNTIME) ## fill a lake from the sandbox exchange, through Dagster; no keys, no network
	@$(BIN)/qmd demo $(ARGS)

.PHONY: dev
dev: $(RUNTIME) ## open the Dagster UI on the same data
	@$(BIN)/qmd dev $(ARGS)

.PHONY: test
test: $(DEV) ## run the default test suite; no service, no network
	@$(PYTEST) -m "$(DEFAULT_TESTS)" $(ARGS)

.PHONY: test-rest
test-rest: $(DEV) ## run the tests that `make test` leaves out: slow ones, and those that need a browser, PostgreSQL, Redis, MinIO or QuestDB
	@$(PYTEST) --no-loadscope-reorder -m "not ($(DEFAULT_TESTS)) and not browser" $(ARGS)
	@$(PYTEST) -n auto --no-loadscope-reorder -m browser $(ARGS)

.PHONY: reliability
reliability: $(DEV) ## test all that the lake promises, with its servers, and write docs/reliability.md from the counts
	@rm -rf bench-out/reliability
	@QMD_RELIABILITY_OUT="$(CURDIR)/bench-out/reliability" $(PYTEST) tests/conformance tests/recovery $(ARGS)
	@$(BIN)/python -m tests.conformance.report bench-out/reliability

.PHONY: simulation
simulation: $(DEV) ## simulate the rules on the recorded three-venue file, and write docs/simulation.md
	@$(BIN)/python -m tests.arbitrage.simulation.report

.PHONY: check
check: format lint types imports deps docs-check test ## everything that must be green before a commit: format, lint, types, imports, docs, tests

.PHONY: setup
setup: $(DEV) ## create .venv with everything, for work on the code

.PHONY: fmt
fmt: $(DEV) ## format the code and mend what the linter can mend
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

.PHONY: format
format: $(DEV)
	@$(BIN)/ruff format --check

.PHONY: lint
lint: $(DEV) ## check style and errors (ruff)
	@$(BIN)/ruff check

.PHONY: types
types: $(DEV) ## check types (mypy --strict)
	@$(BIN)/mypy

.PHONY: imports
imports: $(DEV) ## check that every room imports only what lies below it (.importlinter)
	@$(BIN)/lint-imports

.PHONY: deps
deps: $(DEV) ## check that what is imported is declared and what is declared is imported (deptry)
	@$(BIN)/deptry .

.PHONY: docs
docs: $(DEV) ## write docs/tables.md and docs/cli.md anew from the code
	@$(BIN)/python docs/generate.py

.PHONY: docs-check
docs-check: $(DEV)
	@$(BIN)/python docs/generate.py --check

.PHONY: bench
bench: $(DEV) ## measure fetching, Dagster's overhead, reading and size, side by side
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: live-soak
live-soak: $(DEV) ## collect 200 markets of the sandbox for ten minutes, with all that can go wrong, and print what docs/live.md says of it
	@$(BIN)/python -m tests.live.soak $(ARGS)

.PHONY: bench-storage
bench-storage: $(BENCH) $(ARCTICDB)/.installed ## measure the lake beside Delta Lake, DuckDB, ArcticDB and plain Parquet
	@ARCTICDB_PYTHON=$(ARCTICDB)/bin/python $(BIN)/python -m benchmarks.storage $(ARGS)

.PHONY: lock
lock: $(DEV) ## write requirements/*.txt anew; keeps versions unless UPGRADE=--upgrade
	@$(COMPILE) --extra sql --group build --output-file requirements/runtime.txt
	@$(COMPILE) --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	@$(COMPILE_GROUP) --group installer --constraint requirements/dev.txt --output-file requirements/installer.txt
	@$(COMPILE_GROUP) --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt
	@$(COMPILE_GROUP) --group bench-arcticdb --output-file requirements/bench-arcticdb.txt

.PHONY: clean
clean: ## remove .venv, caches and build results; never the data in .qmd
	@rm -rf .venv .ruff_cache .mypy_cache .pytest_cache .import_linter_cache .hypothesis build dist bench-out
	@find . -name __pycache__ -type d -not -path './.qmd/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "qmd_platform needs Python 3.11 or newer; \
	'python3' here is $$(python3 --version 2>&1 || true). Install one, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "qmd_platform needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)" >&2; exit 1; }
	@echo "creating .venv with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv .venv

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/python
	$(call install,requirements/runtime.txt)
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(BIN)/python
	$(call install,requirements/dev.txt)
	@touch $@ $(RUNTIME)

$(BENCH): requirements/bench.txt $(DEV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r $<
	@touch $@

$(ARCTICDB)/.installed: requirements/bench-arcticdb.txt | $(BIN)/python
	@echo "installing ArcticDB into $(ARCTICDB)"
	@$(BIN)/python -m venv --clear $(ARCTICDB)
	@$(ARCTICDB)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r $<
	@touch $@
