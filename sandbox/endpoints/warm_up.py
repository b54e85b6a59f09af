"""`GET /v2/warm-up` and `GET /v2/warm-up/statistics/{id}`: warm-ups of mailboxes (API reference 3.3)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.forms import map_or_list
from sandbox.endpoints.web import covered, get, invalid, missing, number, period
from sandbox.state import State
from sandbox.world.account import Account
from sandbox.world.belongings import WarmUp
from sandbox.world.warm_up_days import by_provider, daily, day_limit

SIZES: Final = (20, 50, 100)
LISTED: Final = ("active", "paused", "completed", "error")
"""Statuses to filter the list by; pending warm-ups are only in the unfiltered list."""

PERIODS: Final = {"two_weeks": 14, "month": 30}
"""Days up to today; the lengths are guesses."""


def warm_up_routes(state: State) -> list[Route]:
    """The paths of warm-ups."""
    return [
        get(state, "/v2/warm-up", _list),
        get(state, "/v2/warm-up/{warm_up_id:int}", _one),
        get(state, "/v2/warm-up/statistics/{warm_up_id:int}", _statistics),
    ]


def _list(state: State, request: Request) -> dict[str, Any]:
    page = number(request.query_params, "page", 1, 1)
    per_page = number(request.query_params, "per_page", SIZES[0], 1)
    if per_page not in SIZES:
        raise invalid(f"The per_page field must be one of {SIZES}.")
    status = request.query_params.get("status")
    if status is not None and status not in LISTED:
        raise invalid(f"The status field must be one of {LISTED}.")
    found = [one for one in state.account.belongings.warm_ups if status in (None, one.status)]
    size = min(per_page, state.settings.short_pages or per_page)
    shown = state.listings.page(f"warm-ups {status}", found, (page - 1) * size, size)
    rows = [_item(state.account, one) for one in shown]
    total = state.listings.total(f"warm-ups {status}", found)
    meta = {"total_items": total, "page": page, "per_page": size, "total_pages": -(-total // size)}
    return {"data": rows, "success": True, "meta": meta}


def _found(state: State, request: Request) -> WarmUp:
    asked = request.path_params["warm_up_id"]
    found = next((one for one in state.account.belongings.warm_ups if one.id == asked), None)
    if found is None:
        raise missing("Warm-up")
    return found


def _one(state: State, request: Request) -> dict[str, Any]:
    return {"data": _item(state.account, _found(state, request)), "success": True}


def _statistics(state: State, request: Request) -> dict[str, Any]:
    warm_up = _found(state, request)
    first, last = _days(state, request, warm_up)
    return {"data": statistics(warm_up, first, min(last, state.account.today)), "success": True}


def _days(state: State, request: Request, warm_up: WarmUp) -> tuple[date, date]:
    """The requested days: a named period, or two dates, the last one not before the warm-up's start."""
    name = request.query_params.get("period")
    if name is None:
        first, last = period(request)
        if last < warm_up.start:
            raise invalid("The date_to field must not be before the start of the warm-up.")
        return covered(state, "warm_up", (first, last))
    if name not in PERIODS:
        raise invalid(f"The period field must be one of {tuple(PERIODS)}.")
    return state.account.today - timedelta(days=PERIODS[name] - 1), state.account.today


def statistics(warm_up: WarmUp, first: date, last: date) -> dict[str, Any]:
    """The `data` of these days' statistics; empty maps are `[]`, as PHP writes them."""
    days = daily(warm_up, first, last) if warm_up.ready else {}
    sums = Counter[str]()
    for counts in days.values():
        sums.update(counts)
    places = {"inbox": "inbox_emails", "spam": "spam_emails", "categories": "categories_emails"}
    sent = sum(sums[name] for name in places.values())
    return {
        "daily_statistics": map_or_list({str(day): counts for day, counts in days.items()}),
        "provider_statistics": map_or_list(by_provider(warm_up, days)),
        "deliverability": {
            place: {"count": sums[name], "percent": _percent(sums[name], sent)} for place, name in places.items()
        },
        "is_calculated": warm_up.ready,
    }


def _item(account: Account, one: WarmUp) -> dict[str, Any]:
    """A warm-up, with totals from its start until today."""
    days = daily(one, one.start, account.today)
    inbox, spam, other = (
        sum(counts[name] for counts in days.values()) for name in ("inbox_emails", "spam_emails", "categories_emails")
    )
    sender = account.email_senders[one.sender]
    return {
        "id": one.id,
        "status": one.status,
        "reply_rate": one.reply_rate,
        "send_to_paid_domain": False,
        "start_date": str(one.start),
        "campaign_deadline": None if one.deadline is None else str(one.deadline),
        "strategy": one.strategy,
        "per_day": one.per_day,
        "from": one.first,
        "increase": one.increase,
        "subject": None,
        "body": None,
        "template_name": None,
        "enable_ctd": False,
        "schedule": None,
        "email_account": {
            "id": sender.id,
            "email_from": sender.address,
            "type": "google",
            "delay": 60,
            "limit": 40,
            "per_day": 40,
            "schedule_required": False,
            "provider": "gmail",
            "custom_tracking_domain": None,
        },
        "enable_proxy": False,
        "sent_today": days[account.today]["emails_sent"] if account.today in days else 0,
        "daily_limit": day_limit(one, max(account.today, one.start)),
        "total_saved_from_spam": spam,
        "deliverability": _percent(inbox, inbox + spam + other),
        "warm_up_error": one.error,
    }


def _percent(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0
