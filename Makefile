PORT ?= 8000
MODULES ?= $(ALL_MODULES)
PYTHON ?= python3
ROUNDS ?= 3
SCALE ?= 1

# The list of modules is the one of cookiecutter.json; make reads it where it is needed.
ALL_MODULES = $(shell $(RUN) python -c 'import json; print(*json.load(open("cookiecutter.json"))["__modules"])')
CHOICE = $(foreach module,$(ALL_MODULES),$(module)=$(if $(filter $(module),$(MODULES)),yes,no))

# uv makes the environment. Where it is not installed, it goes into a virtual environment in .uv.
UV := $(or $(UV),$(shell command -v uv),.uv/bin/uv)
RUN = $(UV) run --no-sync
# A proxy that opens TLS has certificates of its own; uv and pip have a variable each for them.
CERTIFICATES = echo "Behind a company's own certificates, set SSL_CERT_FILE and PIP_CERT to their PEM file." >&2

# cookiecutter makes a copy of the template, which is to be without environments.
render = rm -rf $(1)/template && mkdir -p $(1)/template && \
	tar -cf - $(addprefix --exclude ./,.git .venv .uv .demo .bench) . | tar -xf - -C $(1)/template && \
	$(RUN) cookiecutter $(1)/template --no-input --default-config --output-dir $(1)

# What a service that is run or tested writes: no edits of somebody's.
MADE_BY_RUNNING = '(' -name .venv -o -name .uv -o -name data -o -name __pycache__ \
	-o -name '.*_cache' -o -name uv.lock ')'

.DEFAULT_GOAL := help
.PHONY: help demo test bench weights check format

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: .venv/.synced  ## Render a service into .demo and start it; PORT (8000), MODULES ("sse jsonl")
	@$(foreach module,$(filter-out $(ALL_MODULES),$(MODULES)),\
		echo "There is no module $(module); there are: $(ALL_MODULES)." >&2; exit 1;)
	@test -n "$(strip $(MODULES))" || { \
		echo "MODULES names no module; there are: $(ALL_MODULES)." >&2; exit 1; }
	@edited=$$(find .demo/my-service $(MADE_BY_RUNNING) -prune -o \
		-type f -newer .demo/rendered -print 2>/dev/null | head -n 1); test -z "$$edited" || { \
		echo "$$edited was changed since the demo was rendered, and nothing is deleted." >&2; \
		echo "Start it as it is with 'make -C .demo/my-service run', or delete .demo." >&2; exit 1; }
	@rm -rf .demo
	@$(call render,.demo) $(CHOICE)
	@touch .demo/rendered
	@$(MAKE) --no-print-directory -C .demo/my-service run PORT=$(PORT) UV=$(if $(filter /%,$(UV)),$(UV),../../$(UV))

test: $(if $(ONLY),.venv/.synced,check)  ## Render every combination of modules and test each; SLOW=1: with the slow tests; ONLY=sse+jsonl: one of them
	@$(RUN) pytest $(if $(ONLY),--only $(ONLY),--numprocesses 4 --dist load --maxschedchunk 1 -m 'not alone') $(if $(SLOW),--slow) $(ARGS)
	@$(if $(ONLY)$(ARGS),,echo "What measures time, with nothing beside it:" && $(RUN) pytest -m alone $(if $(SLOW),--slow))

bench: .venv/.synced  ## Measure a rendered service against its peers, into docs/benchmarks.md; ONLY=jsonl, ROUNDS (3), SCALE (1)
	@$(foreach module,$(filter-out $(ALL_MODULES),$(ONLY)),\
		echo "There is no module $(module); there are: $(ALL_MODULES)." >&2; exit 1;)
	@rm -rf .bench/my-service
	@$(call render,.bench)
	@$(UV) sync --quiet --no-dev --project .bench/my-service && \
		$(UV) pip install --quiet --python .bench/my-service/.venv -r benchmarks/peers/requirements.txt || { \
		echo "The packages could not be installed (is there a network?)." >&2; $(CERTIFICATES); exit 1; }
	@$(RUN) python -m benchmarks --only "$(ONLY)" --rounds $(ROUNDS) --scale $(SCALE)

weights: .venv/.synced  ## Measure what each combination of modules weighs, into docs/weights.md
	@$(RUN) python -m benchmarks.weights --uv $(UV)

check: .venv/.synced  ## Check the format, the lint rules and the types of the template's own code
	@$(RUN) ruff format --check benchmarks extend.py fleet.py hooks structure.py tests
	@$(RUN) ruff check benchmarks extend.py fleet.py hooks structure.py tests
	@$(RUN) ty check

format: .venv/.synced  ## Format the template's own code, and mend what the lint rules can mend
	@$(RUN) ruff check --fix benchmarks extend.py fleet.py hooks structure.py tests
	@$(RUN) ruff format benchmarks extend.py fleet.py hooks structure.py tests

.venv/.synced: pyproject.toml | $(UV)
	@echo "Installing the packages into .venv (some 100 MB the first time)"
	@$(UV) sync --quiet || { echo "The packages could not be installed (is there a network?)." >&2; $(CERTIFICATES); exit 1; }
	@mkdir -p $(@D) && touch $@

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed; say where it is with PYTHON=…" >&2; exit 1; }
	@echo "Installing uv into .uv"
	@$(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet uv || { rm -rf .uv; \
		echo "uv could not be installed (is there a network, and python3-venv?)." >&2; \
		$(CERTIFICATES); exit 1; }
