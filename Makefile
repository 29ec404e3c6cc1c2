# `make serve` and `make test` do all the set-up a fresh machine needs: git, Python >= 3.11 and a C compiler are enough.
# With cargo on the PATH the native engine is built; without it the reference engine runs from this checkout.

PYTHON ?= python3
PORT ?= 5006
# what pytest gets: `make test TESTS="tests/test_cli.py -k seed"`
TESTS ?= tests
# test processes side by side
JOBS ?= 2
# ENGINE=reference leaves the native engine out although cargo is there
ENGINE ?=

UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .tools/bin/uv)
CARGO := $(if $(filter reference,$(ENGINE)),,$(shell cargo --version >/dev/null 2>&1 && echo cargo))
# The checkout is on the import path whether the project is installed or, without cargo, only its dependencies are.
export PYTHONPATH := $(CURDIR)
RUN := $(UV) run --no-sync
# Where bytecode is not kept, every process compiles all that it imports again: ten seconds of processor time each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup serve test bars docs lab lessons handout check uv clean

help:
	@echo "make serve   build what is needed and serve the dashboard on 127.0.0.1:$(PORT) (PORT=... to change it)"
	@echo "make test    build what is needed and run the tests (TESTS=... to choose)"
	@echo "make bars    the slow tests: strategies over many seeds, repaints a second"
	@echo "make docs    the pages, in build/docs; a warning is an error"
	@echo "make lab     the lessons in JupyterLab"
	@echo "make lessons all lessons with their full number of runs, and what came out"
	@echo "make handout copies of the lessons without solutions, in build/handout"
	@echo "make check   what .ci/run does: formatting, linters, types, boundaries, Rust tests, make test"
	@echo "make clean   remove the environment and what was built"

.tools/bin/uv:
	@echo "==> uv is not on the PATH: fetching it into .tools (nothing outside this folder is touched)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than 3.11: install a newer one, or name it: make PYTHON=python3.12 ..." >&2; exit 1; }
	@# Debian splits venv from Python; pip alone reaches the same place.
	@{ $(PYTHON) -m venv .tools && .tools/bin/python -m pip install --quiet "uv>=0.5,<1"; } \
	  || $(PYTHON) -m pip install --quiet --upgrade --target .tools "uv>=0.5,<1" \
	  || { echo "uv could not be fetched: pip reaches no package index, or python3-venv and pip are missing" >&2; exit 1; }

uv: $(filter .tools/bin/uv,$(UV))
	@echo $(UV)

setup: $(filter .tools/bin/uv,$(UV))
ifeq ($(CARGO),)
	@echo "==> no Rust toolchain in use: installing the dependencies only; market_sim runs from this checkout."
	@echo "    For the native engine install Rust (rustup) and run this again."
	@$(UV) sync --quiet --no-install-project
else
	@echo "==> installing the dependencies and building the native engine with $$(cargo --version)"
	@$(UV) sync --quiet \
	  || { echo "the native engine could not be built (see above); 'make ENGINE=reference ...' goes without it" >&2; exit 1; }
endif
	@$(RUN) python -c 'import market_sim; print("==> engine:", market_sim.ENGINE)'

serve: setup
	@echo "==> http://127.0.0.1:$(PORT)/app   (Ctrl-C stops it)"
	@$(RUN) panel serve app --address 127.0.0.1 --port $(PORT) --liveness \
	  --allow-websocket-origin 127.0.0.1:$(PORT) --allow-websocket-origin localhost:$(PORT) \
	  --websocket-max-message-size 8388608 --unused-session-lifetime 10000 --check-unused-sessions 5000

# Files stay together on one worker: a module's fixtures (a generated capture) are made once. The browser tests run
# afterwards and one by one: pages painted without a graphics card keep two processors busy, two at once are slower than
# in turns. Exit code 5 says that TESTS chose none of a kind.
test: setup
	@$(RUN) python -c 'from market_sim.doctor import chromium_advice; print(chromium_advice())'
	$(RUN) pytest -n $(JOBS) --dist loadfile -m "not browser and not slow" $(TESTS) || [ $$? = 5 ]
	$(RUN) pytest -m "browser and not slow" $(TESTS) || [ $$? = 5 ]

# What strategies do over many seeds, and how fast pictures change: minutes of processor time, a machine of its own.
bars: setup
	$(RUN) pytest -m slow -s $(TESTS)

docs: setup
	$(RUN) sphinx-build --quiet --jobs auto --fail-on-warning --keep-going -b html docs build/docs
	@echo "==> build/docs/index.html"

# The notebooks are made from the .py files, which are what is reviewed; opening either keeps both in step.
lab: setup
	$(RUN) jupyter lab lessons

# The tables are printed whether all came out or not; what the tests said decides about success.
lessons: setup
	@$(RUN) python lessons/verdicts.py --forget
	MARKET_SIM_LESSONS=full $(RUN) pytest -n $(JOBS) --nbmake --nbmake-timeout=1200 --timeout=1200 lessons; \
	  status=$$?; $(RUN) python lessons/verdicts.py && exit $$status

handout: setup
	$(RUN) python lessons/handout.py build/handout

check:
	.ci/run

clean:
	rm -rf .venv .tools build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache engine_rs/target market_sim/_engine*.so
