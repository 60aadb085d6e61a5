"""A collector of OpenTelemetry for this machine: keeps the last minutes of what the functions send, shows them on a
page, and lets Prometheus read the metrics."""

from typing import Final

PATH: Final = "/_local/status"
