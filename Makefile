# One command each: `make demo`, `make test`, `make check`. Each sets up what it needs.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/installed.lock
RUN := $(VENV)/bin/python
ARGS ?=

.PHONY: help setup demo test nightly bench histories check lock clean

help: ## What there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

setup: $(STAMP) ## The virtual environment, exactly as requirements.lock says

# The stamp is a copy of the lock: it is compared, not only dated, so that a fresh clone of a known lock is quick.
$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Boomerang needs Python 3.11 or newer; this is %d.%d. Name another one: make setup PYTHON=python3.12" % sys.version_info[:2] or 0)'
	@if cmp -s requirements.lock $@; then touch $@; else \
	  echo "Installing $$(grep -c '==' requirements.lock) packages into $(VENV), each checked against its hash:" && \
	  sed -n 's/^\([A-Za-z0-9._-]*\)==\([^ ;]*\).*/\1 \2/p' requirements.lock | paste -sd, - | sed 's/,/, /g' | fold -s -w 110 | sed 's/^/  /' && \
	  rm -f $@ && \
	  { [ -x $(RUN) ] || $(PYTHON) -m venv $(VENV); } && \
	  $(RUN) -m pip install --disable-pip-version-check --no-input --require-hashes --requirement requirements.lock && \
	  cp requirements.lock $@; fi

demo: setup ## Real returns, refunded before your eyes; ARGS="--returns 50 --exit" passes options
	@BOOMERANG_DEMO_STARTED=$$(date +%s) $(RUN) cli.py demo $(ARGS)

test: setup ## Every test, on the embedded stack; ARGS="tests/domain -x" chooses
	$(RUN) -m pytest $(ARGS)

nightly: setup ## The property tests of money at full size: 20,000 orders of each kind
	BOOMERANG_NIGHTLY=1 $(RUN) -m pytest tests/domain/test_repricing.py $(ARGS)

bench: setup ## 2,000 returns under a provider that fails, forgets to answer and tells everything twice
	BOOMERANG_NIGHTLY=1 $(RUN) -m pytest -s tests/trials/test_faulty_provider.py $(ARGS)

histories: setup ## Record the histories of every way a case can go, after a change of the process that is meant
	$(RUN) -m pytest tests/workflows/test_histories.py --record-histories -k still_told

check: setup ## Form, mistakes and types
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy .

lock: ## Resolve pyproject.toml anew into requirements.lock, for Python 3.11 and later
	@[ -x build/lock/bin/uv ] || { $(PYTHON) -m venv build/lock && build/lock/bin/python -m pip install --quiet uv; }
	build/lock/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet --upgrade --output-file requirements.lock

clean: ## Remove the environment, caches and all data of the embedded stack
	rm -rf $(VENV) .boomerang build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
