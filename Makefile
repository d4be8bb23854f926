# The commands of the project. `make demo` and `make test` need Python 3.11+, git and make, nothing else.

PYTHON ?= python3
BIN := .venv/bin
# A smaller demo: make demo DEMO="--days 14 --scale 0.1"
DEMO ?=
SOAK ?= 500

# A lock names versions, markers and hashes and no index, so that it works with any mirror of the package index.
COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo ui test soak lint lint-ruff lint-mypy lint-imports lint-sql format docs bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

setup: ## Make .venv with what running needs
	@$(PYTHON) tools/setup_venv.py run

setup-dev: ## Make .venv with what tests need as well
	@$(PYTHON) tools/setup_venv.py dev

demo: setup ## Make a demo shop in ./instance, run its 90 days, publish, show the result
	@$(BIN)/smm demo $(DEMO)

ui: setup ## Open the Dagster UI of ./instance on http://127.0.0.1:3000
	@$(BIN)/smm ui

test: setup-dev ## Run all tests, linters included
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

soak: setup-dev ## Try 500 random histories of deliveries and crashes against a model; SOAK=50 for fewer
	@SMM_SOAK=$(SOAK) $(BIN)/python -m pytest -n 2 --timeout 0 tests/model

lint: setup-dev lint-ruff lint-mypy lint-imports lint-sql ## Run the linters alone

lint-ruff:
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

lint-mypy:
	@$(BIN)/mypy --no-error-summary

lint-imports:
	@$(BIN)/lint-imports --no-cache

lint-sql:
	@$(BIN)/sqlfluff lint --disable-progress-bar sql/staging sql/core sql/kpi

format: setup-dev ## Format the Python code
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

docs: setup-dev ## Make the pages that come from the code
	@$(BIN)/python -m tools.settings_page
	@$(BIN)/python -m tools.vendors_page

bench: setup-dev ## Measure against polars, pandas and plain DuckDB; BENCH_EVENTS=1000000 for a small round
	@$(BIN)/python -m bench

lock: setup-dev ## Resolve both lock files again after a change of dependencies
	@$(COMPILE) --group dev --upgrade --output-file requirements-dev.lock
	@$(COMPILE) --group build --upgrade --constraints requirements-dev.lock --output-file requirements.lock

clean: ## Remove .venv, caches and build leftovers; the instance folder stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench-results build *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
