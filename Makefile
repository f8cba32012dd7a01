# Two commands do everything on a fresh machine: `make quickstart` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BACKENDS := numpy torch tensorflow
# One process more than there are cores, since tests that start ltspec wait for it.
PROCESSES = $(shell $(PYTHON) -c 'import os; print(1 + (os.cpu_count() or 1))')
SPREAD = --numprocesses $(PROCESSES) --dist loadscope

.PHONY: setup quickstart test lint schema clean

# Makes .venv with all that development and tests need; does nothing when that is there.
setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "ltspec needs Python 3.11 or newer; name one with: make PYTHON=python3.12 setup"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	@touch $@

# Finds lottery tickets of a small LeNet on real data that needs no network; under two minutes.
quickstart: setup
	$(BIN)/ltspec run examples/quickstart.yaml --backend torch --threads 1

# Every test. The conformance suite runs once a backend, in processes of its own. A thread a process:
# those of torch and of numpy's BLAS wait by spinning.
test: export OMP_NUM_THREADS = 1
test: setup
	$(BIN)/python -m pytest tests --ignore=tests/conformance $(SPREAD)
	@set -e; for backend in $(BACKENDS); do \
	  echo "conformance: $$backend"; \
	  $(BIN)/python -m pytest tests/conformance --backend $$backend $(SPREAD); \
	done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/ltspec schema | diff - schemas/ltspec.schema.json
	$(BIN)/ltspec schema --format markdown | diff - docs/language.md
	$(BIN)/ltspec schema --format core | diff - ltspec/language/generated.py

# Writes what is generated from the language's models.
schema: setup
	$(BIN)/ltspec schema > schemas/ltspec.schema.json
	$(BIN)/ltspec schema --format markdown > docs/language.md
	$(BIN)/ltspec schema --format core > ltspec/language/generated.py

clean:
	rm -rf $(VENV) build *.egg-info
