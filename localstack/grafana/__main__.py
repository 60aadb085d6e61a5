"""`python -m localstack.grafana FOLDER` writes the dashboards as JSON and the alerts as rules of Prometheus."""

import sys
from pathlib import Path

from localstack.grafana import alerts, dashboards

folder = Path(sys.argv[1])
dashboards.write(folder / "dashboards")
alerts.write(folder / "alerts.yaml")
