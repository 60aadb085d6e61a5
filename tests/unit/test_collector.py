"""The collector's way into an image."""

import subprocess
from pathlib import Path

import pytest
import yaml

from localstack.settings import ROOT

OTEL = ROOT / "layers" / "otel"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder as it is in the build, without what may have been fetched."""
    folder = tmp_path / "otel"
    folder.mkdir()
    for path in OTEL.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


def install(source: Path, mode: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    target = source.parent / "opt"
    command: list[str | Path] = ["sh", source / "install.sh", mode, target]
    return subprocess.run(command, capture_output=True, text=True), target


def test_nothing_is_installed_when_it_is_off(source: Path) -> None:
    ended, target = install(source, "off")
    assert ended.returncode == 0
    assert list(target.iterdir()) == []


@pytest.mark.parametrize("mode", ["otlp", "aws"])
def test_the_program_and_its_configuration_are_installed(source: Path, mode: str) -> None:
    program = source / "extension" / "extensions" / "collector"
    program.parent.mkdir(parents=True)
    program.write_text("program")
    program.chmod(0o755)
    ended, target = install(source, mode)
    assert ended.returncode == 0, ended.stderr
    assert (target / "extensions" / "collector").read_text() == "program"
    assert (target / "collector-config/config.yaml").read_text() == (OTEL / f"collector-{mode}.yaml").read_text()


def test_a_collector_that_was_not_fetched_is_an_error(source: Path) -> None:
    ended, _ = install(source, "otlp")
    assert ended.returncode == 1
    assert ended.stderr == "There is no collector in layers/otel/extension; make deploy fetches it.\n"


@pytest.mark.parametrize(
    "file", [*OTEL.glob("*.yaml"), ROOT / "localstack/grafana/collector.yaml"], ids=lambda file: file.name
)
def test_pipelines_name_what_is_configured(file: Path) -> None:
    configuration = yaml.safe_load(file.read_text())
    for pipeline in configuration["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(configuration[kind])
    used = {name for one in configuration["service"]["pipelines"].values() for name in one["exporters"]}
    assert used == set(configuration["exporters"])
