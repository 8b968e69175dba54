# The commands of this project. Each works in a fresh clone: what it needs is installed first,
# as wheels from the hashed locks, and only when a lock or pyproject.toml has changed.
#
#   make demo    a CPO, a payment provider, two eMSPs, three stations; ARGS="--once --json" plays the story and ends
#   make test    the whole suite on every core; ARGS="tests/webpayment -k slot" for a part of it
#   make check   ruff, mypy --strict, floors, surface, docs
#   make bench   every figure of the README, measured again here
#   make docs    the generated parts of the pages: tree, commands, settings, state pictures
#   make lock    new locks from pyproject.toml (needs uv)
#   make proofs  which test shows which requirement to hold
#   make mutants breaks each of them in a copy and sees whether its test notices; ARGS="W7 M3" for some

.POSIX:
.SUFFIXES:
.PHONY: help demo test check format docs bench lock proofs mutants clean install install-dev

PYTHON ?=
VENV   = .venv
BIN    = $(VENV)/bin
UV     ?= uv
ARGS   ?=

PIP     = $(BIN)/python -m pip --disable-pip-version-check --quiet
WHEELS  = --require-hashes --only-binary :all:
PROJECT = --no-deps --no-build-isolation --editable .
LOCK    = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

help:
	@sed -n 's/^#   //p' Makefile

demo: install
	@$(BIN)/evouch demo $(ARGS)

# All of it runs on every core; a part runs in one process, which starts sooner and stops at a breakpoint.
test: install-dev
	@set -- $(ARGS); [ $$# -gt 0 ] || set -- -n auto --dist worksteal; set -x; $(BIN)/python -m pytest "$$@"

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_floors.py tests/test_surface.py tests/test_docs.py

format: install-dev
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

docs: install-dev
	@$(BIN)/python -m docs.generate

bench: install-dev
	$(BIN)/python -m bench $(ARGS)

proofs: install-dev
	@$(BIN)/python -m tests.proofs

mutants: install-dev
	@$(BIN)/python -m tests.mutants $(ARGS)

install: $(VENV)/.run
install-dev: $(VENV)/.dev

$(VENV)/.run: requirements/run.txt pyproject.toml
	@PYTHON="$(PYTHON)" sh requirements/venv.sh $(VENV)
	@echo "Installing what evouch runs on (once) …" >&2
	@$(PIP) install $(WHEELS) -r requirements/run.txt
	@$(PIP) install $(PROJECT)
	@touch $@

# The development lock holds all of the other one, so the second stamp is true as well.
$(VENV)/.dev: requirements/dev.txt requirements/run.txt pyproject.toml
	@PYTHON="$(PYTHON)" sh requirements/venv.sh $(VENV)
	@echo "Installing what evouch is tested with (once) …" >&2
	@$(PIP) install $(WHEELS) -r requirements/dev.txt
	@$(PIP) install $(PROJECT)
	@touch $(VENV)/.run $@

# No file holds an address: where wheels come from is the installer's own setting.
lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: python3 -m pip install uv" >&2; exit 1; }
	$(LOCK) --extra build --output-file requirements/run.txt pyproject.toml
	$(LOCK) --extra build --extra web3 --constraint requirements/run.txt --output-file requirements/web3.txt pyproject.toml
	$(LOCK) --extra build --extra dev --constraint requirements/run.txt --output-file requirements/dev.txt pyproject.toml

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist bench/results
	find src tests -name __pycache__ -prune -exec rm -rf {} +
