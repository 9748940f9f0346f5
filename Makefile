# make demo    train a small distilled student on rendered hands, and write work_dirs/demo/report.html
# make test    run the tests
# make lint    check style and docstrings
# make clean   remove caches; the environment and work_dirs are kept
#
# Each creates the environment that it needs; an installed torch 2.x is kept. Variables:
#   PYTHON=python3.12   the interpreter, 3.10 to 3.13
#   VENV=.venv312       the environment's folder
#   TORCH_INDEX=URL     package index for torch if it is not installed: the one that pytorch.org lists for your build

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
IN_VENV := $(VENV)/bin/python

.PHONY: demo test lint clean venv

demo: venv
	$(IN_VENV) tools/stages.py configs/pmd/demo.py --work-dir work_dirs/demo --report

# One process per core, and all tests of a file in the same process. More threads would only wait for each other.
test: venv
	OMP_NUM_THREADS=1 $(IN_VENV) -m pytest tests -n auto --dist loadfile --no-loadscope-reorder

lint: venv
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .
	$(IN_VENV) -m interrogate handkd

venv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
	  { echo "'$(PYTHON)' is missing or is not Python 3.10 to 3.13; name one that is: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) tools/make_venv.py $(VENV) $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX))

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find handkd tools tests configs examples -name __pycache__ -type d -prune -exec rm -rf {} +
