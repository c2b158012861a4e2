# Everything that people and CI run. Needs Python 3.11 or newer, and make; nothing else.
# Each target creates the environment (.venv, from requirements.lock) when it is missing or old.

PYTHON ?= python3
BIN := .venv/bin
KEEP ?=

# One line per step; the step's output follows only if it fails.
STEP := .ci/step
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
PYTEST := $(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The demo talks to 127.0.0.1, which a proxy of the environment cannot reach.
demo: .venv/installed ## show what the gateway does, on real HTTP; KEEP=1 leaves it running
	@NO_PROXY="127.0.0.1,$$NO_PROXY" no_proxy="127.0.0.1,$$no_proxy" \
		$(BIN)/video-gateway demo $(if $(filter-out 0,$(KEEP)),--keep)

test: .venv/installed ## run the tests; ARGS="-k word" chooses
	$(PYTEST) $(ARGS)

check: .venv/installed ## format, lint, types, imports, tests: what CI runs
	@$(STEP) format $(BIN)/ruff format --check --quiet .
	@$(STEP) lint $(BIN)/ruff check --quiet .
	@$(STEP) types $(BIN)/mypy
	@$(STEP) imports $(BIN)/lint-imports --no-logo
	@$(STEP) tests $(PYTEST)

format: .venv/installed ## format, and fix what the linter can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/installed ## measure, and write docs/performance.md; takes some minutes
	$(BIN)/python -m bench $(ARGS)

# uv makes the locks; nothing else needs it, so it has an environment of its own. A lock has versions
# and hashes; the package index comes from pip's configuration. There are three: development, the
# image, and the image with the sandbox. setuptools builds the project in the image, offline.
UV := .venv/uv/bin/uv
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet
RUN_EXTRAS := --extra postgres --extra s3 --extra otel

lock: ## make the lock files from pyproject.toml; ARGS=--upgrade takes the newest versions
	@test -x $(UV) || { $(PYTHON) -m venv .venv/uv && $(STEP) uv .venv/uv/bin/pip -q install uv; }
	$(COMPILE) pyproject.toml --all-extras -o requirements.lock $(ARGS)
	@echo 'setuptools>=77' | $(COMPILE) pyproject.toml - $(RUN_EXTRAS) \
		--constraint requirements.lock -o requirements.run.lock
	@echo 'setuptools>=77' | $(COMPILE) pyproject.toml - $(RUN_EXTRAS) --extra sandbox \
		--constraint requirements.lock -o requirements.sandbox.lock

clean: ## remove the environment and everything that was made
	rm -rf .venv build dist demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache *.egg-info

.venv/locked: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one: make PYTHON=python3.12")'
	@$(STEP) environment $(PYTHON) -m venv .venv
	@$(STEP) packages $(PIP_INSTALL) --require-hashes -r requirements.lock
	@touch $@

.venv/installed: .venv/locked pyproject.toml
	@$(STEP) project $(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@
