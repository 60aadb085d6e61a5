"""A real Prometheus, from Debian's package."""

import json
import os
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from localstack.grafana import alerts
from localstack.ports import free
from localstack.processes import Part, Processes
from localstack.settings import ROOT
from localstack.stack import start

FOLDER: Final = ROOT / ".venvs" / "prometheus"
PACKAGES: Final = ("prometheus", "prometheus-node-exporter")


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The present result of an expression of its language."""
        result = self._get("query", query=expression)
        return result["result"] if result["resultType"] == "vector" else [result]

    def series(self, selector: str) -> list[dict[str, str]]:
        """The labels of all series that a selector fits."""
        found: list[dict[str, str]] = self._get("series", **{"match[]": selector})
        return found

    def exemplars(self, expression: str) -> list[Any]:
        """The exemplars of the last minutes."""
        now = time.time()
        found: list[Any] = self._get("query_exemplars", query=expression, start=str(now - 600), end=str(now))
        return found

    def _get(self, what: str, **parameters: str) -> Any:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]


def program(name: str) -> Path:
    """A program of Debian's packages: the machine's own, or one that is unpacked beside the virtual environments.
    Where there is neither, the test is skipped."""
    if found := shutil.which(name):
        return Path(found)
    unpacked = FOLDER / "usr" / "bin" / name
    if not unpacked.is_file():
        _unpack()
    return unpacked


@contextmanager
def running(folder: Path, metrics: str) -> Iterator[Prometheus]:
    """Prometheus with our alerts, reading the metrics of one address and of this machine every second."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    port, node = free(2)
    scrapes = [("rottenbot", metrics), ("node", f"127.0.0.1:{node}")]
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "alerts.yaml")],
        "scrape_configs": [
            {"job_name": name, "honor_labels": True, "static_configs": [{"targets": [target]}]}
            for name, target in scrapes
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    alerts.write(folder / "alerts.yaml")
    server: list[str | Path] = [
        program("prometheus"),
        f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data",
    ]
    server += [f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"]
    exporter: list[str | Path] = [program("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{node}"]
    processes = Processes(folder)
    servers = [Part("Prometheus", server, [("", port)]), Part("NodeExporter", exporter, [("", node)])]
    try:
        start(processes, servers, lambda _: None)
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        processes.stop()


def _unpack() -> None:
    for tool in ("apt-get", "dpkg-deb"):
        if not shutil.which(tool):
            pytest.skip(f"Prometheus is not installed, and there is no {tool} to fetch it with")
    FOLDER.mkdir(parents=True, exist_ok=True)
    download = ["apt-get", "download", *PACKAGES]
    fetched = subprocess.run(download, cwd=FOLDER, capture_output=True, text=True)
    if fetched.returncode and os.geteuid() == 0:
        subprocess.run(["apt-get", "update"], capture_output=True)
        fetched = subprocess.run(download, cwd=FOLDER, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"Prometheus is not installed and could not be fetched: {fetched.stderr.strip()}")
    for package in FOLDER.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, FOLDER], check=True)
        package.unlink()
