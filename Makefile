PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# After so many seconds pytest-timeout fails a test, by a signal, where it hangs; the next one runs.
export PYTEST_TIMEOUT ?= 900

.DEFAULT_GOAL := help
.PHONY: help setup client protocol fmt check test test-py test-client test-e2e test-security test-faults soak bench build demo shots programs clean

help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.make/python: pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@mkdir -p .make && touch $@

.make/node: client/package.json client/package-lock.json
	@node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' || { echo "Node.js 20 or newer is needed"; exit 1; }
	cd client && npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p .make && touch $@

CLIENT := $(shell find client/src -name "*.ts" -o -name "*.tsx") $(wildcard client/*.mjs)
cobrowse/static/embed.js: .make/node $(CLIENT)
	cd client && npm run --silent build

.make/pages: tests/e2e/material/package.json tests/e2e/material/package-lock.json
	cd tests/e2e/material && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@mkdir -p .make && touch $@

setup: .make/python .make/node cobrowse/static/embed.js ## Install everything; leaves .venv/bin/cobrowse working

client: .make/node cobrowse/static/embed.js ## Build the browser files

demo: setup ## Serve the demo shop; prints the visitor's address and the agent's login link
	$(BIN)/cobrowse serve --demo

protocol: .make/python .make/node ## Generate client/src/protocol.gen.ts and tests/vectors.json from the Python side
	@$(SCHEMA) | node client/protocol.mjs
	@$(BIN)/python tests/make_vectors.py > tests/vectors.json

SCHEMA = $(BIN)/python -c 'import json; from cobrowse.codec import schema; print(json.dumps(schema()))'

fmt: .make/python .make/node ## Format all code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	cd client && npx biome check --write .

check: .make/python .make/node ## Lint, types, and that generated files are up to date
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	$(BIN)/mypy
	cd client && npx biome check --error-on-warnings . && npx tsc --noEmit
	@$(SCHEMA) | node client/protocol.mjs --check

test: setup check test-py test-client test-e2e ## Everything: checks, unit tests, end to end

test-py: .make/python cobrowse/static/embed.js programs ## Python tests; a few of them run Chromium and coturn
	$(BIN)/pytest tests --ignore=tests/e2e --ignore=tests/bench --ignore=tests/faults -n 2

test-client: .make/node ## TypeScript tests
	cd client && npx vitest run

test-e2e: setup .make/pages programs ## Tests in a real browser
	$(BIN)/pytest tests/e2e -n 3 --dist worksteal

# The tests that docs/security.md names, but for those that need root.
SHOWN = $(shell grep -oE '`tests/[a-z0-9_/]+\.py(::[a-z0-9_]+)?`' docs/security.md | tr -d '`' | grep -v faults/ | sort -u)
SHOWN_CLIENT = $(shell grep -oE '`client/src/[A-Za-z0-9_/]+\.test\.ts`' docs/security.md | tr -d '`' | sed 's/^client.//' | sort -u)
test-security: setup .make/pages programs ## The tests that docs/security.md names
	$(BIN)/pytest $(filter-out tests/e2e/%,$(SHOWN)) -n 2 --dist worksteal
	$(BIN)/pytest $(filter tests/e2e/%,$(SHOWN)) -n 2 --dist worksteal # on its own: a browser's event loop is not shared
	cd client && npx vitest run $(SHOWN_CLIENT)

test-faults: setup programs ## Tests that need root: what networks block and lose, between network namespaces
	$(BIN)/pytest tests/faults -n 2 --dist worksteal

soak: setup programs ## An hour of viewers that come and go; SOAK_S is how many seconds
	$(BIN)/python -m tests.soak

bench: setup .make/pages programs ## Measure; writes the tables of docs/performance.md
	$(BIN)/python -m tests.bench

shots: setup programs ## Make the pictures of the README
	$(BIN)/python -m tests.e2e.shots

build: .make/python .make/node ## Build the wheel and the sdist into dist/
	rm -rf dist && $(BIN)/python -m build

# Debian's names; the fonts are for pictures with every script and emoji in them.
PROGRAMS = chromium:chromium,fonts-noto-cjk,fonts-noto-color-emoji turnserver:coturn openssl:openssl nginx:nginx caddy:caddy ip:iproute2 firefox-esr:firefox-esr faketime:faketime
programs: ## Find the programs that the tests run, or install them where apt may
	@export PATH="$$PATH:/usr/sbin"; missing=; \
	for pair in $(PROGRAMS); do \
	  name=$${pair%%:*}; packages=$$(echo $${pair#*:} | tr , ' '); \
	  case $$name in chromium) names="chromium chromium-browser google-chrome google-chrome-stable";; *) names=$$name;; esac; \
	  command -v $$names >/dev/null 2>&1 || missing="$$missing $$packages"; \
	done; \
	if [ -z "$$missing" ]; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else echo "The tests need these programs of your system:$$missing"; exit 1; fi

clean: ## Remove what was built and installed here
	rm -rf .venv .make dist cobrowse/static client/node_modules tests/e2e/material/node_modules
