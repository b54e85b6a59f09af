"""When a run of the connector is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

TIMED: Final = ("milliseconds", "requests")
"""Kinds of moment that do not show in the output."""


@dataclass(frozen=True)
class Moment:
    """When a run is killed.

    kind: "milliseconds" since its start; "requests" that have arrived at the API; otherwise what is counted in the
    output: "line", a type of message, or the status COMPLETE of a stream. part: how much of the last line counted gets
    out, from 0 to 1.
    """

    kind: str
    at: int
    part: float = 1.0


@dataclass
class Course:
    """What happened in a run.

    printed: lines by all that a moment can count in them, and records and states by stream too. broken: the last line
    was cut short. seconds: until its end.
    """

    killed: bool = False
    broken: bool = False
    requests: int = 0
    seconds: float = 0.0
    printed: Counter[str] = field(default_factory=Counter)


def moments(rng: Random, whole: Course, streams: int) -> Iterator[Moment]:
    """Moments all over a run of so many streams. `whole`: the course of one that was not disturbed.

    Which kind comes when is fixed, so that none is missing; where in the run, chance decides. As a sync is continued
    rather than begun again, later moments of the output than half of a whole run would hardly come.
    """

    def some(kind: str) -> int:
        return rng.randint(1, max(whole.printed[kind] // 2, 1))

    def asked() -> Moment:
        return Moment("requests", rng.randint(1, whole.requests // 2))

    def waited() -> Moment:
        return Moment("milliseconds", round(whole.seconds * rng.uniform(200, 600)))

    while True:
        yield Moment("STATE", 1, 0)
        yield asked()
        yield Moment("line", some("line"), rng.random())
        yield Moment("STATE", some("STATE"), 0)
        yield waited()
        yield Moment("RECORD", some("RECORD"), 0.5)
        yield asked()
        yield Moment("STATE", some("STATE"), rng.random())
        yield waited()
        yield Moment("STATE", some("STATE"), 1)
        # With the status of the last stream everything is printed but a few words of the log.
        yield Moment("COMPLETE", streams, rng.choice([0, 0.5, 1]))
