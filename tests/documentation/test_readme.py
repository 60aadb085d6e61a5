"""The README says what is so: settings, parameters, commands, files, figures."""

import json
import re
import subprocess
from dataclasses import fields
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from deployment import costs
from localstack.settings import ROOT, Settings, tool
from rottenbot import settings

README = (ROOT / "README.md").read_text()


def table_names() -> set[str]:
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", README, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def parameters() -> dict[str, Any]:
    found: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    return found


def test_every_setting_of_the_functions_is_in_the_table() -> None:
    groups = [g for g in vars(settings).values() if isinstance(g, type) and issubclass(g, settings.Group)]
    for group in groups:
        for name, field in group.model_fields.items():
            assert name.upper() in table_names()
            line = next(line for line in README.splitlines() if line.startswith(f"| `{name.upper()}` |"))
            if field.is_required():
                assert "required" in line
            elif field.default is not None:
                assert str(field.default).removesuffix(".0").lower() in line.lower()


def test_every_setting_of_the_local_stack_is_in_the_table() -> None:
    for field in fields(Settings):
        line = next(line for line in README.splitlines() if line.startswith(f"| `{field.name.upper()}` |"))
        assert str(field.default).removeprefix(f"{ROOT}/") in line


def test_every_template_parameter_describes_itself() -> None:
    for name, parameter in parameters().items():
        assert parameter.get("Description", "").endswith("."), name


def test_every_parameter_that_is_named_is_one() -> None:
    text = (ROOT / "docs/deploy.md").read_text()
    named = set(re.findall(r"[\s`\"]([A-Z][a-z][A-Za-z]*)=", text)) - {"Repository"}  # of deployment/github.yaml
    assert {"DatabaseHost", "RedisUrl", "Firewall", "Page", "ProvisionedConcurrency"} <= named
    assert named <= set(parameters())


def test_the_costs_are_those_that_are_computed() -> None:
    assert costs.table() in (ROOT / "docs/deploy.md").read_text()
    amounts = re.findall(r"\| ([\d,]+) \| (\$[\d,]+) \| (\$[\d,]+) \|", costs.table())
    whole, small = {amount[0]: amount[1] for amount in amounts}, {amount[0]: amount[2] for amount in amounts}
    sentence = f"({whole['0']} a month unused, {small['0']} with a database and a cache elsewhere, "
    sentence += f"{whole['1,000,000']} and {small['1,000,000']} with a million photos)"
    assert sentence in " ".join(README.split())
    assert f"is ${costs.provisioned():.0f} more" in " ".join((ROOT / "docs/deploy.md").read_text().split())
    template = (ROOT / "template.yaml").read_text()
    assert template.count("Type: AWS::CloudWatch::Alarm") == costs.ALARMS


def test_every_make_command_exists_and_explains_itself() -> None:
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = {line.split()[0] for line in printed.splitlines()}
    assert {"help", "run", "demo", "test", "check", "bench", "train"} <= targets
    for text in (README, (ROOT / "docs/deploy.md").read_text()):
        assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_every_file_that_is_named_is_there() -> None:
    for name in re.findall(r"`((?:functions|layers|migrations|training|localstack|tests|docs)[\w/.]*)`", README):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`((?:deployment|tests|\.github)[\w/.-]*)`", (ROOT / "docs/deploy.md").read_text()):
        assert (ROOT / name).exists(), name


def test_the_figures_of_the_model_are_those_of_the_model() -> None:
    metadata = json.loads((ROOT / "functions/predict/model/metadata.json").read_text())
    text = " ".join(README.split())
    test, split = metadata["test"], metadata["split"]
    assert f"trained on {split['train']:,} photos and tested on {split['test']:,}" in text
    assert f"accuracy {test['accuracy']:.3f}, macro-F1 {test['macro_f1']:.3f}" in text
    assert f"healthy or rotten right {test['state_accuracy']:.3f}" in text
    assert f"the rotten photos {test['rotten_called_healthy'] * 100:.1f} % are called healthy" in text
    assert test["macro_f1"] >= 0.85


def test_every_command_of_the_training_is_in_the_table() -> None:
    told = subprocess.run(
        [tool("training", "python"), "-m", "training", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    commands = set(re.findall(r"^    (\w+) ", told.stdout, re.MULTILINE))
    assert len(commands) == 9
    assert commands <= table_names()


def test_every_sample_photo_has_a_source_and_a_licence() -> None:
    lines = (ROOT / "tests/photos/SOURCES.csv").read_text().splitlines()
    named = {line.split(",")[0] for line in lines[1:]}
    assert named == {path.name for path in (ROOT / "tests/photos").glob("*.jpg")}
    assert all(re.search(r",(Apache-2\.0|MIT|CC-BY-4\.0),", line) for line in lines[1:])


def test_no_file_carries_a_registry_address() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        assert "://" not in text, path
        assert all("--hash=" in block for block in re.split(r"\n(?=\S)", text.strip()) if "==" in block)


def test_every_reference_of_the_api_document_leads_somewhere() -> None:
    text = (ROOT / "functions/predict/openapi.json").read_text()
    schemas = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= set(schemas)
