# Every target sets up what it needs: Python 3.11+ and make are enough.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench backlog storm fuzz mutation release-schemas docs golden lock format clean help

help:                    ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 20

.venv.ok: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv.mutation.ok: .venv.ok requirements-mutation.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-mutation.lock
	@touch $@

demo: .venv.ok           ## broker, stand-in for AEP, generator and worker in one process: no Docker, no credentials (ARGS="--faults storm")
	$(BIN)/capillary-aep demo $(ARGS)

test: .venv.ok           ## all tests; they use a real Apache Kafka where there is Docker, or Java and Maven (ARGS="-k lanes")
	$(BIN)/pytest $(ARGS)

fuzz: .venv.ok           ## the property tests of events at length: 10,000 records each, fewer for slow ones, 1,000,000 ids (FUZZ=500 for less)
	FUZZ=$(or $(FUZZ),10000) IDS=1000000 $(BIN)/pytest --timeout=0 tests/unit/test_translation_properties.py tests/unit/test_envelopes.py $(ARGS)

mutation: .venv.mutation.ok ## changes the rooms that decode and translate in one place at a time: does a test fail? (ARGS="processor/avro")
	$(BIN)/python -m tools.mutation $(ARGS)

check: .venv.ok          ## lint, types, directions of imports, the size of the loop
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit/test_packaging.py -k the_loop_stays_readable

bench: .venv.ok          ## this worker against a plain consume-transform-post-commit loop
	$(BIN)/python -m bench $(ARGS)

backlog: .venv.ok        ## memory: a million events behind an AEP that is out, and the way down again (ARGS="--events 200000")
	$(BIN)/python -m bench.backlog $(ARGS)

storm: .venv.ok          ## the storm at full size: 100,000 events, workers that come, go and crash, under both protocols
	STORM_EVENTS=100000 $(BIN)/pytest tests/faults/test_storm.py -q $(ARGS)

docs: .venv.ok           ## renew docs/events/, drawn from the mappings
	$(BIN)/python -m tools.event_tables

golden: .venv.ok         ## renew tests/golden/: the code that is generated for each event, and what AEP gets of each case
	$(BIN)/python -m tools.golden_code
	$(BIN)/python -m tools.golden_messages

release-schemas: .venv.ok ## keep today's Avro schemas for good: part of a release
	$(BIN)/python -m tools.release

format: .venv.ok         ## let ruff lay the code out
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: .venv.ok           ## resolve the dependencies again: hashes, no addresses
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --upgrade --group mutation -c requirements-dev.lock -o requirements-mutation.lock

clean:                   ## away with what was set up
	rm -rf .venv .venv.ok .venv.mutation.ok .mutation .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
