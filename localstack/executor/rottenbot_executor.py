"""LocalStack's way to run functions here: it hands each invocation to the gateway's pool of function processes."""

import os
from typing import Any

import requests
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

LONGEST_INVOCATION_SECONDS = 900


class GatewayExecutor(RuntimeExecutor):
    """One execution environment, as LocalStack sees it; the processes behind it belong to the gateway."""

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        # CloudFormation puts the stack's name before the logical name and a random part after it.
        name = self.function_version.id.function_name.split("-")[1]
        url = f"{os.environ['ROTTENBOT_LAMBDA_ENDPOINT']}/2015-03-31/functions/{name}/invocations"
        answer = _client().post(url, data=payload["payload"], timeout=LONGEST_INVOCATION_SECONDS)
        failed = not answer.ok or "x-amz-function-error" in answer.headers
        return InvocationResult(payload["invoke-id"], answer.content, is_error=failed, logs="")

    def start(self, env_vars: dict[str, str]) -> None:
        pass

    def stop(self) -> None:
        pass

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return os.environ["ROTTENBOT_LAMBDA_ENDPOINT"]

    def get_logs(self) -> str:
        return ""

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        pass

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        pass


def _client() -> requests.Session:
    # S3's test messages come while the stack is being deployed, before the gateway listens.
    client = requests.Session()
    client.mount("http://", HTTPAdapter(max_retries=Retry(connect=10, read=0, backoff_factor=0.2, backoff_max=5)))
    return client


class GatewayExecutorPlugin(RuntimeExecutorPlugin):
    name = "rottenbot"

    def load(self, *_: Any, **__: Any) -> type[GatewayExecutor]:
        return GatewayExecutor
