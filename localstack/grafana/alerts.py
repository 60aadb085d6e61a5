"""Every alert, as rules of Prometheus.

Of the service levels an alert tells how fast their budget of 30 days burns, over a long window and a short one, so that
it comes early and ends soon (Google, "The Site Reliability Workbook", chapter 5, "Alerting on SLOs"): 14.4 times as
fast as it lasts burns 2 % of it in an hour, 6 times 5 % in six hours, once 10 % in three days.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from localstack.grafana.expressions import FAILED_BUDGET, SLOW_BUDGET, failed, grew, quantile, rate, slow

BURN_RATES: Final = ((14.4, "1h", "5m", "page"), (6, "6h", "30m", "page"), (1, "3d", "6h", "ticket"))


@dataclass(frozen=True)
class Alert:
    """A rule: when `expression` has a value for as long as `lasting`, somebody is told `summary`. `window` tells rules
    of one name apart."""

    name: str
    expression: str
    severity: str
    summary: str
    dashboard: str
    lasting: str = "0s"
    window: str = ""

    def rule(self) -> dict[str, Any]:
        """The same in Prometheus's words."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.lasting,
            "labels": {"severity": self.severity, **({"window": self.window} if self.window else {})},
            "annotations": {"summary": self.summary, "dashboard": self.dashboard},
        }


def alerts() -> list[Alert]:
    """All of them."""
    burning = [
        Alert(
            name,
            f"{share(long)} > {factor} * {budget} and {share(short)} > {factor} * {budget}",
            severity,
            f"{what}: the budget of 30 days burns {factor} times as fast as it lasts.",
            "slo",
            window=long,
        )
        for name, share, budget, what in (
            ("PredictionsSlow", slow, SLOW_BUDGET, "Too many predictions take more than 300 ms"),
            ("PredictionsFailing", failed, FAILED_BUDGET, "Too many predictions fail on our side"),
        )
        for factor, long, short, severity in BURN_RATES
    ]
    return [
        *burning,
        Alert(
            "PhotosGivenUp",
            grew("photos_given_up_total"),
            "page",
            "Photos could not be processed: their records are failed, and their bytes are kept.",
            "pipeline",
        ),
        Alert(
            "DeadLetters",
            grew('messages_failed_total{dead="true"}'),
            "page",
            "Photos stay in a dead-letter queue, because they could not even be given up: they are tried again.",
            "pipeline",
        ),
        Alert(
            "QueueOld",
            f"{quantile(0.95, 'queue_age_milliseconds', 'work', window='10m')} > 60000",
            "ticket",
            "Photos wait for more than a minute until they are worked on.",
            "pipeline",
            "10m",
        ),
        Alert(
            "LogInsFailing",
            f"{rate('login_failures_total', window='10m')} > 1",
            "ticket",
            "More than one log-in a second fails: somebody may be trying passwords.",
            "auth",
            "10m",
        ),
        Alert(
            "AnswersMismatched",
            grew("answers_mismatched_total"),
            "page",
            "A store answered something else than what it was asked; the answer was shown to nobody.",
            "resources",
        ),
        Alert(
            "TelemetryDropped",
            grew("telemetry_dropped_total"),
            "ticket",
            "The collector did not take all spans and log lines.",
            "resources",
        ),
    ]


def write(file: Path) -> None:
    """Write the rules, as Prometheus loads them."""
    rules = [alert.rule() for alert in alerts()]
    file.write_text(yaml.safe_dump({"groups": [{"name": "rottenbot", "rules": rules}]}, sort_keys=False, width=120))
