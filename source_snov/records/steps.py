"""Finds the contents (A/B variants) of a campaign's e-mail steps among its settings."""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple


class StepContent(NamedTuple):
    """step_id, content_id: as the API names them in paths. position: of its step among the e-mails that a person gets.

    The first e-mail has position 1. Where branches of a sequence meet, the way with the fewest e-mails counts; a step
    that no way leads to has none.
    """

    step_id: str
    content_id: int
    position: int | None


def contents_of(settings: Mapping[str, Any]) -> Iterator[StepContent]:
    """The contents that `sequence` lists (API reference 2.2); LinkedIn steps have none.

    Raises ValueError if there is no list of steps, or a step or content is not as documented.
    """
    sequence = settings.get("sequence")
    if sequence in ([], {}):
        return
    if not isinstance(sequence, Mapping) or not isinstance(sequence.get("steps"), list):
        raise ValueError("no list of steps")
    steps = sequence["steps"]
    if not all(isinstance(step, Mapping) for step in steps):
        raise ValueError("a step that is not an object")
    positions = _positions(sequence.get("entry"), steps)
    for step in steps:
        ref = str(step.get("_ref"))
        if step.get("content_slots") and not isinstance(step.get("content"), list):
            raise ValueError("an e-mail step without a list of contents")
        for content in step.get("content") or ():
            content_id = str(content.get("id")) if isinstance(content, Mapping) else ""
            if not (ref.isdecimal() and content_id.isdecimal()):
                raise ValueError("a content without an ID, or in a step without one")
            yield StepContent(ref, int(content_id), positions.get(ref))


def _positions(entry: Any, steps: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    """The number of e-mails up to each step, itself included, on the way from the entry that has the fewest."""
    known = {str(step.get("_ref")): step for step in steps}
    found: dict[str, int] = {}
    ways = [(0, str(entry))]
    while ways:
        before, ref = heappop(ways)
        if ref not in known or ref in found:
            continue
        step = known[ref]
        found[ref] = before + bool(step.get("content"))
        for name in ("next", "yes", "no"):
            if step.get(name):
                heappush(ways, (found[ref], str(step[name])))
    return found
