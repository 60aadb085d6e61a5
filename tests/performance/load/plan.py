"""What is sent and what is seen meanwhile."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """`rate` requests a second whether or not those before are answered, or with 0 as fast as `clients` get answers;
    `saved` is the share that is kept. `telemetry` goes to the status page, which is killed half-way if asked for."""

    rate: float
    clients: int
    minutes: float
    saved: float
    photos: list[str]
    telemetry: bool
    kill_collector: bool


@dataclass(frozen=True)
class Answer:
    """`at` is the time of the answer in seconds since 1970, `ms` how long it took from when it was due."""

    at: float
    ms: float
    error: str | None
    uid: str | None


@dataclass(frozen=True)
class Sample:
    """The machine at one time: processors and MiB of memory in use by part, and messages in the queues."""

    at: float
    processors: dict[str, float]
    memory: dict[str, float]
    queued: int


@dataclass
class Outcome:
    """All that came of a plan. `killed` is when the collector was, `lost` the saved photos that never got a record, and
    `seconds_behind` how long after the last request the last record came."""

    plan: Plan
    began: float
    answers: list[Answer] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    killed: float | None = None
    saved: int = 0
    lost: int = 0
    seconds_behind: float = 0.0

    @property
    def errors(self) -> int:
        """Requests that were not answered as they should be."""
        return sum(answer.error is not None for answer in self.answers)
