"""Numbers over time, counted and drawn."""

import statistics
from collections.abc import Sequence
from typing import Final

import pygal
from markupsafe import Markup
from pygal.style import Style

NAMES: Final = ("p50", "p95", "p99")
STYLE: Final = Style(
    background="transparent",
    plot_background="transparent",
    font_family="sans-serif",
    guide_stroke_color="#8886",
    major_guide_stroke_color="#8886",
)


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, the 95th and the 99th percentile; zeros for no values."""
    if len(values) < 2:
        value = values[0] if values else 0.0
        return value, value, value
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


def percentiles(steps: Sequence[Sequence[float]]) -> dict[str, list[float | None]]:
    """Those of each step of time, by their names; None for a step without values."""
    cuts = [quantiles(step) if step else None for step in steps]
    return {name: [cut and cut[index] for cut in cuts] for index, name in enumerate(NAMES)}


def chart(title: str, lines: dict[str, list[float | None]], labels: list[str]) -> Markup:
    """An SVG of lines over time, to stand in a page."""
    top = max((value for values in lines.values() for value in values if value is not None), default=0) or 1
    drawn = pygal.Line(
        title=title, style=STYLE, height=260, width=720, dots_size=1, js=[], legend_at_bottom=True, range=(0, top)
    )
    drawn.max_scale = 6
    drawn.x_labels = labels
    drawn.show_minor_x_labels = False
    drawn.x_labels_major_every = max(1, len(labels) // 6)
    drawn.truncate_label = -1
    for name, values in lines.items():
        drawn.add(name, values)
    return Markup(drawn.render(is_unicode=True, disable_xml_declaration=True))  # noqa: S704  drawn here, of numbers
