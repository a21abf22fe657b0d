# Two commands a newcomer needs: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup test lint demo

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

setup: $(VENV)/installed

test: setup
	$(BIN)/python -m pytest -n 2

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The loop as far as it stands: catalogue, log, join, check.
demo: setup
	rm -rf artifacts/demo
	$(BIN)/python -m simulate catalogue --subjects sample/artwork --titles 40 --artworks 6 --seed 1 --out artifacts/demo/catalogue
	$(BIN)/python -m simulate log --catalogue artifacts/demo/catalogue --members 500 --days 5 --decisions-per-day 2000 --policy uniform --seed 1 --out artifacts/demo/log
	$(BIN)/python -m data join artifacts/demo/log --catalogue artifacts/demo/catalogue --out artifacts/demo/examples
	$(BIN)/python -m data check artifacts/demo/examples --catalogue artifacts/demo/catalogue
