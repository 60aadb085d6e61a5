"""`sam local start-api` and `sam local start-lambda` over function processes, after deploying template.yaml."""

import argparse
import fnmatch
import json
import os
import signal
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from flask import Flask, Response, g, request
from samcli.lib.providers.api_provider import ApiProvider
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider
from samcli.lib.utils.name_utils import normalize_sam_function_identifier
from samcli.local.apigw import event_constructor
from samcli.local.apigw.local_apigw_service import LocalApigwService
from samcli.local.lambda_service.local_lambda_http_service import LocalLambdaHttpService
from samcli.local.lambdafn.exceptions import FunctionNotFound
from samcli.yamlhelper import yaml_parse
from werkzeug.serving import BaseWSGIServer, make_server
from yaml import YAMLError

from localstack import status
from localstack.gateway import containers, deploy, page
from localstack.gateway.pool import Environment, PayloadTooLargeError, Pool, WarmUpError, port_pairs, spec
from localstack.gateway.word import wait_for_word
from localstack.settings import FUNCTIONS

RARELY_CALLED = {"MigrateFunction", "PredictGiveUpFunction", "ArchiveGiveUpFunction"}


class Runner:
    """Stands in for samcli's LocalLambdaRunner: functions are found by logical or deployed name and run in pools."""

    def __init__(self, provider: SamFunctionProvider, python: Path, concurrency: int) -> None:
        self.provider = provider
        self.pools: dict[str, Pool] = {}
        self.logical_names: dict[str, str] = {}
        ports = port_pairs()
        names = deploy.function_names()
        variables = deploy.function_variables(names)
        for function in provider.get_all():
            logical = function.function_id
            if logical not in names:  # only on AWS
                continue
            described = spec(function, names[logical], variables[logical])
            self.pools[logical] = Pool([Environment(described, python, next(ports)) for _ in range(concurrency)])
            self.logical_names |= {logical: logical, names[logical]: logical}

    def is_debugging(self) -> bool:
        return False

    def get_function(self, name: str, tenant_id: str | None = None) -> Any:
        logical = self.logical_names.get(normalize_sam_function_identifier(name))
        if logical is None:
            raise FunctionNotFound(name)
        return self.provider.get(logical)

    def invoke(self, name: str, event: str, stdout: Any = None, stderr: Any = None, **_: Any) -> None:
        answer = self.pools[self.get_function(name).function_id].invoke(event.encode())
        stdout.write_str(_as_samcli_expects(answer))

    def warm(self) -> None:
        """Initialise every function that serves. Raises WarmUpError."""
        served = [pool for name, pool in self.pools.items() if name not in RARELY_CALLED]
        with ThreadPoolExecutor(len(served)) as threads:
            list(threads.map(Pool.warm, served))

    def stop(self) -> None:
        for environments in (pool.environments for pool in self.pools.values()):
            for environment in environments:
                environment.stop()
        os._exit(0)


def main() -> None:
    arguments = _arguments()
    secrets = json.loads(os.environ.pop("ROTTENBOT_SECRETS"))
    token_keys = secrets.pop("TokenSigningKey")
    deploy.wait_for_localstack()
    parameters = json.loads(arguments.parameters) | deploy.put_secrets(secrets)
    template = yaml_parse(arguments.template.read_text())
    outputs = deploy.deploy(template, parameters)
    boto3.client("secretsmanager").put_secret_value(SecretId=outputs["TokenSigningKey"], SecretString=token_keys)

    if arguments.functions == "containers":
        containers.serve(
            arguments.host,
            arguments.port,
            arguments.lambda_host,
            arguments.lambda_port,
            arguments.folder,
            arguments.network,
        )

    stacks, _ = SamLocalStackProvider.get_stacks(str(arguments.template))
    provider = SamFunctionProvider(stacks, use_raw_codeuri=True)
    runner = Runner(provider, arguments.python, arguments.concurrency)
    signal.signal(signal.SIGTERM, lambda *_: runner.stop())

    invocations = LocalLambdaHttpService(runner, arguments.lambda_port, arguments.lambda_host)
    invocations.create()
    _serve(make_server(arguments.lambda_host, arguments.lambda_port, invocations._app, threaded=True))
    wait_for_word()
    runner.warm()
    gateway = LocalApigwService(ApiProvider(stacks).api, runner, port=arguments.port, host=arguments.host)
    gateway.create()
    cors = {"Access-Control-Allow-Origin": "*"} if parameters["CorsOrigins"] else {}
    _answer_as_api_gateway(gateway._app, template, cors)
    gateway._app.add_url_rule(status.PATH, view_func=lambda: _status_page(arguments.status))
    stores = {"events": parameters["AwsEndpointUrl"], "archive": parameters["ArchiveEndpointUrl"]}
    page.serve(gateway._app, template, stores)
    public = make_server(arguments.host, arguments.port, gateway._app, threaded=True)
    signal.signal(signal.SIGTERM, lambda *_: (public.server_close(), runner.stop()))  # nothing new comes in first
    public.serve_forever()


def _answer_as_api_gateway(app: Flask, template: dict[str, Any], cors: dict[str, str]) -> None:
    api = template["Resources"]["Api"]["Properties"]
    responses, binary_types = api["GatewayResponses"], api["BinaryMediaTypes"]
    event_constructor._should_base64_encode = _is_binary  # samcli's own does not know `image/*`

    def respond(kind: str) -> Response:
        given = responses[kind]
        ((content_type, body),) = given["ResponseTemplates"].items()
        return Response(body, given["StatusCode"], cors, content_type=content_type)

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()
        if not _is_binary(binary_types, request.mimetype):  # API Gateway takes any other body for UTF-8 text
            request._cached_data = request.get_data().decode(errors="replace").encode()

    @app.after_request
    def log_access(response: Response) -> Response:
        milliseconds = (time.perf_counter() - g.started) * 1000
        print(f"{request.method} {request.path} {response.status_code} {milliseconds:.1f} ms", flush=True)
        return response

    app.register_error_handler(PayloadTooLargeError, lambda _: respond("REQUEST_TOO_LARGE"))
    app.register_error_handler(404, lambda _: respond("MISSING_AUTHENTICATION_TOKEN"))
    app.register_error_handler(405, lambda _: respond("MISSING_AUTHENTICATION_TOKEN"))


def _status_page(url: str) -> Response:
    try:
        with urllib.request.urlopen(url + status.PATH, timeout=5) as answer:
            return Response(answer.read(), content_type=answer.headers["Content-Type"])
    except OSError:
        return Response("There is no status page: the telemetry goes somewhere else.", 404, content_type="text/plain")


def _is_binary(binary_types: list[str], media_type: str) -> bool:
    return any(fnmatch.fnmatch(media_type, pattern) for pattern in binary_types)


def _as_samcli_expects(answer: bytes) -> str:
    # samcli knows an error by exactly these keys, newer runtimes add others; and a timeout is plain text.
    try:
        document = json.loads(answer)
    except ValueError:
        return json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": answer.decode(errors="replace")})
    if isinstance(document, dict) and {"errorType", "errorMessage"} <= document.keys():
        return json.dumps(
            {key: document[key] for key in ("errorType", "errorMessage", "stackTrace") if key in document}
        )
    return answer.decode()


def _serve(server: BaseWSGIServer) -> None:
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localstack.gateway", description=__doc__)
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--parameters", required=True, help="the template's parameters, as JSON")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--lambda-host", required=True)
    parser.add_argument("--lambda-port", type=int, required=True)
    parser.add_argument("--python", type=Path, required=True, help="the interpreter that runs the functions")
    parser.add_argument("--functions", choices=FUNCTIONS, required=True)
    parser.add_argument("--network", required=True, help="the Docker network of containers")
    parser.add_argument("--folder", type=Path, required=True, help="for the files of containers")
    parser.add_argument("--status", required=True, help="where the status page is, if there is one")
    parser.add_argument("--concurrency", type=int, required=True, help="execution environments per function")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except (deploy.DeployError, WarmUpError, BotoCoreError, ClientError, YAMLError, OSError) as error:
        sys.exit(f"rottenbot: {' '.join(str(error).split())}")
