PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup client protocol fmt check test test-py test-client e2e bench build demo shots browser clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

.make/python: pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@mkdir -p .make && touch $@

.make/node: client/package.json client/package-lock.json
	@node -e 'process.exit(+(process.versions.node.split(".")[0] < 20))' || { echo "Node.js 20 or newer is needed"; exit 1; }
	cd client && npm ci --no-audit --no-fund --loglevel=error
	@mkdir -p .make && touch $@

CLIENT := $(shell find client/src -name '*.ts' -o -name '*.tsx') client/build.mjs
cobrowse/static/embed.js: .make/node $(CLIENT)
	cd client && npm run --silent build

setup: .make/python .make/node cobrowse/static/embed.js ## Install everything; leaves .venv/bin/cobrowse working

client: .make/node cobrowse/static/embed.js ## Build the browser files

protocol: .make/python .make/node ## Generate client/src/protocol.gen.ts and tests/vectors.json from the Python side
	@$(BIN)/python -c 'import json; from cobrowse.messages import schema; print(json.dumps(schema()))' | node client/protocol.mjs
	@$(BIN)/python tests/make_vectors.py > tests/vectors.json
