# `make help` lists the targets. All that is installed goes into $(VENV); nothing outside this folder changes.
# Another interpreter: make test PYTHON=python3.13 VENV=.venvs/3.13
PYTHON ?= python3
VENV ?= .venv
ONCE ?=
THREADS ?= 4
SHAPE ?= ours, Flask g, f(int)
# Of the wheel in $(VENV), and the tests that are run on it, all unless told.
FEATURES ?=
TESTS ?=

BIN := $(VENV)/bin
# The promises and what calls mean, without what takes minutes and knows nothing of the hit path.
LONG_WAY := tests/promises tests/model $(wildcard tests/*/test_sessions*.py) \
	$(addprefix tests/behaviour/,test_explain.py test_introspection.py test_introspection_basic.py test_keys.py) \
	$(addprefix tests/coroutines/,test_coroutines.py test_one_flight.py)
TYPED := python scripts benches $(wildcard examples tests/typing)
# Folders too, so that a file that was removed counts as a change.
SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md LICENSE $(wildcard build.rs) \
	$(shell find src python -name __pycache__ -prune -o -print)

# A bare cargo build would link libpython without the first, and be rebuilt for another interpreter without the second.
export PYO3_BUILD_EXTENSION_MODULE := 1
export PYO3_PYTHON := $(abspath $(BIN)/python)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help hello demo workers machines test lint cargo-test pytest pytest-no-fast-paths stress stress-stores mutants \
	mutants-of-today test-all test-freethreaded pytest-freethreaded test-example bench bench-report bench-check bench-counts bench-profile \
	dev-install build wheel format docs todo clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

hello: ## begin the day: where the work stands and what can be done
	@PYTHON=$(PYTHON) VENV=$(VENV) scripts/hello.sh

demo: $(VENV)/.wheel $(VENV)/.group-demo ## serve the report of a million sales rows; ONCE=1 runs its fixed scenario and ends
	$(BIN)/python examples/flask_report.py $(if $(ONCE),--once)

workers: $(VENV)/.wheel $(VENV)/.group-demo ## serve one report by four gunicorn workers that share a store; ONCE=1 as above
	$(BIN)/python examples/flask_workers.py $(if $(ONCE),--once)

machines: $(VENV)/.wheel $(VENV)/.group-demo ## serve one report by two gunicorns that share a Redis, of REDIS_URL or their own; ONCE=1 as above
	$(BIN)/python examples/flask_redis.py $(if $(ONCE),--once)

test: lint cargo-test pytest pytest-no-fast-paths bench-check mutants-of-today ## all that CI runs

lint: $(VENV)/.wheel $(VENV)/.group-lint ## layers, widths, formatting, clippy, ruff, mypy, pyright, stubtest
	$(BIN)/python scripts/check_layers.py
	$(BIN)/python scripts/check_widths.py
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo clippy --locked --all-targets --no-default-features -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(TYPED)
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m mypy.stubtest --concise versioned_lru_cache._core

cargo-test: ## tests of the engine, compiled without Python; its flights in all small schedules of threads
	cargo test --locked --no-default-features
	RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=target/loom cargo test --locked --no-default-features --release --test schedules

pytest: $(VENV)/.wheel $(VENV)/.group-test ## tests of the installed wheel
	$(BIN)/python -m pytest $(TESTS)

pytest-no-fast-paths: ## tests of the promises on a wheel whose calls all take the long way
	$(MAKE) --no-print-directory pytest VENV=$(VENV)/no-fast-paths FEATURES=no-fast-paths TESTS="$(LONG_WAY)"

stress: $(VENV)/.wheel $(VENV)/.group-test ## random schedules and random functions, four kinds for SECONDS each, 300 unless told
	$(BIN)/python -m tests.concurrency.stress --seconds $(or $(SECONDS),300)
	$(BIN)/python -m tests.concurrency.stress_fresh --seconds $(or $(SECONDS),300)
	$(BIN)/python -m tests.concurrency.stress_nested --seconds $(or $(SECONDS),300)
	$(BIN)/python -m tests.model.graph_world --seconds $(or $(SECONDS),300)

stress-stores: $(VENV)/.wheel $(VENV)/.group-test ## damage the files of stores and kill their processes, some hundred times
	STORE_DAMAGES=400 STORE_KILLS=40 $(BIN)/python -m pytest tests/stores -k "damaged or killed"

mutants: $(VENV)/.group-test ## break each promise on purpose; its test must notice
	$(BIN)/python scripts/mutants.py

mutants-of-today: $(VENV)/.group-test ## a quarter of the mutants, another each day
	$(BIN)/python scripts/mutants.py --share $$(( $$(date +%s) / 86400 % 4 ))/4

test-all: ## the tests on each CPython from 3.10 to 3.14 that is found
	MAKE="$(MAKE)" scripts/test_all.sh

test-freethreaded: ## the tests, each in several threads at once, on a free-threaded build: PYTHON=python3.14t
	@$(PYTHON) -c 'import sys; sys.exit("t" not in sys.abiflags and "Name a free-threaded build: PYTHON=python3.14t")'
	$(MAKE) --no-print-directory pytest-freethreaded PYTHON="$(PYTHON)" VENV=.venvs/3.14t

pytest-freethreaded: $(VENV)/.wheel $(VENV)/.group-freethreaded
	$(BIN)/python -m pytest --parallel-threads $(THREADS)

test-example: $(VENV)/.wheel $(VENV)/.group-demo ## serve the Flask example with the faux database
	$(BIN)/flask --app examples/flask_fauxdb_app_example.py run

bench: $(VENV)/.wheel $(VENV)/.group-bench ## compare with functools and other caches; writes the pages of performance in eight minutes
	$(BIN)/python benches/compare.py --json-in docs/benchmarks
	$(BIN)/python benches/report.py

bench-report: $(VENV)/.wheel $(VENV)/.group-bench ## write the pages of performance and their pictures anew from docs/benchmarks
	$(BIN)/python benches/report.py

bench-check: $(VENV)/.wheel $(VENV)/.group-bench ## count the instructions of calls, by valgrind; 5 % more than committed fails
	$(BIN)/python benches/check_counts.py

bench-counts: $(VENV)/.wheel $(VENV)/.group-bench ## make those counts the committed ones, for this interpreter
	$(BIN)/python benches/check_counts.py --renew

# With the names of our functions, which wheels leave out.
bench-profile: $(VENV)/.group-build $(VENV)/.group-bench ## the instructions of a hit, by function; SHAPE says of which
	rm -rf $(VENV)/profile
	$(BIN)/maturin build --release --strip false --interpreter $(BIN)/python --out $(VENV)/profile
	$(BIN)/python -m pip install --quiet --no-index --no-deps --target $(VENV)/profile $(VENV)/profile/*.whl
	PYTHONPATH=$(VENV)/profile $(BIN)/python benches/profile_of_a_hit.py "$(SHAPE)"

dev-install: $(VENV)/.wheel $(addprefix $(VENV)/.group-,build demo docs test lint bench) ## set up all that development needs
	@echo "Ready: . $(BIN)/activate"

build: $(VENV)/.group-build ## wheel and source distribution into dist/
	$(BIN)/maturin build --release --sdist --interpreter $(BIN)/python --out dist

wheel: $(VENV)/.group-build ## wheel into dist/
	$(BIN)/maturin build --release --interpreter $(BIN)/python --out dist

format: $(VENV)/.group-lint ## format all code
	cargo fmt
	$(BIN)/ruff format

docs: $(VENV)/.wheel $(VENV)/.group-docs ## the documentation as a site: site/index.html
	rm -rf site
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env -d $(VENV)/doctrees docs site

todo: ## list what the code marks as to do
	@git grep --untracked -nIE '(#|//|--) TODO:' -- ':!Makefile' || echo "Nothing is marked as to do."

clean: ## remove all that was built or installed; only the repository stays
	rm -rf .venv .venvs target dist site .demo .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -path ./.git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.ready: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=...")'
	@echo "Setting up $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	@touch $@

$(VENV)/.group-%: pyproject.toml constraints.txt $(VENV)/.ready
	@echo "Installing the $* tools into $(VENV)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group $*
	@touch $@

# Always the wheel, never an editable install: what is tested is what is shipped.
$(VENV)/.wheel: $(SOURCES) $(VENV)/.group-build
	rm -rf $(VENV)/wheel
	$(BIN)/maturin build --release --features "$(FEATURES)" --interpreter $(BIN)/python --out $(VENV)/wheel
	$(BIN)/python -m pip install --quiet --no-index --no-deps --force-reinstall $(VENV)/wheel/*.whl
	@touch $@
