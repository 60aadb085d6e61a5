"""The README's commands, pasted into a shell."""

import re
import subprocess

from localstack.settings import ROOT
from localstack.stack import Stack


def test_the_curl_lines_work_as_they_stand(stack: Stack) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    pasted = "\n".join(block for block in blocks if "curl" in block)
    assert "http://127.0.0.1:3000" in pasted
    pasted = "set -e\n" + pasted.replace("http://127.0.0.1:3000", stack.url)
    pasted = pasted.replace("http://127.0.0.1:3001", f"http://127.0.0.1:{stack.settings.rottenbot_lambda_port}")
    ended = subprocess.run(["bash", "-c", pasted], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert '"predicted_class_name":"Apple__Rotten"' in ended.stdout
    assert '"predicted_class_name":"Banana__Healthy"' in ended.stdout
    assert ended.stdout.count('"status":"recorded"') == 3
    assert '"map":[[' in ended.stdout
    assert '"label":"Apple__Healthy"' in ended.stdout
    assert '"Revision"' in ended.stdout
    assert '"kind":"Apple","healthy":1,"rotten":0' in ended.stdout


def test_the_demo_ends_well() -> None:
    ended = subprocess.run(["make", "demo"], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(
        r"(\d+) classified, \d+ correct, \1 rows in PostgreSQL, \1 objects in the archive, 0 messages left",
        ended.stdout,
    )
    assert "now open http://127.0.0.1:3000" in ended.stdout.replace("\n", " ")
