# make demo    train a small distilled student on rendered hands, and write work_dirs/demo/report.html
# make test    run the tests
# make lint    check style and docstrings
# make docs    build the documentation as a site in build/docs, in an environment of its own, .venv-docs
# make web     build the page in web/ with an exported student: static files in web/dist, for any host
# make web-test  test the page in Chromium with a small student; both need Node and npm, the test Chromium too
# make clean   remove caches; the environment and work_dirs are kept
#
# Each creates the environment that it needs; an installed torch 2.x is kept. Variables:
#   PYTHON=python3.12   the interpreter, 3.10 to 3.13
#   VENV=.venv312       the environment's folder
#   MODEL=student.onnx  exported student of the page; else zoo/photo.onnx, else that of the demo
#   TORCH_INDEX=URL     package index for torch if it is not installed: the one that pytorch.org lists for your build

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
IN_VENV := $(VENV)/bin/python

DOCS_VENV ?= .venv-docs

.PHONY: demo test lint docs web exported-student web-test clean venv

MODEL ?=
DEMO_STUDENT := $(addsuffix .onnx,$(wildcard work_dirs/demo/student))
STUDENT := $(firstword $(MODEL) $(wildcard zoo/photo.onnx) $(DEMO_STUDENT))
CHROMIUM ?= $(firstword $(shell command -v chromium chromium-browser google-chrome 2>/dev/null))
PAGE_TEST := $(CURDIR)/web/.test

demo: venv
	$(IN_VENV) tools/stages.py configs/pmd/demo.py --work-dir work_dirs/demo --report

# One process per core, and all tests of a file in the same process. More threads would only wait for each other.
test: venv
	OMP_NUM_THREADS=1 $(IN_VENV) -m pytest tests -n auto --dist loadfile --no-loadscope-reorder

lint: venv
	$(IN_VENV) -m ruff check .
	$(IN_VENV) -m ruff format --check .
	$(IN_VENV) -m interrogate handkd

# Sources are read, not imported: neither torch nor handkd is needed. The variable silences an advertisement.
docs: $(DOCS_VENV)/installed
	NO_MKDOCS_2_WARNING=1 $(DOCS_VENV)/bin/python -m mkdocs build --strict --quiet
	@echo 'build/docs/index.html is the first page'

$(DOCS_VENV)/installed: requirements/docs.txt requirements/constraints.txt
	$(PYTHON) -m venv $(DOCS_VENV)
	$(DOCS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/docs.txt -c requirements/constraints.txt
	@touch $@

web: exported-student web/node_modules
	cd web && STUDENT="$(abspath $(STUDENT))" npm run --silent build
	@echo 'web/dist is the page: serve it from any static host; to try it: python3 -m http.server --directory web/dist'

exported-student: $(filter $(DEMO_STUDENT),$(STUDENT))
	@test -f "$(STUDENT)" || { echo "no exported student$(MODEL:%= %): run make demo, or make web MODEL=student.onnx with a \
	file of tools/export.py" >&2; exit 1; }

web-test: venv web/node_modules
	rm -rf $(PAGE_TEST)
	OMP_NUM_THREADS=1 $(IN_VENV) web/tests/make_cases.py $(PAGE_TEST)/cases
	cd web && STUDENT=$(PAGE_TEST)/cases/student.onnx npm run --silent build -- --outDir $(PAGE_TEST)/site --logLevel warn
	cd web && SITE=$(PAGE_TEST)/site CASES=$(PAGE_TEST)/cases CHROMIUM="$(CHROMIUM)" npm run --silent test

work_dirs/demo/student.onnx: work_dirs/demo/student | venv
	$(IN_VENV) tools/export.py $< --out $@

web/node_modules: web/package-lock.json web/package.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund --prefer-offline
	@touch $@

venv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || \
	  { echo "'$(PYTHON)' is missing or is not Python 3.10 to 3.13; name one that is: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) tools/make_venv.py $(VENV) $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX))

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis web/.test
	find handkd tools tests configs examples -name __pycache__ -type d -prune -exec rm -rf {} +
