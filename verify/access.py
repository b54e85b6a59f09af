"""Points about tokens, pace, and responses for unknown campaigns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from verify.account import ANALYTICS, CAMPAIGNS, Account, activity, counts_of
from verify.client import CannotRun, CouldNotTell, Response
from verify.findings import Point, Seen, either, holds, point
from verify.shapes import form_of

BALANCE = "/v1/get-balance"


@point(
    "token",
    assumes="a form is accepted and gives access_token, token_type Bearer and expires_in 3600 (reference 1.2)",
    follows="report it: the connector requests tokens this way, and renews them 5 minutes before they expire",
)
def token(account: Account) -> Seen:
    """Is the token request accepted as a form, and what is in the response?"""
    response = account.client.log_in()
    body = response.body if isinstance(response.body, dict) else {}
    if not isinstance(body.get("access_token"), str):
        raise CannotRun(
            f"The token request got {form_of(response)}. Copy the API User ID and the API Secret again from "
            "Snov.io, Account settings > API."
        )
    account.client.token = body["access_token"]
    lives = body.get("expires_in")
    usual = response.status == 200 and str(body.get("token_type")).lower() == "bearer" and lives == 3600
    seconds = f"expires_in {lives}" if isinstance(lives, int) else "expires_in is not a whole number of seconds"
    return either(usual, f"{form_of(response)}; {seconds}")


@point(
    "bearer",
    assumes="Authorization: Bearer is accepted by the v1 paths too",
    follows="report it: no stream could be read",
)
def bearer(account: Account) -> Seen:
    """Do v1 and v2 paths accept the token as Bearer?"""
    responses = [account.get(CAMPAIGNS), account.get("/v2/campaigns/schedules")]
    return either(all(response.status != 401 for response in responses), _statuses(responses))


@point(
    "old-token",
    assumes="a new token leaves older ones valid, so that two syncs of one account can run together",
    follows="do not run two syncs of one account at the same time",
)
def old_token(account: Account) -> Seen:
    """Does a token stay valid after a new one is issued?"""
    old = account.client.token
    response = account.client.log_in()
    if not isinstance(response.body, dict) or not isinstance(response.body.get("access_token"), str):
        raise CouldNotTell(f"no second token: {form_of(response)}")
    account.client.token = response.body["access_token"]
    if account.client.token == old:
        return holds("the second request gave the same token")
    status = account.client.get(BALANCE, token=old).status
    return either(status != 401, f"{status} with the older token")


@point(
    "wrong-token",
    assumes="401, after which the connector requests a new token once",
    follows="report it: the connector would not renew an expired token",
)
def wrong_token(account: Account) -> Seen:
    """How is an unknown token refused?"""
    response = account.client.get(BALANCE, token="0" * 40)
    return either(response.status == 401, form_of(response))


@point(
    "wrong-secret",
    assumes="400, 401, 402, 403, 422, or 200 without access_token; the connector retries none of these",
    follows="report it: the message about the credentials would not appear",
)
def wrong_secret(account: Account) -> Seen:
    """How is a wrong secret refused?"""
    response = account.client.log_in(secret="wrong-on-purpose-0000000000000000")
    refused = response.status in (400, 401, 402, 403, 422)
    tokenless = response.status == 200 and "access_token" not in (response.body or {})
    return either(refused or tokenless, form_of(response))


@point(
    "pace",
    assumes="60 requests a minute are allowed, so 55 a minute get no 429; a 429 has no Retry-After",
    follows="set requests_per_minute lower, or find out which other integrations share the limit",
)
def pace(account: Account) -> Seen:
    """Is the pace of this run allowed, and what does a 429 say?"""
    refused = account.client.retry_afters
    if not refused:
        return holds(f"no 429 in {account.client.made} requests")
    told = sum(header is not None for header in refused)
    return Seen("differs", f"429 to {len(refused)} of {account.client.made} requests, {told} with Retry-After")


# Unknown campaigns ----------------------------------------------------------------------------------------------------


def unknown(
    name: str,
    assumes: str,
    expected: Callable[[Response], bool],
    ask: Callable[[Account, int], Response],
    follows: str = "report it: a deleted campaign could fail the stream, or look like one without records",
) -> Point:
    """A point about a request with an unknown campaign id."""

    def look(account: Account) -> Seen:
        response = ask(account, account.no_campaign)
        return either(expected(response), form_of(response))

    look.__doc__ = f"What does {name} return for an unknown campaign?"
    return point(f"unknown-{name}", assumes, follows)(look)


def _not_found(response: Response) -> bool:
    return response.status == 404 and response.is_json


def _not_found_or_422(response: Response) -> bool:
    message: Any = response.body.get("data") if isinstance(response.body, dict) else None
    return _not_found(response) or (response.status == 422 and isinstance(message, dict) and "message" in message)


def _zeros(response: Response) -> bool:
    try:
        return not any(counts_of(response).values())
    except CouldNotTell:
        return False


def _path(path: str) -> Callable[[Account, int], Response]:
    return lambda account, campaign: account.get(path.format(campaign))


def _list(path: str) -> Callable[[Account, int], Response]:
    return lambda account, campaign: account.get(path, campaignId=campaign)


def _activity(account: Account, campaign: int) -> Response:
    return account.get(activity(campaign), **account.main.asked)


def _analytics(account: Account, campaign: int) -> Response:
    return account.get(ANALYTICS, **account.asked_figures([campaign], account.main.first, account.yesterday))


def _statuses(responses: list[Response]) -> str:
    return ", ".join(str(response.status) for response in responses)


GONE = "404 in JSON"
UNKNOWN_CAMPAIGN = [
    unknown("progress", f"{GONE}, or 422 with data.message", _not_found_or_422, _path("/v2/campaigns/{}/progress")),
    unknown("analytics", "zeros", _zeros, _analytics, "report it: the connector skips such a campaign, with a warning"),
    unknown("activity", GONE, _not_found, _activity),
    unknown("settings", GONE, _not_found, _path("/v2/campaigns/{}")),
    unknown("replies", GONE, _not_found, _path("/v2/campaigns/{}/all-replies")),
    unknown("emails-sent", GONE, _not_found, _list("/v1/emails-sent")),
    unknown("emails-opened", GONE, _not_found, _list("/v1/get-emails-opened")),
    unknown("emails-replies", GONE, _not_found, _list("/v1/get-emails-replies")),
    unknown("finished", GONE, _not_found, _list("/v1/prospect-finished")),
]
