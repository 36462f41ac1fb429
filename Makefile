UV_VERSION := 0.13.9
UV := .tools/bin/uv
VENV := .venv
PYTHON := $(VENV)/bin/python
CHECKS := .tools/checks
# What builds, deploys, or operates what is deployed.
END_TO_END := tests/build tests/deployed tests/likectl
# What waits for days, if only of a clock that is moved.
ENDURING := tests/outage
TEMPLATES := .local/templates
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Outside a shell that has chosen one, pyenv's shims refuse to run; this names the version uv asks them for.
export PYENV_VERSION := 3.13
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help run likectl likectl-docs test e2e soak bench where fuzz contract browser dashboard lint types template audit build \
	lock format clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV) ## Bring the whole service up on this machine and like two tweets; Ctrl-C ends it
	@$(PYTHON) -m local.run

likectl: $(VENV) ## Operate a deployed stack, e.g. make likectl ARGS=doctor
	@PYTHONPATH=src $(PYTHON) -m likectl $(ARGS)

likectl-docs: $(VENV) ## Write docs/likectl.md anew from the commands
	@PYTHONPATH=src:. $(PYTHON) -m typer likectl.cli utils docs --name likectl --output docs/likectl.md

test: $(VENV) build ## Run every test but the end-to-end ones and the soak
	@$(PYTHON) -m pytest $(addprefix --ignore=,$(END_TO_END) $(ENDURING)) --cov --cov-report=term

e2e: $(VENV) build browser ## Build, deploy, tell the whole story and operate it: in an emulator, or the stack STACK_NAME
	@$(PYTHON) -m pytest $(if $(STACK_NAME),tests/deployed --force-enable-socket,$(END_TO_END))

soak: $(VENV) ## Put the promises to the test: an outage of days; 5,000 requests, faults of every kind, 50 kills
	@$(PYTHON) -m pytest $(ENDURING)
	@PYTHONPATH=src $(PYTHON) -m local.soak

bench: $(VENV) ## Measure start, warm time, memory and size beside what others would build; ARGS=--check for the ratios
	@PYTHONPATH=packaging:src:. $(PYTHON) -m bench $(ARGS)

where: $(VENV) ## Measure where a start and a like spend their time
	@PYTHONPATH=packaging:src:. $(PYTHON) -m bench.where

fuzz: $(VENV) ## Try every property on thousands of examples
	@HYPOTHESIS_PROFILE=long $(PYTHON) -m pytest tests/properties --timeout=900

contract: $(VENV) ## Hold the running service to docs/openapi.yaml
	@$(PYTHON) -m local.contract

lint: $(VENV) ## Check style and format
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(VENV) ## Check types, strictly
	@$(VENV)/bin/mypy

template: $(VENV) $(CHECKS) ## Check template.yaml, as it is and as SAM translates it
	@$(VENV)/bin/sam validate --lint
	@$(VENV)/bin/cfn-lint --include-checks I -- template.yaml
	@$(PYTHON) -m local.template $(TEMPLATES)
	@$(CHECKS)/bin/checkov --config-file .checkov.yaml --file $(TEMPLATES)/everything.json
	@$(CHECKS)/bin/checkov --config-file .checkov-no-key.yaml --file template.yaml $(TEMPLATES)/defaults.json $(TEMPLATES)/existing.json
	@! $(CHECKS)/bin/checkov --config-file .checkov-no-key.yaml --file $(TEMPLATES)/too-wide.json >/dev/null \
		|| { echo "checkov does not notice a policy that is too wide."; exit 1; }

audit: $(CHECKS) ## Look the locked dependencies up in the databases of vulnerabilities
	@for locked in requirements.txt requirements-dev.txt; do \
		$(CHECKS)/bin/pip-audit --strict --require-hashes --disable-pip --requirement $$locked || exit 1; done

build: $(VENV) ## Build what is deployed, into .aws-sam/
	@$(PYTHON) -m local.build

# The page's tests need a Chromium: the machine's, else Playwright's, else the distribution's.
browser: $(VENV)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
		|| $(VENV)/bin/playwright install chromium-headless-shell \
		|| { apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium; }

dashboard: $(VENV) ## Draw the template's dashboard for the docs
	@$(PYTHON) -m local.dashboard

format: $(VENV) ## Rewrite the sources in the project's format
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

lock: $(UV) ## Lock the dependencies anew
	@$(UV) pip compile --quiet --no-header --upgrade --universal --generate-hashes --python-version 3.13 \
		pyproject.toml --group dev --output-file requirements-dev.txt
	@$(UV) pip compile --quiet --no-header --universal --generate-hashes --python-version 3.13 \
		pyproject.toml --constraint requirements-dev.txt --output-file requirements.txt
	@$(UV) pip compile --quiet --no-header --upgrade --universal --generate-hashes --python-version 3.13 \
		--group checks --output-file requirements-checks.txt

clean: ## Remove everything that make has made
	@rm -rf $(VENV) .tools .aws-sam .local .mypy_cache .pytest_cache .ruff_cache .coverage*

$(UV):
	@env -u PYENV_VERSION python3 -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV): $(UV) requirements-dev.txt
	@$(UV) venv --quiet --clear --python 3.13 $(VENV)
	@$(UV) pip sync --quiet --require-hashes --python $(VENV) requirements-dev.txt
	@touch $(VENV)

$(CHECKS): $(UV) requirements-checks.txt
	@$(UV) venv --quiet --clear --python 3.13 $(CHECKS)
	@$(UV) pip sync --quiet --require-hashes --python $(CHECKS) requirements-checks.txt
	@touch $(CHECKS)
