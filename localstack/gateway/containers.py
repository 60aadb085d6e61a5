"""Functions as containers: `sam local start-api` and `sam local start-lambda` on the images that `sam build` made."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from deployment.build import BUILT
from localstack.gateway import deploy
from localstack.gateway.word import wait_for_word
from localstack.ports import listening
from localstack.settings import ROOT


def serve(host: str, port: int, lambda_host: str, lambda_port: int, folder: Path, network: str) -> None:
    """Serve until killed; functions get the environment that they were deployed with. `folder` is made anew."""
    if not BUILT.is_file():
        sys.exit("rottenbot: There are no images: `make images` builds them.")
    variables = deploy.function_variables(deploy.function_names())
    shutil.rmtree(folder, ignore_errors=True)  # a sam that was killed leaves locks, on which the next one waits
    folder.mkdir(0o700)
    (folder / "variables.json").write_text(json.dumps(variables))
    first = _sam("start-lambda", lambda_host, lambda_port, folder, network)
    while not listening(lambda_port, lambda_host) and first.poll() is None:  # both would build the same images at once
        time.sleep(0.1)
    wait_for_word(lambda: _ended() if first.poll() is not None else None)
    _sam("start-api", host, port, folder, network)
    os.wait()  # one without the other is no use
    _ended()


def _ended() -> None:
    sys.exit("rottenbot: sam local has ended.")


def _sam(command: str, host: str, port: int, folder: Path, network: str) -> "subprocess.Popen[bytes]":
    options = ["--template", BUILT, "--env-vars", folder / "variables.json", "--host", host, "--port", str(port)]
    options += ["--config-env", "local", "--config-file", ROOT / "samconfig.toml", "--docker-network", network]
    return subprocess.Popen(
        [sys.executable, "-m", "samcli", "local", command, *options],
        env=os.environ | {"TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
    )
