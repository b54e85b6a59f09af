"""The moments at which runs of the connector are killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

TIMED: Final = ("milliseconds", "requests")
"""Kinds of moments that do not depend on the output."""


@dataclass(frozen=True)
class Moment:
    """When a run is killed.

    kind: "milliseconds" since its start; "requests" that the API has received; otherwise what is counted in the output:
    "line", a message type, or the status COMPLETE of a stream. part: the share of the last counted line that is still
    delivered, from 0 to 1.
    """

    kind: str
    at: int
    part: float = 1.0


@dataclass
class Course:
    """What happened in a run.

    printed: counts of lines by everything that a moment can count, and of records and states by stream. broken: whether
    the last line was cut short. seconds: its duration.
    """

    killed: bool = False
    broken: bool = False
    requests: int = 0
    seconds: float = 0.0
    printed: Counter[str] = field(default_factory=Counter)


def moments(rng: Random, whole: Course, streams: int) -> Iterator[Moment]:
    """Random moments in a run of this many streams. whole: the course of an undisturbed run.

    The order of kinds is fixed, so that all of them occur; the place in the run is random. A killed sync continues
    rather than starts again, so moments in the second half of a whole run's output would hardly occur.
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
        # After the status of the last stream, only a few log lines follow.
        yield Moment("COMPLETE", streams, rng.choice([0, 0.5, 1]))
