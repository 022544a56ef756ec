PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# A test that hangs ends its worker after 20 minutes, with a stack trace and the test's name.
PYTEST := pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile --timeout=1200 --timeout-method=thread
# COVERAGE=1 counts what the tests reach of the package, and holds it to the floor in pyproject.toml.
COVERED := $(if $(COVERAGE),--cov --cov-report=term $(if $(GITHUB_STEP_SUMMARY),--cov-report=markdown-append:$(GITHUB_STEP_SUMMARY)))

.PHONY: repro folds test test-slow bench reliability rehearse-ci verify-results lint lock fuzz kills audit sbom docs docs-serve

repro: .venv/ready ## the whole pipeline, on phantoms unless params.yaml says otherwise
	@python -m pipeline doctor --quick
	dvc repro

folds: .venv/ready ## every group tested once, one figure over all; goes on where it was killed
	@python -m pipeline doctor --quick
	python -m pipeline folds

test: .venv/ready ## what CI runs
	$(MAKE) lint
	$(PYTEST) -m "not slow" $(COVERED)

test-slow: .venv/ready ## the figures that the default settings must reach; an hour
	pytest -m slow

bench: .venv/ready .venv/peers/ready ## run every benchmark, and write docs/benchmarks.md; hours on a quiet machine
	dvc repro preprocess
	python -m benchmarks.run_all --peers .venv/peers/bin/python

reliability: .venv/ready ## write docs/reliability.md from what its tests see; slow ones are named there, not run
	$(PYTEST) -m "reliability and not slow" --reliability-page=docs/reliability.md

rehearse-ci: .venv/ready ## walk the retraining job here, from new radiographs to a promoted model; minutes
	python -m ci.rehearse

verify-results: .venv/ready ## recompute what can be of docs/results.md; minutes where FracAtlas is at hand
	python -m ci.verify_results

fuzz: .venv/ready ## ten minutes of changed inputs; FUZZ_SEED=7 repeats a run
	pytest -m slow tests/fuzz

kills: .venv/ready ## kill -9 at 50 moments of dvc repro; half an hour; KILLS=8 for fewer
	pytest -m slow -s tests/kills

audit: .venv/audit/ready ## known holes in what is locked; asks PyPI, and fails where it does not answer
	.venv/audit/bin/pip-audit --strict --disable-pip --require-hashes --timeout 5 -r requirements.lock

sbom: .venv/audit/ready ## sbom.json: what is locked, as CycloneDX, checked against its schema
	.venv/audit/bin/cyclonedx-py requirements --validate --output-reproducible --output-format JSON \
		--pyproject pyproject.toml --output-file sbom.json requirements.lock

docs: export NO_MKDOCS_2_WARNING := 1
docs: .venv/ready ## build the documentation into site/; a warning is an error, no network is asked
	python -m mkdocs build --quiet

docs-serve: export NO_MKDOCS_2_WARNING := 1
docs-serve: .venv/ready ## show the documentation on this machine while you write it
	python -m mkdocs serve

lint: .venv/ready
	ruff format --check .
	ruff check .
	mypy

lock: ## resolve the dependencies anew; names, versions and hashes, no addresses
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--python-version 3.11 --extra ray --extra s3 --group dev pyproject.toml --output-file requirements.lock

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# A dependency group in an environment of its own: .venv/audit, .venv/peers.
.venv/%/ready: pyproject.toml
	$(PYTHON) -m venv .venv/$*
	.venv/$*/bin/python -m pip install --quiet "pip>=25.1"
	.venv/$*/bin/python -m pip install --quiet --group $*
	touch $@
