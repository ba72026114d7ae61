# Every target sets the checkout up first; where that is done already, it takes a moment.

BIN := .venv/bin

# Tests start hundreds of processes, which would compile everything anew without files of bytecode.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup up down demo test test-deep test-fast timetabler lint protos pages rules dashboards bench lock images images-check clean

help:  ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Make .venv and install what is missing
	@scripts/setup.sh

up: setup  ## Start the platform and leave it running
	$(BIN)/tandem up

down: setup  ## Stop the platform; its data stay
	$(BIN)/tandem down

demo: setup  ## Play a Monday at a university
	$(BIN)/tandem demo

timetabler:  ## Install the solver of timetables
	@scripts/setup.sh timetabler

test: lint  ## Check everything
	@scripts/setup.sh test
	$(BIN)/pytest --numprocesses 3 --dist loadscope

test-deep: setup  ## Run the long trials: minutes instead of seconds
	@scripts/setup.sh test deep
	TANDEM_DEEP=1 $(BIN)/pytest -m deep --numprocesses 3 --dist loadscope

test-fast: setup  ## Run the tests that need no server
	$(BIN)/pytest tests/unit tests/contract

lint: setup  ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python scripts/import_rules.py

pages: setup  ## Generate what docs/architecture.md and docs/operators.md tell of the code
	$(BIN)/python scripts/pages.py
	$(BIN)/python scripts/conformance.py

rules: setup  ## Generate the objectives' alerts and the PrometheusRule of deploy/monitoring
	$(BIN)/python scripts/rules.py

dashboards: setup  ## Generate the Grafana dashboards of deploy/monitoring
	$(BIN)/python scripts/dashboards.py

protos: setup  ## Generate protos/gen, docs/events.md and docs/events from the contracts
	$(BIN)/python scripts/generate_protos.py
	$(BIN)/python scripts/catalogue.py
	$(BIN)/python scripts/golden.py --write

bench: setup  ## Measure; ONLY=name measures one thing
	$(BIN)/python -m bench $(ONLY)

LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml

lock:  ## Resolve the dependencies of pyproject.toml into the locks, with uv
	$(LOCK) --extra campus --extra dev --extra library --extra parquet --extra tools -o requirements.lock
	$(LOCK) --constraint requirements.lock -o deploy/images/requirements.lock
	$(LOCK) --constraint requirements.lock --extra library -o deploy/images/library.lock
	$(LOCK) --constraint requirements.lock --extra tools -o deploy/images/tools.lock
	$(subst pyproject.toml,timetabler/requirements.in,$(LOCK)) -o timetabler/requirements.lock
	$(subst pyproject.toml,bench/ralph.in,$(LOCK)) -o bench/ralph.lock
	$(subst pyproject.toml,bench/celery.in,$(LOCK)) -o bench/celery.lock

images:  ## Build each service's image, with docker or buildah
	deploy/images/build.sh

images-check: setup  ## Build the images on a stand-in base without an engine, and check them
	deploy/images/check.sh

clean:  ## Stop the platform; delete its data (var) and all caches
	@if [ -x $(BIN)/tandem ]; then \
		for data in var var/demo; do [ ! -d $$data ] || $(BIN)/tandem down --data $$data; done; fi
	rm -rf var build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -path ./.venv -prune -o -name __pycache__ -prune -exec rm -rf {} +
