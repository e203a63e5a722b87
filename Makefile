# Comity's commands. Everything that they do is Python under scripts/; this file only names it.
# Needs on the machine: git make python3 python3-venv. What else is needed, `make setup` installs.

PYTHON ?= python3
VENV := .venv/bin

# A network is a dozen processes: none should compile all modules anew, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test check crash fuzz golden bench lock clean _python

help:  ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-14s %s\n", $$1, $$2}'

setup: _python  ## install Comity into .venv, from pinned and hashed wheels (once; then it does nothing)
	@$(PYTHON) scripts/setup.py

demo: setup  ## a practice network of 54 jurisdictions on this machine; prints what to type next
	@$(VENV)/comity demo $(ARGS)

test: _python  ## every suite, each in its time box (under 25 minutes on two cores)
	@$(PYTHON) scripts/setup.py --test --system
	@$(VENV)/python scripts/run_tests.py all $(ARGS)

check: _python  ## format, lint, types, tidy, unit tests and vectors (under a minute)
	@$(PYTHON) scripts/setup.py --test
	@$(VENV)/python scripts/run_tests.py check $(ARGS)

crash: _python  ## kill every process of a network for longer: make crash ROUNDS=40 SEED=7
	@$(PYTHON) scripts/setup.py --test --system
	@CRASH_ROUNDS=$(or $(ROUNDS),20) CRASH_SEED=$(SEED) $(VENV)/python -m pytest -q -s tests/fault $(ARGS)

fuzz: _python  ## mutated inputs for every parser, a million: make fuzz COUNT=200000 SECONDS=60 SEED=7
	@$(PYTHON) scripts/setup.py --test
	@PYTHONPATH=src $(VENV)/python -m tests.fuzz --count $(or $(COUNT),1000000) \
		$(if $(SEED),--seed $(SEED)) $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

golden: _python  ## take the golden pictures of pages anew; look at them before you commit
	@$(PYTHON) scripts/setup.py --test --system
	@PYTHONPATH=src $(VENV)/python scripts/golden_pictures.py $(ARGS)

bench: setup  ## measure the full path: make bench ARGS="--rate 500 --seconds 60"
	@$(VENV)/comity bench exchange $(ARGS)

lock: _python  ## pin requirements/*.in anew, with hashes (for maintainers; needs the network)
	@$(PYTHON) scripts/setup.py --test
	@$(VENV)/python scripts/lock.py $(ARGS)

clean:  ## remove what was made in this clone: .venv, .comity, caches
	@rm -rf .venv .comity .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache htmlcov build dist
	@find src scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

_python:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: install it with 'apt-get install git make python3 python3-venv'" >&2; exit 1; }
