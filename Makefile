.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
RUN := .venvs/dev/bin/python
TRAIN := .venvs/training/bin/python -m training
NAME ?= lite0
BASE ?= public.ecr.aws/lambda/python:3.13
RUNTIME ?= litert
COLLECTOR ?= off
SETS := auth predict predict-tensorflow archive runtime dev sam training rehearsal checkov load
# Of this shell's variables for Python and pip only what a package registry may need: others would turn what they do.
PIP_KEPT := PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_FIND_LINKS PIP_TRUSTED_HOST PIP_CERT PIP_CLIENT_CERT PIP_PROXY \
	PIP_TIMEOUT PIP_DEFAULT_TIMEOUT PIP_RETRIES PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_CONFIG_FILE PIP_KEYRING_PROVIDER PIP_USE_FEATURE
unexport $(filter PYTHON%,$(.VARIABLES)) $(filter-out $(PIP_KEPT),$(filter PIP_%,$(.VARIABLES)))
export PIP_USER := 0
export PYTHONPATH := .:layers/core/python
export SAM_CLI_TELEMETRY := 0
export PYTHONUNBUFFERED := 1
ifeq ($(filter deploy,$(MAKECMDGOALS)),)
# All but that speak to the local stack alone, whatever account or proxy this shell is set up for.
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null
export NO_PROXY := 127.0.0.1,localhost,$(NO_PROXY)
export no_proxy := $(NO_PROXY)
unexport $(filter-out AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE,$(filter AWS_%,$(.VARIABLES)))
endif

help: ## Print these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | column -t -s '|'

run: setup ## Start the whole system on this machine, at http://127.0.0.1:3000, until Ctrl-C
	@$(RUN) -m localstack run

observe: setup ## The same with Docker for Grafana, which shows traces, metrics and logs at http://127.0.0.1:3003
	@$(RUN) -m localstack observe

up: images ## The same with Docker: compose.yaml and the functions' images on BASE=image, until Ctrl-C
	@ROTTENBOT_SERVERS=compose ROTTENBOT_FUNCTIONS=containers $(RUN) -m localstack run

demo: setup ## Classify sample photos through every part, and show what became of them
	@$(RUN) -m localstack demo

test: setup .venvs/training/.ready ## Run every test that needs no Docker
	@$(RUN) -m pytest --ignore tests/docker

images: setup ## Build the images of the functions on BASE=image (or offline) for RUNTIME=litert (or tensorflow)
	@.venvs/sam/bin/python -m localstack.images --base $(BASE) --runtime $(RUNTIME) --collector $(COLLECTOR)

test-images: setup ## Test the main job on the images that were built
	@ROTTENBOT_FUNCTIONS=containers $(RUN) -m pytest tests/docker

cold-starts: setup ## Measure starts and answers of the predict image by memory, beside TensorFlow's, on BASE=image (or offline)
	@$(RUN) -m localstack.cold_starts $(BASE)

rehearse: setup .venvs/rehearsal/.ready ## Deploy to an emulator of AWS: create, change, fail, go back, delete, on BASE=image (or offline)
	@$(RUN) -m localstack.rehearse $(BASE)

deploy: setup ## Deploy STAGE=dev (or prod) to AWS, with WITH="Name=value …" in place of parameters of samconfig.toml
	@.venvs/sam/bin/python -m deployment --stage $(or $(STAGE),$(error Name the stage: make deploy STAGE=dev)) $(if $(REGION),--region $(REGION)) $(WITH)

check: setup .venvs/training/.ready .venvs/checkov/.ready ## Lint, types, template and documentation checks
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	.venvs/sam/bin/sam validate --region eu-west-1
	.venvs/sam/bin/sam validate --lint --region eu-west-1
	.venvs/sam/bin/cfn-lint template.yaml deployment/github.yaml
	@mkdir -p .rottenbot
	$(RUN) -m tests.infrastructure.transformed .rottenbot/template.json
	.venvs/checkov/bin/checkov --config-file .checkov.yaml --file .rottenbot/template.json
	$(RUN) docs/openapi.py --check
	$(RUN) -m pytest tests/documentation

bench: setup .venvs/training/.ready ## Measure start, latency and throughput, beside TensorFlow's
	@$(RUN) -m tests.performance.bench

load: setup .venvs/load/.ready ## Send photos for five minutes, WITH="--rate 40 …" (--help tells), and count what was saved
	@$(RUN) -m tests.performance.load $(WITH)

train: .venvs/training/.ready ## Train on DATASET=folder with two seeds, test both and their mean, and bake that if it is no worse
	$(TRAIN) train $(or $(DATASET),$(error Name the folder of photos: make train DATASET=folder)) --run $(NAME)-1
	$(TRAIN) train $(DATASET) --run $(NAME)-2 --seed 2
	$(TRAIN) average $(NAME)-1 $(NAME)-2 --run $(NAME)
	$(TRAIN) evaluate $(NAME)-1 --quick
	$(TRAIN) evaluate $(NAME)-2 --quick
	$(TRAIN) evaluate $(NAME) $(if $(OTHERS),--others $(OTHERS))
	$(TRAIN) export $(NAME)
	$(TRAIN) compare $(NAME)-1 $(NAME)-2 $(NAME)
	$(TRAIN) promote $(NAME)
	$(TRAIN) bake $(NAME)

mlflow: .venvs/training/.ready ## Look at the training runs in a browser, until Ctrl-C
	@.venvs/training/bin/mlflow ui --backend-store-uri $(or $(MLFLOW_TRACKING_URI),sqlite:///.rottenbot/training/mlflow.db) --port 5001

openapi: setup ## Write functions/predict/openapi.json anew
	$(RUN) docs/openapi.py

setup: .venvs/dev/.ready .venvs/sam/.ready .venvs/localstack/.ready ## Install what the other commands need, into .venvs

lock: .venvs/dev/.ready ## Pin the newest packages that requirements/*.in allow
	@cd requirements && for set in $(SETS); do echo $$set; $(LOCK) --upgrade $$set.in -o $$set.txt || exit 1; done
	@cd requirements && $(LOCK) --exclude-newer 2025-10-21 localstack.in -o localstack.txt

clean: ## Remove the local stack's state; training runs stay
	@if [ -d .rottenbot ]; then find .rottenbot -mindepth 1 -maxdepth 1 ! -name training -exec rm -rf {} +; fi

LOCK := ../.venvs/dev/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

.venvs/%/.ready: requirements/%.txt
	@echo "Setting up .venvs/$* …"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
	@$(PYTHON) -c 'import os, sys; sys.exit(":" in os.getcwd() and f"The path of this folder, {os.getcwd()}, has a colon (:) in it, which no virtual environment of Python can have. Move the folder to another path.")'
	@rm -rf .venvs/$*
	@$(PYTHON) -m venv .venvs/$*
	@.venvs/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/$*.txt
	@touch $@

.PHONY: help run observe up demo test images test-images cold-starts rehearse deploy check bench load train mlflow openapi setup lock clean
