"""The daily figures of a warm-up, the same in every response."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Any, Final

from sandbox.world.belongings import WarmUp

PROVIDERS: Final = ("google", "outlook", "custom")


def daily(warm_up: WarmUp, first: date, last: date) -> dict[date, dict[str, int]]:
    """The counters (API reference 3.3) of each day in this period on which the warm-up was sending.

    Mails that arrived are in the inbox, in spam or in another category; bounced mails are in none of these.
    """
    first = max(first, warm_up.start)
    if warm_up.last is not None:
        last = min(last, warm_up.last)
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return {day: _counts(warm_up, day) for day in days}


def day_limit(warm_up: WarmUp, day: date) -> int:
    """Maximum mails of the warm-up on that day."""
    if warm_up.strategy == "steady":
        return warm_up.per_day
    return min(warm_up.per_day, warm_up.first + warm_up.increase * (day - warm_up.start).days)


def _counts(warm_up: WarmUp, day: date) -> dict[str, int]:
    rng = Random(f"{warm_up.id} {day}")
    sent = rng.randint((day_limit(warm_up, day) + 1) // 2, day_limit(warm_up, day))
    bounces = sum(rng.random() < 0.01 for _ in range(sent))
    spam = sum(rng.random() < 0.06 for _ in range(sent - bounces))
    categories = sum(rng.random() < 0.03 for _ in range(sent - bounces - spam))
    return {
        "emails_sent": sent,
        "replies": sum(100 * rng.random() < warm_up.reply_rate for _ in range(sent - bounces)),
        "bounces": bounces,
        "spam_emails": spam,
        "inbox_emails": sent - bounces - spam - categories,
        "categories_emails": categories,
        "scheduled": 0,
    }


def by_provider(warm_up: WarmUp, days: Mapping[date, Mapping[str, int]]) -> dict[str, dict[str, Any]]:
    """The arrived mails of these days by mail provider; `percent` is the share in the inbox.

    Only the first provider has other categories, because the key is optional.
    """
    kinds = ("inbox_emails", "spam_emails", "categories_emails")
    inbox, spam, categories = (sum(counts[kind] for counts in days.values()) for kind in kinds)
    found: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(PROVIDERS):
        shares = [(whole + number) // len(PROVIDERS) for whole in (inbox, spam)]
        other = categories if number == 0 else 0
        count = sum(shares) + other
        if count:
            found[name] = {
                "id": number + 1,
                "count": count,
                "spam": shares[1],
                "percent": round(100 * shares[0] / count),
            }
            if number == 0:
                found[name]["categories"] = other
    return found
