# One target a task; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
NODE_TESTS := tests/simulator tests/grafana
NODE_INSTALLED := $(NODE_TESTS:%=%/node_modules/.installed)

.DEFAULT_GOAL := help
.PHONY: help install demo test lint types unit soak fuzz bench format golden metrics-doc configure-doc dashboards pictures rules constraints release-check clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Everything is installed as constraints/ pins it, by hash; then the project itself, built with what
# is there already. The environment holds for as long as these files don't change.
PINNED := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement
$(VENV)/.installed: pyproject.toml constraints/build.txt constraints/runtime.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "xo-exporter needs Python 3.11 or later; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "Python's venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PINNED) constraints/build.txt
	$(PINNED) constraints/runtime.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed constraints/test.txt
	$(PINNED) constraints/test.txt
	@touch $@

# Xen Orchestra's client of XAPI, which the simulated pool is tried with, and Grafana's types, which
# the dashboards are held to; left out without npm.
%/node_modules/.installed: %/package.json
	@if command -v npm >/dev/null; then \
	  cd $* && npm install --silent --no-package-lock --no-audit --no-fund && touch node_modules/.installed; \
	elif [ "$$CI" = true ]; then echo "npm is missing" >&2; exit 1; \
	else echo "npm is missing: the tests of $* that need it will be skipped" >&2; fi

install: $(VENV)/.installed ## Set up .venv with the exporter in it

demo: $(VENV)/.installed ## Run the exporter on a simulated pool
	@echo "Open http://127.0.0.1:19773/ in a browser, or point Prometheus at it; Ctrl-C ends it."
	@exec $(BIN)/xo-exporter demo $(ARGS)

test: lint types unit ## All that must hold: lint, types, tests

lint: $(VENV)/.installed-dev ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev ## mypy, strict
	$(BIN)/mypy

unit: $(VENV)/.installed-dev $(NODE_INSTALLED) ## pytest; ARGS="-k name" for some
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

soak: $(VENV)/.installed-dev ## 10,000 scrapes with faults: does anything grow?
	$(BIN)/python tests/soak/soak.py $(ARGS)

fuzz: $(VENV)/.installed-dev ## Every parser and the HTTP side, 100,000 inputs and more
	FUZZ_EXAMPLES=20000 $(BIN)/python -m pytest -n $(JOBS) --timeout 3600 tests/fuzz $(ARGS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris || \
	  echo "atheris does not run here: the guided fuzzing is left out" >&2
	@! $(BIN)/python -c 'import atheris' 2>/dev/null || \
	  $(BIN)/python tests/fuzz/guided.py -runs=100000 -max_len=400

bench: $(VENV)/.installed-dev ## What a scrape costs, beside a plain exporter; ARGS="--estates L"
	$(BIN)/python -m benchmarks.run $(ARGS)

format: $(VENV)/.installed-dev ## Put the code in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(VENV)/.installed-dev ## Record the golden files anew; then read the diff
	$(BIN)/python -m pytest tests/golden --record-golden

metrics-doc: $(VENV)/.installed ## Write docs/metrics.md anew
	$(BIN)/python -m xo_exporter.metrics.reference docs/metrics.md

configure-doc: $(VENV)/.installed ## Write docs/configure.md anew
	$(BIN)/python -m xo_exporter.cli.reference docs/configure.md

dashboards: $(VENV)/.installed-dev ## Write grafana/dashboards anew
	$(BIN)/python -m grafana.build

rules: $(VENV)/.installed-dev ## Write the rules anew, for Prometheus, Kubernetes and Helm
	$(BIN)/python deploy/prometheus/generate.py
	$(BIN)/python deploy/kubernetes/rules.py

pictures: $(VENV)/.installed-dev ## Draw the dashboards' pictures; needs chromium, prometheus and npm
	$(BIN)/python -m grafana.pictures.draw $(ARGS)

# From pyproject.toml; what is pinned already stays, unless ARGS=--upgrade. No address of an index in it.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate $(ARGS)
constraints: $(VENV)/.installed-dev ## Pin all dependencies anew; ARGS=--upgrade for the newest
	$(LOCK) --group build -o constraints/build.txt
	$(LOCK) -c constraints/build.txt pyproject.toml -o constraints/runtime.txt
	$(LOCK) -c constraints/build.txt -c constraints/runtime.txt --group dev pyproject.toml -o constraints/test.txt

release-check: $(VENV)/.installed-dev ## Build what a release has, and try it
	rm -rf dist
	$(BIN)/python deploy/release/check.py dist $(ARGS)

clean: ## Remove what the targets made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build $(NODE_TESTS:%=%/node_modules) grafana/pictures/node_modules
	find xo_exporter tests -name __pycache__ -type d -exec rm -rf {} +
