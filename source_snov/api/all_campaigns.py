"""Which campaigns are named in requests about senders, owners and the account."""

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from threading import Lock
from typing import TypeVar

from source_snov.api.assumptions import Aggregate, Refused
from source_snov.api.exceptions import too_many_campaigns

logger = logging.getLogger("airbyte.snov")

MAX_GONE = 3
"""Campaigns that may be deleted during one sync; if more are refused, something else is at fault."""

MAX_ALONE = 20
"""Campaigns that one look asks for alone, where all together have no figures; the next look takes others."""

MAX_LOOKS = 3
"""How often a sync looks where all together have no figures."""

MAX_TO_FIND = 60
"""Requests at most that find out which campaigns the API refuses."""

Result = TypeVar("Result")


class AllCampaigns:
    """What `campaign_id` says in the requests of one stream.

    A request that names none is answered for the active ones only (API reference), or for all (knowledge base). It is
    made where one request cannot name all, where the API refuses them, or where it does not count all that are named,
    with a warning.

    started: the campaigns. most: how many one request can name. chosen: whether they are only some of the account's, so
    that a request without any would count too many.
    """

    def __init__(
        self, stream_name: str, started: Callable[[], Collection[int]], most: Callable[[], int], chosen: bool
    ) -> None:
        self._chosen = chosen
        self._stream_name = stream_name
        self._started = started
        self._most = most
        self._lock = Lock()
        self._looking = Lock()
        self._refused = False
        self._looks = 0
        self._settled = False
        self._gone: set[str] = set()
        self.blameless = False
        """Whether a request about everybody is refused whichever campaigns it names, so that none is at fault."""

    @property
    def names(self) -> str:
        """IDs with commas; empty for none."""
        campaigns = self._started()
        if len(campaigns) > self._most():
            reason = f"There are {len(campaigns)}."
            if self._chosen:
                raise too_many_campaigns(self._stream_name, reason)
            self._refuse(reason)
        return "" if self._refused else ",".join(str(one) for one in campaigns if str(one) not in self._gone)

    def all_count(self, names: str, ask: Callable[[str], Aggregate], aggregate: Aggregate) -> bool:
        """Whether a response about the named campaigns can be relied on; if not, ask again with the `names` of now.

        Checks once a sync, and a few times where nothing happened, whether all of them count. A response that is not
        empty is asked for again in reverse order, and a third request tells growth from a difference. If it is empty,
        campaigns are asked about alone. aggregate: of the request that named them.
        """
        something = aggregate.actions > 0
        most_looks = 1 if self._chosen else MAX_LOOKS
        if "," not in names or self._settled:
            return True
        with self._looking:
            if self._refused:
                return False
            if self._settled or (self._looks >= most_looks and not something):
                return True
            try:
                seen = self._out_of_order(names, ask, aggregate) if something else self._otherwise(names, ask)
            except Refused:
                seen = ""
            self._looks += not something
            self._settled = something and not seen
            if not seen:
                return True
            number = names.count(",") + 1
            if not self._chosen:
                self._refuse(f"Asked for {number} at once, Snov.io leaves some out: {seen}.")
                return False
            self._settled = True
            logger.warning(
                f"{self._stream_name}: asked for {number} campaigns at once, Snov.io leaves some out: {seen}. Set "
                "campaign_ids to one campaign for its figures, and report this to the connector's maintainers."
            )
            return True

    def _out_of_order(self, names: str, ask: Callable[[str], Aggregate], before: Aggregate) -> str:
        reverse = ask(",".join(reversed(names.split(","))))
        if reverse.values == before.values:
            return ""
        after = ask(names)
        grows = after.values != before.values and before.actions <= reverse.actions <= after.actions
        return "" if grows else "in the reverse order, it counts otherwise"

    def _otherwise(self, names: str, ask: Callable[[str], Aggregate]) -> str:
        # A request that names none may be about others too, such as deleted ones: it is a hint, and no proof.
        if not self._chosen and not ask("").actions:
            return ""
        newest = sorted(names.split(","), key=int, reverse=True)
        begin = self._looks * MAX_ALONE % len(newest)
        for name in (newest[begin:] + newest[:begin])[:MAX_ALONE]:
            if ask(name).actions:
                return "" if ask(names).actions else f"campaign {name} has figures when it is asked for alone"
        return ""

    def without_refused(
        self, names: str, refusal: Refused, ask: Callable[[str], Result], ask_day: Callable[[str], object]
    ) -> Result:
        """The response without the campaigns that are at fault: deleted since they were listed, most likely.

        If there are more than a few, without naming any, if that is accepted. Raises Refused if it is about something
        else.

        ask_day: about one day only.
        """
        listed = names.split(",")
        first = listed[: MAX_GONE + 1]
        about_them = any(not _at_fault([name], ask_day, [1]) for name in first)
        gone = _at_fault(listed, ask_day, [MAX_TO_FIND]) if about_them else listed
        if len(gone) <= MAX_GONE and len(gone) < len(listed):
            with suppress(Refused):
                # Where none is at fault, the refusal may have been a passing one.
                result = ask(",".join(name for name in listed if name not in gone))
                self._leave_out(gone, str(refusal))
                return result
        if self._chosen:
            raise refusal
        result = ask("")
        self._refuse(str(refusal))
        return result

    def _leave_out(self, gone: Sequence[str], reason: str) -> None:
        with self._lock:
            new = [name for name in gone if name not in self._gone]
            self._gone.update(new)
        for name in new:
            logger.warning(f"{self._stream_name}: campaign {name} is left out, since Snov.io refuses it. {reason}")

    def _refuse(self, reason: str) -> None:
        """Notes that they cannot be named, with a warning."""
        with self._lock:
            first, self._refused = not self._refused, True
        if first:
            logger.warning(
                f"{self._stream_name}: one request cannot name all campaigns. {reason} Snov.io is asked without naming "
                "any, and may leave out those that are paused or completed. Set campaign_ids to choose campaigns."
            )


def _at_fault(names: Sequence[str], ask: Callable[[str], object], left: list[int]) -> Sequence[str]:
    """Those that are refused alone, found by asking in halves. left: how many requests that may still take."""
    if not names or left[0] <= 0:
        return []
    left[0] -= 1
    try:
        ask(",".join(names))
    except Refused:
        middle = len(names) // 2
        if not middle:
            return names
        return [*_at_fault(names[:middle], ask, left), *_at_fault(names[middle:], ask, left)]
    return []
