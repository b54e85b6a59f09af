"""Every kind of fault that the sandbox can make, and how a sync of one stream must end with it.

The expectations follow from the documentation (docs/snov.md), not from the connector's code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from sandbox import faults
from sandbox.faults import Fault

Ending = Literal["truth", "without", "lacking", "empty", "config_error", "system_error", "transient_error"]
"""How a sync may end: with exactly the truth; with all of it except one field; complete, except for what warnings name;
complete and empty, with one warning; or failed, with this failure type."""


@dataclass(frozen=True)
class Meeting:
    """The request that a fault hits.

    optional: whether a plan may lack the resource. listed: whether it is a list of the account, rather than about one
    campaign, mailbox, warm-up, list or pipeline. first: whether it is the stream's first request.
    """

    optional: bool
    listed: bool
    first: bool


@dataclass(frozen=True)
class Kind:
    """A kind of fault: `plant` makes it for a target (`path`, `skip`), and `ends` returns how a sync ends with it.

    says: parts of the failure's message that tell the user what to do; one of them must appear. times: how often it
    hits.
    """

    plant: Callable[..., Fault]
    ends: Callable[[Meeting], Ending]
    says: tuple[str, ...] = ()
    times: int | None = None
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether every sync is complete despite it."""
        return {self.ends(Meeting(*each)) for each in product((True, False), repeat=3)} == {"truth"}

    def at(self, path: str, skip: int = 0) -> Fault:
        return self.plant(**self.arguments, path=path, skip=skip, times=self.times)


def passes(plant: Callable[..., Fault], times: int = 1, **arguments: Any) -> Kind:
    """A fault that every sync overcomes."""
    return Kind(plant, lambda meeting: "truth", times=times, arguments=arguments)


def fails(
    plant: Callable[..., Fault], failure_type: Ending, *says: str, times: int | None = None, **arguments: Any
) -> Kind:
    """A fault that fails every stream."""
    return Kind(plant, lambda meeting: failure_type, says, times, arguments)


def stays(plant: Callable[..., Fault], **arguments: Any) -> Kind:
    """A usually temporary fault that stays."""
    return fails(plant, "transient_error", "times in a row. Sync again later", **arguments)


def missing(on_lists: Ending) -> Callable[[Meeting], Ending]:
    """A missing resource is skipped. on_lists: how a sync ends if it is a core stream's own list."""

    def ends(meeting: Meeting) -> Ending:
        if meeting.listed:
            return "empty" if meeting.optional and on_lists != "transient_error" else on_lists
        if meeting.first:
            return "empty" if meeting.optional else "system_error"
        return "lacking"

    return ends


def forbidden(meeting: Meeting) -> Ending:
    """A plan may lack optional streams. After the first request, only a single campaign or the like is refused."""
    if not meeting.optional:
        return "config_error"
    return "empty" if meeting.first or meeting.listed else "lacking"


ACCOUNT = "Account settings > API"
REPORT = "report this to the connector's maintainers"
SUPPORT = "ask Snov.io support"

KINDS: dict[str, Kind] = {
    "401 once": passes(faults.unauthorized),
    "401 for good": fails(faults.unauthorized, "config_error", ACCOUNT),
    "403": Kind(faults.forbidden, forbidden, ("Ask the account's owner for access",)),
    "404": Kind(faults.not_found, missing("system_error"), ("check the plan", REPORT)),
    "422 that passes": passes(faults.unprocessable),
    "422 for good": Kind(faults.unprocessable, missing("transient_error"), ("Sync again later", REPORT)),
    "429 for a minute": passes(faults.rate_limited),
    "429 for ten minutes": passes(faults.rate_limited, times=4),
    "429 forever": fails(faults.rate_limited, "transient_error", "then sync again in 10 minutes"),
    "500 once": passes(faults.server_error),
    "500 for good": stays(faults.server_error),
    "502 with a page": passes(faults.bad_gateway, times=3),
    "502 with a page for good": stays(faults.bad_gateway),
    "200 with a page": passes(faults.html_page, times=2),
    "200 with a page for good": stays(faults.html_page),
    "success false, a list": fails(faults.success_false, "system_error", SUPPORT, shape="list"),
    "success false, a text": fails(faults.success_false, "system_error", SUPPORT, shape="text"),
    "success false, an object": fails(faults.success_false, "system_error", SUPPORT, shape="object"),
    "success false, a message": fails(faults.success_false, "system_error", SUPPORT, shape="message"),
    "errors without success": fails(faults.success_false, "system_error", SUPPORT, shape="no_success"),
    "object for array": fails(faults.wrong_container, "system_error", SUPPORT),
    "body cut short": passes(faults.cut_body),
    "body cut short for good": stays(faults.cut_body),
    "JSON cut short": passes(faults.cut_json),
    "JSON cut short for good": stays(faults.cut_json),
    "reset before": passes(faults.reset_before),
    "reset before for good": stays(faults.reset_before),
    "reset within": passes(faults.reset_within),
    "reset within for good": stays(faults.reset_within),
    "no response": passes(faults.hang),
    "no response for good": stays(faults.hang),
    "slow drip": passes(faults.drip, seconds=0.03),
    "slow drip for good": stays(faults.drip, seconds=0.2),
    "late": passes(faults.delay, seconds=0.4),
    "tokens expire": passes(faults.tokens_expire),
    "credentials revoked": fails(faults.credentials_revoked, "config_error", ACCOUNT, times=1),
    "403 of a firewall": passes(faults.firewall, times=2),
    **{
        f"{status} of a firewall for good": fails(
            faults.firewall, "transient_error", "firewall, proxy or portal", status=status
        )
        for status in (402, 403, 404)
    },
    "206 with a part": passes(faults.partial),
    "206 with a part for good": stays(faults.partial),
    "302 to nowhere": passes(faults.no_location, status=302),
    "302 to nowhere for good": fails(faults.no_location, "transient_error", "firewall, proxy or portal", status=302),
    "new fields": Kind(faults.extra_fields, lambda meeting: "truth"),
}

MATTERS_OF_DATA = ("401 once", "422 that passes", "422 for good", "tokens expire")

ON_THE_TOKEN: dict[str, Kind] = {
    **{
        name: kind
        for name, kind in KINDS.items()
        if name not in MATTERS_OF_DATA and kind.ends(Meeting(False, True, True)) in ("truth", "transient_error")
    },
    **{
        f"{status} for good": fails(faults.token_refused, "config_error", ACCOUNT, status=status)
        for status in (400, 401, 403, 422)
    },
    "404": fails(faults.not_found, "system_error", "Check api_url"),
    "200 without a token": fails(faults.token_without_access_token, "config_error", ACCOUNT),
    **{
        name: fails(faults.success_false, "config_error", ACCOUNT, **kind.arguments)
        for name, kind in KINDS.items()
        if kind.plant is faults.success_false
    },
    "array for object": fails(faults.wrong_container, "config_error", ACCOUNT),
}
"""Faults of the token endpoint."""
