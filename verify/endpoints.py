"""A point for each endpoint: its status, and its rows compared with the stream's schema."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from verify.account import ANALYTICS, CAMPAIGNS, Account, Row, rows_of
from verify.client import CouldNotTell, Response
from verify.findings import Point, Seen, differs, either, holds, point
from verify.lists import LISTS, WARM_UP, contacts, prospect_page
from verify.shapes import Shape, form_of, listed, schema_of
from verify.times import form_of as form_of_time

NOT_INCLUDED: Final = (402, 403, 404)
"""Statuses of endpoints outside the plan, as the connector assumes."""

KNOWN_STATUSES: Final = [
    *["new", "draft", "active", "paused", "pause", "scheduled", "completed", "complete", "archived"],
    "active (on hold)",
    "automatically paused",
]
"""Campaign statuses in the reference, in lower case (4.5)."""


@dataclass(frozen=True)
class Endpoint:
    """The source of a stream's rows. `own` are fields that the connector adds, `optional` those often absent."""

    stream: str
    ask: Callable[[Account], Response]
    rows: Callable[[Any], Sequence[Row]]
    own: str = ""
    optional: str = ""


def _at(path: str, **params: str | int) -> Callable[[Account], Response]:
    return lambda account: account.get(path, **params)


def _of_campaign(path: str) -> Callable[[Account], Response]:
    return lambda account: account.get(path.format(account.main.campaign))


def _of_list(path: str) -> Callable[[Account], Response]:
    """The first non-empty list of a campaign, if any."""

    def ask(account: Account) -> Response:
        for window in account.windows:
            response = account.get(path, campaignId=window.campaign)
            if response.body:
                break
        return response

    return ask


def _analytics(account: Account) -> Response:
    window = account.main
    return account.get(ANALYTICS, **account.asked_figures([window.campaign], window.first, window.last))


def _activity(account: Account) -> Response:
    return account.page(account.main)


def _replies(account: Account) -> Response:
    return account.get(f"/v2/campaigns/{account.main.campaign}/all-replies", offset=0)


def _prospects(account: Account) -> Response:
    return prospect_page(account, 1, 5)


def _content(account: Account) -> Response:
    """The first content of a step; whether its path takes `_ref` of the step is open (API reference 2.4)."""
    campaign = account.main.campaign
    settings = account.get(f"/v2/campaigns/{campaign}").body
    for step in settings["data"]["sequence"]["steps"]:
        for content in step.get("content") or ():
            return account.get(f"/v2/campaigns/{campaign}/steps/{step['_ref']}/content/{content['id']}")
    raise CouldNotTell("the campaign has no e-mail step")


def _recipients(account: Account) -> Response:
    addresses = [row["userEmail"] for row in account.rows("/v1/emails-sent", campaignId=account.main.campaign)]
    if not addresses:
        raise CouldNotTell("the campaign has sent no e-mail")
    return account.get(f"/v2/campaigns/{account.main.campaign}/recipient", **{"emails[]": addresses[0]})


def _first_of(path: str, below: str) -> Callable[[Account], Response]:
    """The endpoint below the first row of a list."""

    def ask(account: Account) -> Response:
        rows = account.rows(path, "data")
        if not rows:
            raise CouldNotTell("the parent list is empty")
        return account.get(below.format(rows[0]["id"]))

    return ask


def _warm_up_days(account: Account) -> Response:
    for row in account.rows(WARM_UP, "data", page=1, per_page=100):
        if row.get("status") != "pending":
            return account.get(f"{WARM_UP}/statistics/{row['id']}", period="month")
    raise CouldNotTell("no warm-up has begun")


def _is(body: Any) -> Sequence[Row]:
    return [body] if isinstance(body, dict) else _checked(body)


def _data(body: Any) -> Sequence[Row]:
    found = body["data"]
    return [found] if isinstance(found, dict) else _checked(found)


def _days(body: Any) -> Sequence[Row]:
    days = body["data"]["daily_statistics"]
    return list(days.values()) if isinstance(days, dict) else _checked(days)


def _providers(body: Any) -> Sequence[Row]:
    found = body["data"]["provider_statistics"]
    return list(found.values()) if isinstance(found, dict) else _checked(found)


def _checked(rows: Any) -> Sequence[Row]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError("not a list of objects")
    return rows


MAIL = "campaign_id occurred_at"
MAIL_FIELDS = "custom_fields links emails email_subject email_body"
ENDPOINTS: Final = [
    Endpoint("campaigns", _at(CAMPAIGNS), _is),
    Endpoint("campaign_analytics", _analytics, _is, "campaign_id date_from date_to checked_at"),
    Endpoint("campaign_progress", _of_campaign("/v2/campaigns/{}/progress"), _is, "campaign_id checked_at"),
    Endpoint("campaign_recipients_activity", _activity, _data, "event_id campaign_id"),
    Endpoint("campaign_replies", _replies, _data, "campaign_id contact checked_at"),
    Endpoint("emails_sent", _of_list("/v1/emails-sent"), _is, MAIL),
    Endpoint("email_opens", _of_list("/v1/get-emails-opened"), _is, MAIL, MAIL_FIELDS),
    Endpoint("email_clicks", _of_list("/v1/get-emails-clicked"), _is, MAIL, MAIL_FIELDS),
    Endpoint("email_replies", _of_list("/v1/get-emails-replies"), _is, MAIL, MAIL_FIELDS),
    Endpoint("finished_prospects", _of_list("/v1/prospect-finished"), _is, "campaign_id checked_at"),
    Endpoint("campaign_settings", _of_campaign("/v2/campaigns/{}"), _data, "checked_at", "deals"),
    Endpoint(
        "campaign_step_contents",
        _content,
        # The connector has the ID under another name.
        lambda body: [{name: value for name, value in row.items() if name != "id"} for row in _data(body)],
        "campaign_id step_id content_id position checked_at",
    ),
    Endpoint("recipient_statuses", _recipients, _data, "campaign_id checked_at"),
    Endpoint("sender_email_accounts", _at("/v2/sender-accounts/emails"), _data),
    # Entries may be null, as one client found.
    Endpoint(
        "linkedin_accounts", _at("/v2/linkedin-accounts"), lambda body: _checked(list(filter(None, body["data"])))
    ),
    Endpoint("warm_ups", _at(WARM_UP, page=1, per_page=100), _data),
    Endpoint("warm_up_daily_statistics", _warm_up_days, _days, "warm_up_id date"),
    Endpoint("warm_up_provider_statistics", _warm_up_days, _providers, "warm_up_id provider checked_at", "categories"),
    Endpoint("prospect_lists", _at(LISTS), _is),
    Endpoint("list_prospects", _prospects, lambda body: _checked(body["prospects"]), "list_id contact"),
    Endpoint("prospect_custom_fields", _at("/v1/prospect-custom-fields"), _is),
    Endpoint("sending_schedules", _at("/v2/campaigns/schedules"), _data),
    Endpoint("do_not_email_lists", _at("/v2/blacklists"), _data),
    Endpoint("pipelines", _at("/v2/pipelines"), _data),
    Endpoint("pipeline_stages", _first_of("/v2/pipelines", "/v2/pipelines/{}/stages"), _data),
    Endpoint("account_balance", _at("/v1/get-balance"), _data, "checked_at"),
    Endpoint("webhooks", _at("/v2/webhooks"), lambda body: [row.get("data", row) for row in _data(body)]),
]


def shape_point(endpoint: Endpoint) -> Point:
    """The point about one endpoint."""

    def look(account: Account) -> Seen:
        response = endpoint.ask(account)
        if response.status in NOT_INCLUDED and response.is_json:
            raise CouldNotTell(f"returned {form_of(response)}: the plan or the user's permissions may not include it")
        if not response.good:
            return differs(form_of(response))
        try:
            rows = endpoint.rows(response.body)
        except (KeyError, TypeError, AttributeError):
            return differs(f"{form_of(response)}: the rows are not in the expected place")
        if not rows:
            raise CouldNotTell("200, no rows")
        shape = Shape()
        for row in rows:
            shape.add(row, schema_of(endpoint.stream))
        account.fields[endpoint.stream] = {name: dict(types) for name, types in sorted(shape.types.items())}
        return _compared(endpoint, shape, len(rows))

    look.__doc__ = f"What does the endpoint of {endpoint.stream} return, and do its rows fit the schema?"
    return point(
        f"shape-{endpoint.stream.replace('_', '-')}",
        assumes=f"200, and rows as in schemas/{endpoint.stream}.json, with times in the API's own forms",
        follows="report the names: new fields are passed on, other types converted, or left out with a warning",
    )(look)


def _compared(endpoint: Endpoint, shape: Shape, rows: int) -> Seen:
    missing = shape.missing(schema_of(endpoint.stream), f"{endpoint.own} {endpoint.optional}".split())
    found = {"new": sorted(shape.unknown), "of a different type": sorted(shape.other), "missing": missing}
    wrong = "; ".join(f"{what}: {listed(names)}" for what, names in found.items() if names)
    text = f"200, {rows:,} rows, {len(shape.types)} fields"
    return differs(f"{text}; {wrong}") if wrong else holds(text)


SHAPES: Final = [shape_point(endpoint) for endpoint in ENDPOINTS]


# Across endpoints -----------------------------------------------------------------------------------------------------

TIMES: Final = {
    "campaigns": ("created_at updated_at started_at", {"seconds"}),
    "campaign_recipients_activity": ("event_time", {"text without a zone"}),
    "campaign_replies": ("receivedAt", {"text without a zone"}),
    # The reference shows an object, but live clients read text (2.15).
    "emails_sent": (
        "sentDate",
        {"PHP object in UTC", "text without a zone", "ISO text without a zone", "ISO text with Z"},
    ),
    "email_opens": (
        "visitedAt",
        {"PHP object in UTC", "text without a zone", "ISO text without a zone", "ISO text with Z"},
    ),
    "prospect_lists": ("creationDate deletionDate", {"PHP object in UTC"}),
    "pipelines": ("created_at", {"ISO text with Z"}),
    "webhooks": ("created_at", {"seconds"}),
}
"""The forms of times in each stream's endpoint, as documented or observed."""


@point(
    "times",
    assumes="times have the forms in the reference; the connector converts any zone to UTC",
    follows="report the forms; the connector warns about those that it cannot read",
)
def times(account: Account) -> Seen:
    """Which forms of times does each endpoint use?"""
    other: defaultdict[str, set[str]] = defaultdict(set)
    looked = Counter[str]()
    for endpoint in ENDPOINTS:
        names, usual = TIMES.get(endpoint.stream, ("", set()))
        if not names:
            continue
        try:
            rows = endpoint.rows(endpoint.ask(account).body)
        except (KeyError, TypeError, AttributeError, CouldNotTell):
            continue
        for row in rows:
            for name in names.split():
                form = form_of_time(row.get(name))
                looked[endpoint.stream] += form != "null"
                if form != "null" and form not in usual:
                    other[endpoint.stream].add(form)
    if not looked.total():
        raise CouldNotTell("there are no times")
    seen = "; ".join(f"{stream}: {listed(sorted(forms))}" for stream, forms in other.items())
    return (
        differs(seen) if other else holds(f"{looked.total():,} times of {len(looked)} endpoints have the expected form")
    )


@point(
    "statuses",
    assumes="the reference has all statuses of campaigns; the connector passes them on unchanged",
    follows="nothing to set; report it, with the spelling",
)
def statuses(account: Account) -> Seen:
    """How are campaign statuses spelled, and are archived campaigns listed?"""
    found = Counter(str(row.get("status")) for row in account.campaigns)
    known = {name: number for name, number in sorted(found.items()) if name.lower() in KNOWN_STATUSES}
    others = found.total() - sum(known.values())
    text = ", ".join(f"{name} {number}" for name, number in known.items())
    return either(not others, f"{text or 'no known status'}; others {others}")


@point(
    "numbers-of-replies",
    assumes="the number of all-replies rows with replyType email is close to email_replies of analytics",
    follows="report it: one of the two streams counts something else",
)
def numbers_of_replies(account: Account) -> Seen:
    """Does all-replies have as many people as analytics?"""
    window = account.main
    path = f"/v2/campaigns/{window.campaign}/all-replies"
    rows: list[Row] = []
    for _ in range(3):
        page = rows_of(account.get(path, offset=len(rows)), "data")
        if not page or contacts(page)[0] in contacts(rows):
            break
        rows += page
    mails = sum(row.get("replyType") == "email" for row in rows)
    counted = account.figures([window.campaign], window.first, account.today).get("email_replies", 0)
    if not mails and not counted:
        raise CouldNotTell("the campaign has no replies")
    return either(abs(mails - counted) <= max(1, counted // 10), f"{mails} rows, {counted} counted")
