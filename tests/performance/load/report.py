"""What came of it: a line while it runs, a table, and a page with charts."""

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, select_autoescape
from rich.box import SIMPLE
from rich.table import Table

from localstack.status.charts import chart, percentiles, quantiles
from tests.performance.load.plan import Answer, Outcome

STEP_SECONDS: Final = 5
templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())


def progress(outcome: Outcome) -> str:
    """How it goes, in a line."""
    now = time.time()
    latest = [answer for answer in outcome.answers[-1000:] if answer.at > now - STEP_SECONDS]
    _, p95, p99 = quantiles([answer.ms for answer in latest])
    queued = outcome.samples[-1].queued if outcome.samples else 0
    return (
        f"{now - outcome.began:4.0f} s of {outcome.plan.minutes * 60:.0f}   {len(latest) / STEP_SECONDS:5.1f} a second"
        f"   p95 {p95:4.0f} ms   p99 {p99:4.0f} ms   {outcome.errors} errors   {queued} in the queues"
    )


def table(outcome: Outcome) -> Table:
    """All of it, and if the collector was killed the time before and after that."""
    made = Table("requests", "number", "per second", "p50 ms", "p95 ms", "p99 ms", "errors", box=SIMPLE)
    for row in rows(outcome):
        made.add_row(*row)
    made.caption = fate(outcome)
    return made


def rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """The cells of the table."""
    answers, killed = outcome.answers, outcome.killed
    made = [_row("all", answers)]
    if killed:
        made.append(_row("before the collector died", [answer for answer in answers if answer.at <= killed]))
        made.append(_row("after", [answer for answer in answers if answer.at > killed]))
    return made


def fate(outcome: Outcome) -> str:
    """What became of the photos that were saved."""
    recorded = outcome.saved - outcome.lost
    return (
        f"{outcome.saved} photos saved, {recorded} on record {outcome.seconds_behind:.1f} s after the last request,"
        f" {outcome.lost} lost"
    )


def write(outcome: Outcome, file: Path) -> Path:
    """Write the page."""
    plan, answers, samples = outcome.plan, outcome.answers, outcome.samples
    way = f"{plan.rate:g} requests a second" if plan.rate else f"{plan.clients} clients"
    labels, steps = _steps([answer.at for answer in answers], outcome.began)
    sampled = [f"{sample.at - outcome.began:.0f} s" for sample in samples]
    parts = sorted({name for sample in samples for name in sample.memory})
    charts = [
        chart("requests a second", {"answered": [len(step) / STEP_SECONDS for step in steps]}, labels),
        chart("milliseconds", percentiles([[answers[index].ms for index in step] for step in steps]), labels),
        chart("errors", {"errors": [sum(answers[i].error is not None for i in step) for step in steps]}, labels),
        chart("messages in the queues", {"all": [sample.queued for sample in samples]}, sampled),
        chart("processors", {name: [sample.processors.get(name) for sample in samples] for name in parts}, sampled),
        chart("memory, MiB", {name: [sample.memory.get(name) for sample in samples] for name in parts}, sampled),
    ]
    errors = sorted({answer.error for answer in answers if answer.error})
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        templates.get_template("report.html").render(
            way=way,
            plan=plan,
            date=time.strftime("%Y-%m-%d %H:%M", time.localtime(outcome.began)),
            machine=f"{os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}",
            rows=rows(outcome),
            fate=fate(outcome),
            errors=errors,
            charts=charts,
        )
    )
    return file


def _row(what: str, answers: Sequence[Answer]) -> tuple[str, ...]:
    times = [answer.at for answer in answers]
    seconds = max(times) - min(times) if len(times) > 1 else 1.0
    cuts = [f"{cut:.1f}" for cut in quantiles([answer.ms for answer in answers])]
    errors = sum(answer.error is not None for answer in answers)
    return what, f"{len(answers):,}", f"{len(answers) / seconds:.1f}", *cuts, str(errors)


def _steps(times: Sequence[float], began: float) -> tuple[list[str], list[list[int]]]:
    """The indices of what happened in each few seconds, the last and unfinished ones left out."""
    steps: list[list[int]] = [[] for _ in range(max(1, int((max(times) - began) / STEP_SECONDS)))]
    for index, at in enumerate(times):
        step = int((at - began) / STEP_SECONDS)
        if step < len(steps):
            steps[step].append(index)
    return [f"{index * STEP_SECONDS} s" for index in range(len(steps))], steps
