"""Sending to collectors that do not take everything, or go away."""

import time
from dataclasses import dataclass

from localstack.status.received import Received
from localstack.status.server import serving
from rottenbot.otlp import Exporter


class TracesAlone(Received):
    def take(self, path: str, body: bytes) -> bool:
        return path == "/v1/traces" and super().take(path, body)


@dataclass
class Hanging(Received):
    hangs: bool = False

    def take(self, path: str, body: bytes) -> bool:
        if self.hangs:
            time.sleep(0.3)
            return False
        return super().take(path, body)


def tell(exporter: Exporter, name: str) -> None:
    with exporter.span(name, {}, "internal"):
        exporter.count("told", 1, {})
    exporter.flush()


def test_what_a_collector_does_not_take_is_not_sent_again_and_stops_nothing() -> None:
    received = TracesAlone()
    with serving(received, {}) as url:
        exporter = Exporter(url, "test", 1)
        for name in ("first", "second", "third"):
            tell(exporter, name)
    assert [span.name for span in received.spans] == ["first", "second", "third"]


def test_what_a_collector_misses_while_it_hangs_is_counted() -> None:
    received = Hanging()
    with serving(received, {}) as url:
        exporter = Exporter(url, "test", 0.1)
        tell(exporter, "before")
        received.hangs = True
        tell(exporter, "missed")
        received.hangs = False
        tell(exporter, "missed as well, without trying")
        exporter._paused_until = 0
        tell(exporter, "after")
    assert [span.name for span in received.spans] == ["before", "after"]
    values = {(one.name, one.attributes.get("signal")): one.point for one in received.series}
    assert values["told", None].as_int == 4  # totals lose nothing
    assert values["telemetry_dropped", "spans"].as_int == 2
