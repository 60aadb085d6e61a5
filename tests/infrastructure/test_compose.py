"""What compose.yaml and the workflows promise, read from the files."""

import re
from typing import Any

import yaml
from grafana_foundation_sdk.models.dashboard import Panel

from localstack import parts
from localstack.grafana.dashboards import dashboards
from localstack.settings import ROOT

COMPOSE = ROOT / "localstack" / "compose.yaml"


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_every_image_is_pinned() -> None:
    for service in services().values():
        assert re.search(r":(RELEASE\.|v)?[0-9][\w.-]*(@sha256:[0-9a-f]{64})?$", service["image"]), service["image"]
    assert services()["localstack"]["image"].endswith(":4.14.0")  # later ones ask for an account


def test_every_service_tells_that_it_is_well_and_keeps_its_data() -> None:
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    for name, service in services().items():
        if name in ("collector", "node-exporter"):  # which have none
            continue
        assert any(volume.startswith(f"{name}:") for volume in service["volumes"])
        assert name in volumes
        if "profiles" not in service:  # the images of those have no program to ask with
            assert service["healthcheck"]["test"][0] == "CMD"


def test_nothing_listens_to_other_machines() -> None:
    for service in services().values():
        for port in service.get("ports", []):
            assert port.startswith(("127.0.0.1:", "${ROTTENBOT_BRIDGE}:"))


def test_what_is_observed_is_started_by_name_and_by_nothing_else() -> None:
    assert {name for name, service in services().items() if "profiles" in service} == set(parts.OBSERVABILITY)


def test_every_file_that_is_mounted_is_there() -> None:
    for service in services().values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert not source.startswith("./") or (COMPOSE.parent / source).exists(), source


def test_dashboards_and_links_name_the_sources_that_grafana_is_given() -> None:
    file = COMPOSE.parent / "grafana/provisioning/datasources/rottenbot.yaml"
    given = {(source["type"], source["uid"]) for source in yaml.safe_load(file.read_text())["datasources"]}
    named = {
        (panel.datasource.type_val, panel.datasource.uid)
        for one in dashboards()
        for panel in one.panels or []
        if isinstance(panel, Panel) and panel.datasource
    }
    assert named == given
    assert set(re.findall(r"datasourceUid: (\w+)", file.read_text())) == {uid for _, uid in given}


def test_every_value_that_it_asks_for_is_given() -> None:
    given = (ROOT / "localstack" / "parts.py").read_text() + (ROOT / "localstack" / "settings.py").read_text().upper()
    for name in set(re.findall(r"\$\{(\w+)\}", COMPOSE.read_text())):
        assert name in given


def test_workflows_pin_their_actions_and_keep_no_key() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = path.read_text()
        for used in re.findall(r"uses: (\S+)", text):
            assert used.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), used
        assert "secrets." not in text
        assert "AWS_SECRET_ACCESS_KEY" not in text
        assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_prod_waits_for_dev() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]
    assert jobs["prod"]["needs"] == "dev"
    stage = yaml.safe_load((ROOT / ".github/workflows/deploy-stage.yml").read_text())["jobs"]["deploy"]
    assert stage["environment"] == "${{ inputs.stage }}"  # where the approval is asked for


def test_only_the_environments_may_take_on_the_role() -> None:
    from samtranslator.yaml_helper import yaml_parse

    role = yaml_parse((ROOT / "deployment/github.yaml").read_text())["Resources"]["Role"]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    subjects = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert [one["Fn::Sub"] for one in subjects] == [f"repo:${{Repository}}:environment:{s}" for s in ("dev", "prod")]
    assert not role["RoleName"].startswith("rottenbot-")  # it must not be able to change itself
