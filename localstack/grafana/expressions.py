"""What is asked of Prometheus, in the words of its language."""

from typing import Final

PREDICT: Final = 'route="/api/v1/inference/predict"'
BROKEN: Final = 'status=~"5.."'
REFUSED: Final = 'status=~"4.."'
SLOW_BUDGET: Final = 0.005
FAILED_BUDGET: Final = 0.001
NOW: Final = "$__rate_interval"  # Grafana puts in how far apart the values are


def rate(metric: str, by: str = "", where: str = "", window: str = NOW) -> str:
    """How much a counter grows in a second, summed but for the labels in `by`."""
    return f"sum by ({by}) (rate({metric}{{{where}}}[{window}]))"


def quantile(share: float, metric: str, by: str = "", where: str = "", window: str = NOW) -> str:
    """A quantile of a histogram, one for each value of the labels in `by`."""
    buckets = rate(f"{metric}_bucket", ", ".join(filter(None, ("le", by))), where, window)
    return f"histogram_quantile({share}, {buckets})"


def mean(metric: str, by: str = "") -> str:
    """The mean of all that a histogram has seen."""
    return f"sum by ({by}) ({metric}_sum) / sum by ({by}) ({metric}_count)"


def share(metric: str, part: str, of: str = "", window: str = NOW) -> str:
    """The share that one part of a counter has in what `of` selects of it; 0 while there is none of that part."""
    selected = rate(metric, where=", ".join(filter(None, (of, part))), window=window)
    return f"(({selected} or vector(0)) / {rate(metric, where=of, window=window)})"


def grew(counter: str) -> str:
    """Something when a counter has grown within an hour. One that was not there before has grown as well: each new
    environment brings its own, and Prometheus's own functions count from the first value that they see."""
    return f"sum by (job) (increase({counter}[1h])) > 0 or sum by (job) ({counter} unless {counter} offset 1h) > 0"


def slow(window: str) -> str:
    """The share of predictions that took more than 300 ms."""
    every = rate("inference_api_duration_milliseconds_count", where=PREDICT, window=window)
    quick = rate("inference_api_duration_milliseconds_bucket", where=f'{PREDICT}, le="300"', window=window)
    return f"(1 - {quick} / {every})"


def failed(window: str) -> str:
    """The share of predictions that failed on our side."""
    return share("inference_api_requests_total", BROKEN, PREDICT, window)
