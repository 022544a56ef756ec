PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro test test-slow reliability rehearse-ci lint lock

repro: .venv/ready ## the whole pipeline, on phantoms unless params.yaml says otherwise
	@python -m pipeline doctor --quick
	dvc repro

test: .venv/ready ## what CI runs
	$(MAKE) lint
	pytest -m "not slow" --numprocesses=logical --maxprocesses=4 --dist=loadfile

test-slow: .venv/ready ## the figures that the default settings must reach; an hour
	pytest -m slow

reliability: .venv/ready ## write docs/reliability.md from what its tests see; slow ones are named there, not run
	pytest -m "reliability and not slow" --numprocesses=logical --maxprocesses=4 --dist=loadfile \
		--reliability-page docs/reliability.md

rehearse-ci: .venv/ready ## walk the retraining job here, from new radiographs to a promoted model; minutes
	python -m ci.rehearse

lint: .venv/ready
	ruff format --check .
	ruff check .
	mypy

lock: ## resolve the dependencies anew; names, versions and hashes, no addresses
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --group dev pyproject.toml --output-file requirements.lock

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
