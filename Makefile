# make demo   train on a real river basin, step the model through BMI, show the scores
# make test   everything that continuous integration runs
# make check  style, types and the fast tests, after every change
# make lint   style and types          make bench  speed and memory
# make venv   the environment          make site   the documentation as pages
# make dist   wheel and source, installed on every Python at hand
# make images  containers, built and used
# make nightly  everything, with new examples      make coverage  what tests reach
# make sanitize  kernels by both compilers, with what finds wrong accesses
# make clean  remove all of it; results stay

PYTHON ?= python3
WORKERS ?= 2
TORCH := torch==2.13.0
# Where PyTorch is taken from; the index of its CPU builds saves gigabytes without a GPU.
TORCH_INDEX ?=
NUMPY ?= numpy>=1.26

BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
READY := .venv/.ready

.PHONY: venv demo check test nightly sanitize coverage images lint format bench dist site clean

venv: $(READY)

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 10), "Python >= 3.10, please"'
	$(PYTHON) -m venv .venv
	$(INSTALL) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	$(INSTALL) --editable '.[train,dev]' '$(NUMPY)'
	touch $@

demo: $(READY)
	$(BIN)/dmx demo --output runs/demo

# What is tested within two minutes on two cores: all that needs no training, no coupled
# run, no page and no built wheel.
FAST := $(addprefix tests/,program space scan networks compose operate) \
  $(filter-out %_docs.py %_containers.py %_distribution.py %_house.py,$(wildcard tests/test_*.py))

# Tests run in parallel processes, hence one thread each.
check: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -q -m 'not slow and not release' $(FAST)

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -m 'not release'

# Properties are tried with examples that nobody has seen.
# The loggers of others are installed for the night alone: they bring a hundred megabytes.
nightly: $(READY)
	$(INSTALL) --editable '.[wandb,mlflow]'
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --hypothesis-profile fresh

# By GCC and by Clang, which has to be there with its runtime.
sanitize: $(READY)
	$(BIN)/python -m pytest tests/kernels -k "must_not or clang" -rs

# Of all tests but the slow ones, or of some alone: make coverage TESTS=tests/scan
TESTS ?= tests

coverage: $(READY)
	mkdir -p runs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) -m 'not slow and not release' --cov=bmi_dmx \
	  --cov-branch --cov-report=term:skip-covered --cov-report=xml:runs/coverage.xml $(TESTS)
	$(BIN)/python -m coverage report --format=markdown > runs/coverage.md

# Needs root, buildah and debootstrap. Sizes and times are in runs/images.xml.
images: $(READY)
	$(BIN)/python -m pytest tests/test_images.py -rs -o junit_family=xunit1 \
	  --junitxml=runs/images.xml

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)
	mkdir -p runs
	$(BIN)/dmx bench scan --json runs/bench_scan.json
	$(BIN)/dmx bench step --json runs/bench_step.json
	$(BIN)/python scripts/bench_ratios.py runs/bench_scan.json > runs/bench_ratios.md
	cat runs/bench_ratios.md

dist: $(READY)
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m pytest tests/test_distribution.py -rs

# The documentation as pages, from docs/ and the docstrings; begin with site/index.html.
site: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf .venv build site dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
