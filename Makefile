# `make repro` runs the pipeline on the corpus in params.yaml and prints the table of CCC. It trains
# as many runs at once as this machine, or RJCMA_EXECUTOR, has room for; with RJCMA_LAUNCH, which
# gives all GPUs to one run, one after another.
# `make test` checks the project itself. Both first install .venv from the lock, if it is missing or
# older than the lock.

PYTHON ?= python3
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: repro ablation test test-long setup benchmark gpu clean

repro: setup
	@rjcma mend
	@rjcma check
	dvc repro encode embed_text
	$(if $(RJCMA_LAUNCH),,rjcma make train)
	dvc repro
	@rjcma table data/report

# Trains each row of ablation/rows.yaml several times, which takes long. Finished runs are kept.
ablation: setup
	@rjcma mend
	@rjcma check
	dvc repro ablation/dvc.yaml
	@cat data/ablation/report/tables.md
	@# The front page of the report shows the ablation, where runs have been trained.
	@if [ -d data/runs ]; then dvc repro --force --single-item score; fi

test: setup
	ruff check .
	ruff format --check .
	mypy
	pytest

# The proofs that take minutes: killed runs, and runs in two places.
test-long: setup
	pytest -m long

benchmark: setup
	python -m benchmarks.looking
	python -m benchmarks.stages
	python -m benchmarks.scale
	python -m benchmarks.runs
	python -m benchmarks.recognisers
	python -m benchmarks.annotations
	python -m benchmarks.loader
	python -m benchmarks.fusion
	python -m benchmarks.gates
	python -m benchmarks.backbones
	python -m benchmarks.pretrained
	python -m benchmarks.overlay
	python -m benchmarks.pages

# Everything that is for a GPU, tests and measurements; on a CPU what means something there.
gpu: setup
	python -m benchmarks.gpu

setup: $(VENV)/ready

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or later is needed; name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	pip install --quiet --requirement requirements.lock
	pip install --quiet --no-deps --no-build-isolation --editable .
	python -m rjcma.install
	@touch $@

clean:
	rm -rf $(VENV)
