# Two commands a newcomer needs: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
PY := $(BIN)/python

.PHONY: setup test lint coverage mutate bench-quick faults soak fuzz demo screenshots

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

setup: $(VENV)/installed

test: setup
	$(PY) -m pytest -n 2 --dist worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(PY) -m pytest -q -s tests/test_structure.py

$(VENV)/mutation: $(VENV)/installed
	$(BIN)/pip install --quiet -c constraints.txt -e '.[mutation]'
	touch $@

# Which branches the tests take, in their own processes too; a room below 95% is an error.
ROOMS := bandit data evaluate serve
coverage: $(VENV)/mutation
	mkdir -p artifacts/coverage && $(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 2 --dist worksteal
	$(BIN)/coverage combine --quiet
	@for room in $(ROOMS); do echo "$$room:"; \
	    $(BIN)/coverage report --include "$$room/*" --skip-covered --fail-under 95 || low=1; \
	done; exit $${low:-0}

# How many small faults the tests notice, in a random sample of each room's; SAMPLE= takes all.
# What was run before is not run again: remove mutants/ when code or tests have changed.
SAMPLE ?= 300
mutate: $(VENV)/mutation
	$(PY) -m tests.mutate $(if $(SAMPLE),--sample $(SAMPLE))
	$(PY) -m tests.mutate_sql $(if $(SAMPLE),--sample $(SAMPLE))

# Every benchmark at its smallest: to see that it works, not what it measures.
bench-quick: setup
	$(PY) -m bench all --quick

# Processes, disks, clocks, files, stores and callers broken: minutes. docs/reliability.md lists them.
faults: setup
	$(PY) -m bench faults

# The loop under mixed load: half an hour.
soak: setup
	$(PY) -m bench soak --minutes 30

# Bytes of every kind that anybody sends, CASES of each; then the service over HTTP, which reads what
# `make demo` made. Hours at the default; docs/fuzzing.md has what it found.
CASES ?= 100000
SECONDS_EACH ?= 0
EXAMPLES ?= 1000
fuzz: setup
	$(BIN)/pip install --quiet -c constraints.txt -e '.[fuzz]'
	$(PY) -m tests.fuzz --cases $(CASES) --seconds $(SECONDS_EACH)
	$(PY) -m tests.fuzz.service --examples $(EXAMPLES)

# The whole loop, every step a command of its own; minutes on two cores. SIZE=small is for machines
# that check the loop rather than what it reaches.
SIZE ?= full
ifeq ($(SIZE),small)
TITLES := 16
MEMBERS := 300
A_DAY := 2000
NEW := --titles 8 --members 100
TRAIN := --fit.epochs 4 --fit.validate-every 2
else
TITLES := 160
MEMBERS := 5000
A_DAY := 70000
NEW := --titles 40 --members 400
TRAIN :=
endif
DEMO := artifacts/demo
UNSEEN := sample/held_out.txt

demo: setup
	@echo "1/8  a catalogue of posters, of all cut-outs but thirty"
	rm -rf $(DEMO) artifacts/runs/demo
	$(PY) -m simulate catalogue --subjects sample/artwork --exclude-subjects $(UNSEEN) --titles $(TITLES) --artworks 6 --seed 1 --out $(DEMO)/catalogue
	@echo "2/8  ten days in which members browse it, under random artwork"
	$(PY) -m simulate log --catalogue $(DEMO)/catalogue --members $(MEMBERS) --days 10 --decisions-per-day $(A_DAY) --seed 1 --out $(DEMO)/log
	@echo "3/8  decisions and what came of them; the last two days are kept from training"
	$(PY) -m data join $(DEMO)/log --catalogue $(DEMO)/catalogue --now 2026-01-14T00:00 --out $(DEMO)/examples
	$(PY) -m data check $(DEMO)/examples --catalogue $(DEMO)/catalogue
	$(PY) -m data profiles $(DEMO)/examples --out $(DEMO)/profiles.parquet
	mkdir $(DEMO)/held_out && mv $(DEMO)/examples/day=2026-01-09 $(DEMO)/examples/day=2026-01-10 $(DEMO)/held_out
	@echo "4/8  train, judge, export, publish"
	$(PY) train.py --config configs/demo.yaml $(TRAIN)
	@echo "5/8  artwork maps of all members for the next day"
	$(PY) -m serve precompute --bundle $(DEMO)/bundles/current --catalogue $(DEMO)/catalogue --profiles $(DEMO)/profiles.parquet --day 2026-01-11 --store $(DEMO)/maps
	@echo "6/8  what one member is shown: title, image, and how it was decided"
	$(PY) -m serve lookup m1-000001 --store $(DEMO)/maps --base-url $(DEMO)/catalogue/ | sed -n 1,8p
	@echo "7/8  posters of the thirty cut-outs that training never saw, for new members"
	$(PY) -m evaluate cold-start --bundle $(DEMO)/bundles/current --subjects sample/artwork --include-subjects $(UNSEEN) $(NEW) --artworks 6 --json > $(DEMO)/cold_start.json
	@echo "     a synopsis chosen with its artwork, and what that adds where both matter"
	$(PY) -m evaluate combination --bundle $(DEMO)/bundles/current --catalogue $(DEMO)/catalogue
	@echo "     a row whose images are chosen for what stands beside them, and what that adds where it matters"
	$(PY) -m evaluate row --bundle $(DEMO)/bundles/current --catalogue $(DEMO)/catalogue
	@echo "8/8  what it earns on the two days that were kept, and the report"
	$(PY) -m evaluate demo

# The pictures of the README and the docs, from what `make demo` made.
screenshots: setup
	$(PY) -m tests.screenshots
