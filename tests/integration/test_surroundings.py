"""The system starts wherever its folder lies, and whatever the shell it is started from is set up for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localstack.client import Client
from localstack.settings import ROOT, Settings
from localstack.stack import running

# Everything that means something to a shell, to make, to PYTHONPATH, to a configuration file, in an address or a list;
# and longer than the path of a Unix socket may be.
ODD = "-a:b%c,d'e$HOME f#g&h=i;j@k(l)[m]{n}~o!p*q?r|s<t>u^v`w\"x\\y\nü日" + "z" * 60
NOWHERE = "/nowhere/at/all"
NASTY = {
    **dict.fromkeys(("FLASK_DEBUG", "DEBUG", "PYTHONINSPECT", "PYTHONVERBOSE", "EAGER_SERVICE_LOADING"), "1"),
    **dict.fromkeys(("FLASK_APP", "FLASK_RUN_PORT", "FLASK_ENV", "FLASK_RUN_HOST", "WERKZEUG_SERVER_FD"), "nonsense"),
    **dict.fromkeys(("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS"), "http://127.0.0.1:9"),
    **dict.fromkeys(("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_CLOUDFORMATION"), "http://127.0.0.1:9"),
    **dict.fromkeys(("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"), "nonsense"),
    **dict.fromkeys(("AWS_DEFAULTS_MODE", "AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_SESSION_TOKEN"), "nonsense"),
    **dict.fromkeys(
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"), "true"
    ),
    **dict.fromkeys(
        ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_STS_REGIONAL_ENDPOINTS"), "nonsense"
    ),
    **dict.fromkeys(("AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "BOTO_CONFIG"), NOWHERE),
    **dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), NOWHERE),
    **dict.fromkeys(("SERVICES", "STRICT_SERVICE_LOADING", "LOCALSTACK_HOST", "GATEWAY_LISTEN"), "nonsense"),
    **dict.fromkeys(("LOCALSTACK_AUTH_TOKEN", "PROVIDER_OVERRIDE_S3", "PERSISTENCE", "LAMBDA_DOCKER_NETWORK"), "1"),
    **dict.fromkeys(("PGHOST", "PGPASSWORD", "PGPORT", "PGUSER", "PGOPTIONS", "PGSERVICE"), "nonsense"),
    **dict.fromkeys(("PGDATA", "PGSYSCONFDIR", "PGLOCALEDIR", "TZ"), NOWHERE),
    **dict.fromkeys(("WEED_MASTER_DEFAULT", "WEED_FILER_OPTIONS_RECURSIVE_DELETE", "WEED_JWT_SIGNING_KEY"), "nonsense"),
    **dict.fromkeys(("REDIS_URL", "DATABASE_HOST", "DATABASE_PORT", "DATABASE_TLS", "ARCHIVE_BUCKET"), "nonsense"),
    **dict.fromkeys(
        ("EVENTS_BUCKET", "TOKEN_PUBLIC_KEYS", "MODEL_RUNTIME", "ORIGIN_KEY", "AWS_LAMBDA_RUNTIME_API"), "x"
    ),
    **dict.fromkeys(
        ("OTEL_SERVICE_NAME", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_RESOURCE_ATTRIBUTES"), "x"
    ),
    **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("PYTHONWARNINGS",), "error"),
    **dict.fromkeys(("PYTHONSTARTUP", "PYTHONPYCACHEPREFIX", "TMPDIR", "HOME", "VIRTUAL_ENV", "CONDA_PREFIX"), NOWHERE),
    **dict.fromkeys(("LC_ALL", "LANG", "LANGUAGE", "LC_MESSAGES"), "xx_XX.nonsense"),
    **dict.fromkeys(("PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "SAM_CLI_POLL_DELAY"), "1"),
    **dict.fromkeys(("GODEBUG", "GOGC", "GOMEMLIMIT", "MALLOC_CHECK_", "LD_BIND_NOW"), "1"),
}
FOR_THE_FIRST_PYTHON = ("PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONVERBOSE")  # which `make` takes away


@pytest.fixture
def odd_tree(tmp_path: Path) -> Path:
    """A copy of the project, under the oddest name, with the environments that were set up."""
    tree = tmp_path / ODD
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        source = ROOT / name
        if source.is_file() and not source.is_relative_to(ROOT / ".venvs"):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, tree / name)
    (tree / ".venvs").symlink_to((ROOT / ".venvs").resolve())
    return tree


def files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_relative_to(folder / ".rottenbot")}


def test_the_demo_runs_at_the_oddest_path_in_the_oddest_shell_and_writes_nothing_else(odd_tree: Path) -> None:
    before = files(odd_tree)
    python = odd_tree / ".venvs" / "dev" / "bin" / "python"
    given = {name: value for name, value in NASTY.items() if name not in FOR_THE_FIRST_PYTHON}
    ended = subprocess.run(
        [python, "-m", "localstack", "demo"],
        cwd=odd_tree,
        env={**given, "PATH": os.environ["PATH"], "PYTHONPATH": "layers/core/python", "PYTHONDONTWRITEBYTECODE": "1"},
        umask=0o777,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "0 messages left in queues and DLQs" in ended.stdout
    assert files(odd_tree) == before


def test_a_relative_state_folder_of_any_name_holds_the_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photo: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROTTENBOT_STATE", f"{ODD}/{ODD}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (one for one in NASTY if one.startswith("AWS_") or one.lower().endswith("_proxy")):
        monkeypatch.setenv(name, NASTY[name])
    settings = Settings.read()
    with running(settings.on_free_ports(settings.rottenbot_state), print) as stack:
        client = Client(stack.url).join()
        for uid in (client.predict(photo, save=True)["prediction_uid"], client.upload(photo)):
            assert client.wait_for(uid)["predicted_class_name"] == photo.stem
    assert (tmp_path / ODD / ODD / "postgres" / "PG_VERSION").is_file()
    assert list(tmp_path.iterdir()) == [tmp_path / ODD]


def test_make_says_what_is_the_matter_with_a_colon_before_it_makes_anything(tmp_path: Path) -> None:
    folder = tmp_path / "with:colon"
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements" / "dev.txt").touch()
    shutil.copy(ROOT / "Makefile", folder)
    ended = subprocess.run(["make", "setup", f"PYTHON={sys.executable}"], cwd=folder, capture_output=True, text=True)
    assert ended.returncode
    assert "with:colon, has a colon (:) in it" in ended.stderr
    assert not (folder / ".venvs").exists()


@pytest.mark.parametrize("goal", ["setup", "deploy"])
def test_make_hands_on_what_a_registry_needs_and_nothing_that_turns_what_is_done(tmp_path: Path, goal: str) -> None:
    kept = {"PIP_INDEX_URL": "https://example.com/simple", "PIP_CERT": "/a.pem", "HTTPS_PROXY": "http://127.0.0.1:9"}
    turned = {
        "PYTHONHOME": NOWHERE,
        "PYTHONOPTIMIZE": "2",
        "PIP_TARGET": NOWHERE,
        "PIP_PREFIX": NOWHERE,
        "PIP_USER": "1",
    }
    account = {"AWS_PROFILE": "of mine", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    probe = tmp_path / "Makefile"
    probe.write_text((ROOT / "Makefile").read_text() + f"\nMAKECMDGOALS := {goal}\nprobe:\n\t@env\n")
    text = f"MAKECMDGOALS := {goal}\n" + probe.read_text()
    probe.write_text(text)
    environment = {"PATH": os.environ["PATH"], **kept, **turned, **account}
    printed = subprocess.run(
        ["make", "probe"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    seen = dict(line.split("=", 1) for line in printed.stdout.splitlines() if "=" in line)
    assert kept.items() <= seen.items()
    assert not {"PYTHONHOME", "PYTHONOPTIMIZE", "PIP_TARGET", "PIP_PREFIX"} & seen.keys()
    assert seen["PIP_USER"] == "0"
    assert (account.items() <= seen.items()) == (goal == "deploy")
