"""Points about campaign analytics: the days that a request counts, and whether figures add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from verify.account import ACTIONS, ANALYTICS, OLDEST, Account, Counts, Window, counts_of
from verify.client import CouldNotTell
from verify.findings import Seen, differs, either, holds, point
from verify.shapes import form_of, listed

ONE_DAY: Final = timedelta(days=1)
ZONE_DAYS: Final = 6
"""Number of days requested to find the time zone."""

RUN: Final = 5
"""Consecutive days whose figures are added up."""

PIECES: Final = 3
"""Number of parts of a campaign's life whose figures are added up."""


def daily(account: Account, window: Window, one: date) -> Counts:
    """The figures of one day."""
    return account.figures([window.campaign], one, one)


@point(
    "analytics-last-day",
    assumes="the day is included; the connector checks that in each sync",
    follows="nothing to set: the connector requests one day more; report it, so that the documentation can say so",
)
def last_day(account: Account) -> Seen:
    """Do analytics include the day of date_to?"""
    window = account.main
    busiest = [one for one, _ in window.days().most_common(3)]
    for one in busiest:
        if any(account.figures_asked([window.campaign], one, one).values()):
            return holds("a day with sent e-mails, requested alone, is not all zeros")
    longer = account.figures_asked([window.campaign], busiest[0], busiest[0] + ONE_DAY)
    if not any(longer.values()):
        raise CouldNotTell("analytics are all zeros on days with sent e-mails, even with one day more")
    account.last_day_left_out = True
    return differs(
        f"{len(busiest)} days with sent e-mails, requested alone, are all zeros; with the next day, one is not"
    )


@point(
    "analytics-zone",
    assumes="days of analytics are days in UTC, like those of the events",
    follows="compare days with events only over several days; report the zone",
)
def zone(account: Account) -> Seen:
    """In which time zone do analytics count days, judged by the times of events?"""
    window = account.main
    zones = _zones()
    asked = {one: daily(account, window, one) for one in _distinctive_days(window, list(zones.values()))}
    # Days that are all zeros despite events in every zone say nothing about the zone; another point checks them.
    silent = [
        one
        for one, figures in asked.items()
        if not any(figures.values()) and all(_per_day(window, "sent", place, one) for place in zones.values())
    ]
    asked = {one: figures for one, figures in asked.items() if one not in silent}
    if not any(figures["emails_sent"] for figures in asked.values()):
        raise CouldNotTell("analytics have no e-mails on days with sent e-mails")
    fitting = set(zones)
    for metric, kind in (("emails_sent", "sent"), ("email_opens", "open"), ("email_replies", "reply")):
        fits = {
            name
            for name, place in zones.items()
            if all(figures.get(metric) == _per_day(window, kind, place, one) for one, figures in asked.items())
        }
        # Analytics may count people who opened differently from events, but not e-mails.
        if fits or kind == "sent":
            fitting &= fits
    text = f"{len(asked)} days fit {listed(sorted(fitting, key=_by_offset)) if fitting else 'no zone'}"
    if "UTC" in fitting and len(fitting) > 1:
        raise CouldNotTell(f"{text}: too few events near midnight")
    if "UTC" not in fitting and fitting:
        account.zone = zones[min(fitting, key=_by_offset)]
    return either("UTC" in fitting, text)


def _by_offset(name: str) -> tuple[bool, int]:
    number = name.removeprefix("UTC") or "0"
    return ("/" in name, int(number) if number.lstrip("+-").isdecimal() else 0)


def _zones() -> dict[str, tzinfo]:
    """Zones to try: every whole hour, and the vendor's homes."""
    found: dict[str, tzinfo] = {
        f"UTC{hours:+d}" if hours else "UTC": timezone(timedelta(hours=hours)) for hours in range(-12, 15)
    }
    for name in ("Europe/Kyiv", "America/New_York"):
        try:
            found[name] = ZoneInfo(name)
        except ZoneInfoNotFoundError:
            continue
    return found


def _per_day(window: Window, kind: str, place: tzinfo, one: date) -> int:
    """The number of e-mails sent on a day of this zone; for other kinds of events, of people."""
    found = [event for event in window.events if event.kind == kind and event.at.astimezone(place).date() == one]
    return len(found) if kind == "sent" else len({event.who for event in found})


def _distinctive_days(window: Window, zones: Sequence[tzinfo]) -> Sequence[date]:
    """The days that together distinguish the most zones from UTC."""
    days = [window.first + ONE_DAY * number for number in range(1, (window.last - window.first).days)]
    expected = {
        one: [tuple(_per_day(window, kind, place, one) for kind in ("sent", "open", "reply")) for place in zones]
        for one in days
    }
    utc = [isinstance(place, timezone) and place.utcoffset(None) == timedelta() for place in zones].index(True)
    told: set[int] = set()
    chosen: list[date] = []
    for _ in range(min(ZONE_DAYS, len(days))):
        gains = {
            one: {number for number, seen in enumerate(expected[one]) if seen != expected[one][utc]} - told
            for one in days
            if one not in chosen
        }
        best = max(gains, key=lambda one: (len(gains[one]), sum(expected[one][utc])))
        told |= gains[best]
        chosen.append(best)
    return chosen


@point(
    "analytics-sum-of-days",
    assumes="counts of actions over a period are the sum of its days",
    follows="report it: the daily history infers days from longer periods",
)
def sum_of_days(account: Account) -> Seen:
    """Do the days of a period add up to its total?"""
    window = account.main
    days = _run(window)
    return _adds_up(
        account.figures([window.campaign], days[0], days[-1]),
        [daily(account, window, one) for one in days],
        f"{RUN} days",
    )


def _run(window: Window) -> Sequence[date]:
    """The consecutive days with the most e-mails."""
    sent = window.days()
    starts = [window.first + ONE_DAY * number for number in range((window.last - window.first).days - RUN + 2)]
    if not starts:
        raise CouldNotTell("events are known for too few days")
    return max(
        ([start + ONE_DAY * n for n in range(RUN)] for start in starts), key=lambda run: sum(sent[d] for d in run)
    )


def _adds_up(whole: Counts, parts: Sequence[Counts], what: str) -> Seen:
    known = [name for name in ACTIONS if name in whole]
    wrong = [name for name in known if whole[name] != sum(part.get(name, 0) for part in parts)]
    if not wrong and not any(whole[name] for name in known):
        raise CouldNotTell(f"all counts of {what} are zero")
    return (
        differs(f"{what} do not add up in {listed(wrong)}") if wrong else holds(f"{what} add up in {len(known)} counts")
    )


@point(
    "analytics-long-period",
    assumes="a period may have any length: 2000-01-01 to yesterday counts the sum of its parts",
    follows="set start_date to the day of the oldest campaign, and report the longest period that works",
)
def long_period(account: Account) -> Seen:
    """Is a period of many years accepted, and does it count everything?"""
    window = account.main
    response = account.get(ANALYTICS, **account.asked_figures([window.campaign], OLDEST, account.yesterday))
    years = (account.yesterday - OLDEST).days // 365
    if not response.good:
        return differs(f"{years} years: {form_of(response)}")
    whole = account.figures([window.campaign], OLDEST, account.yesterday)
    step = timedelta(days=-(-(account.today - window.first).days // PIECES))
    starts = [window.first + step * number for number in range(PIECES) if window.first + step * number < account.today]
    parts = [account.figures([window.campaign], one, min(one + step - ONE_DAY, account.yesterday)) for one in starts]
    return _adds_up(whole, parts, f"{len(parts)} parts of {years} years")


@point(
    "analytics-agree-with-events",
    assumes="emails_sent equals the `sent` events of recipients-activity, and days with events have figures",
    follows="report it: the connector then reads days one by one, and warns",
)
def agree_with_events(account: Account) -> Seen:
    """Are there days or campaigns with events for which analytics show nothing?"""
    silent, other, looked = 0, 0, 0
    # Events on the first and last day may belong to other days if analytics use another zone.
    spans = [(window, window.first + ONE_DAY, window.last - ONE_DAY) for window in account.windows]
    spans += [(account.main, one, one) for one in _run(account.main)]
    for window, first, last in spans:
        figures = account.figures([window.campaign], first, last)
        sent = sum(first <= event.at.astimezone(account.zone).date() <= last for event in window.sent())
        looked += 1
        silent += not any(figures.values()) and sent > 0
        other += any(figures.values()) and figures["emails_sent"] != sent
    text = f"of {looked} periods with sent e-mails, {silent} are all zeros and {other} have a different emails_sent"
    return either(not silent and not other, text)


@point(
    "analytics-several-ids",
    assumes="campaign_id=1,2 counts the actions of both",
    follows="report it: the connector requests many campaigns at once",
)
def several_ids(account: Account) -> Seen:
    """Do the figures of two campaigns in one request equal the sum of both?"""
    first, second = _pair(account)
    period = _life(account)
    alone = [account.figures([one.campaign], *period) for one in (first, second)]
    return _adds_up(account.figures([first.campaign, second.campaign], *period), alone, "two campaigns")


def _pair(account: Account) -> tuple[Window, Window]:
    if len(account.windows) < 2:
        raise CouldNotTell("only one campaign has e-mails on several days")
    # People in both campaigns show whether they count once.
    first = account.main
    return first, max(account.windows[1:], key=lambda other: len(_shared(first, other)))


def _life(account: Account) -> tuple[date, date]:
    """From the start of the first of the chosen campaigns to yesterday."""
    return min(window.first for window in account.windows), account.yesterday


def _shared(first: Window, second: Window) -> set[str]:
    """People who got e-mails of both campaigns that did not bounce."""
    reached = []
    for window in (first, second):
        bounced = {event.who for event in window.events if event.kind == "bounce"}
        reached.append({event.who for event in window.sent()} - bounced)
    return reached[0] & reached[1]


@point(
    "analytics-people-of-several-ids",
    assumes="a person in two campaigns counts once in figures of both (only sender_analytics requests these)",
    follows="read the counts of people in sender_analytics as sums over campaigns",
)
def people_of_several_ids(account: Account) -> Seen:
    """Does a person in two campaigns count once in one request for both?"""
    first, second = _pair(account)
    period = _life(account)
    each = [account.figures([one.campaign], *period).get("contacted_by_email", 0) for one in (first, second)]
    alone = sum(each)
    together = account.figures([first.campaign, second.campaign], *period).get("contacted_by_email", 0)
    shared = len(_shared(first, second))
    if not min(each) or not max(each) <= together <= alone:
        raise CouldNotTell("the figures of two campaigns together do not match those of each")
    if together == alone and not shared:
        raise CouldNotTell("nobody is in both campaigns")
    return either(together < alone, f"{alone} people separately, {together} together; at least {shared} are in both")


@point(
    "analytics-unknown-id",
    assumes="an unknown id among others changes nothing; the connector handles a refusal too",
    follows="nothing to set: the connector halves the list until it finds the id; report the status",
)
def unknown_id(account: Account) -> Seen:
    """What does an unknown campaign id among others do?"""
    window = account.main
    period = (window.first, window.last)
    response = account.get(ANALYTICS, **account.asked_figures([window.campaign, account.no_campaign], *period))
    if not response.good:
        return differs(form_of(response))
    same = counts_of(response)["emails_sent"] == account.figures_asked([window.campaign], *period)["emails_sent"]
    return either(same, f"200, {'the same figures as' if same else 'figures different from those'} without it")


@point(
    "analytics-without-dates",
    assumes="both dates are required (reference), so the connector always sends them",
    follows="nothing: the connector sends both dates either way",
)
def without_dates(account: Account) -> Seen:
    """What do analytics return without dates?"""
    response = account.get(ANALYTICS, campaign_id=account.main.campaign)
    return either(response.status in (400, 422), form_of(response))


@point(
    "analytics-tomorrow",
    assumes="a date_to after today is accepted",
    follows="nothing to set: the connector falls back to today; the last day may be incomplete until the next sync",
)
def tomorrow(account: Account) -> Seen:
    """Do analytics accept a date_to in the future?"""
    window = account.main
    response = account.get(
        ANALYTICS, **account.asked_figures([window.campaign], account.yesterday, account.today + ONE_DAY)
    )
    return either(response.good, form_of(response) if not response.good else "200")


@point(
    "analytics-before-start",
    assumes="nothing happened in a campaign before its started_at",
    follows="nothing is lost: each sync looks, and reads from the creation on; report it",
)
def before_start(account: Account) -> Seen:
    """Is `started_at` the first start, also of a campaign that was started again?"""
    gaps = [
        (started - created, campaign, created, started)
        for campaign, started in account.started
        if (created := account.created.get(campaign)) and started - created > 2 * ONE_DAY
    ]
    if not gaps:
        return Seen("holds", "no campaign was created days before its start")
    days, campaign, created, started = max(gaps)
    figures = account.figures([campaign], created, started - 2 * ONE_DAY)
    text = f"a campaign was created {days.days} days before, and sent {figures['emails_sent']} e-mails in them"
    return either(not any(figures.values()), text)


@point(
    "analytics-senders",
    assumes="sender_email accepts ids of mailboxes; two of them count the actions of both",
    follows="report it, and do not use sender_email_ids and sender_analytics until then",
)
def senders(account: Account) -> Seen:
    """Do the figures of two mailboxes in one request equal the sum of both?"""
    sent = Counter(event.row.get("sender_email") for window in account.windows for event in window.sent())
    rows = account.rows("/v2/sender-accounts/emails", "data")
    used = sorted((row for row in rows if row.get("email_from") in sent), key=lambda row: -sent[row["email_from"]])
    ids = [int(row["id"]) for row in used if isinstance(row.get("id"), int)][:2]
    if len(ids) < 2:
        raise CouldNotTell("the events are from fewer than two mailboxes of the account")
    campaigns = [window.campaign for window in account.windows]
    period = _life(account)
    parts = [account.figures(campaigns, *period, sender_email=one) for one in ids]
    both = account.figures(campaigns, *period, sender_email=",".join(map(str, ids)))
    return _adds_up(both, parts, "two mailboxes")


RATES: Final = {
    "first_emails": "emails_sent",
    "follow_ups": "emails_sent",
    "delivered": "emails_sent",
    "bounced": "emails_sent",
    "email_opens": "contacted_by_email",
    "link_clicks": "contacted_by_email",
    "email_replies": "contacted_by_email",
    "unsubscribed": "contacted_by_email",
    "auto_replied": "contacted_by_email",
    "linkedin_total_replies": "contacted_by_linkedin",
    "connection_request_replies": "linkedin_total_replies",
    "message_replies": "linkedin_total_replies",
    "in_mail_replies": "linkedin_total_replies",
    "accepted_requests": "connection_requests",
    "interested": "email_replies linkedin_total_replies",
    "maybe": "email_replies linkedin_total_replies",
    "not_interested": "email_replies linkedin_total_replies",
}
"""The denominator of each rate in docs/snov.md: a count, or the sum of two."""


@point(
    "rates",
    assumes="each rate has the denominator in docs/snov.md, rounded to whole percent",
    follows="report the names: dbt models and documentation use these denominators",
)
def rates(account: Account) -> Seen:
    """Do the rates match the documented denominators?"""
    period = _life(account)
    known = [window.campaign for window in account.windows]
    pair = [window.campaign for window in (_pair(account) if len(known) > 1 else account.windows)]
    linkedin = [row["id"] for row in account.campaigns if row["id"] not in known and row.get("started_at")][:1]
    right, wrong = set[str](), set[str]()
    for campaign in [*pair, *linkedin]:
        figures = account.figures([campaign], *period)
        body = account.get(ANALYTICS, **account.asked_figures([campaign], *_asked(account, period))).body
        for name, parts in RATES.items():
            whole = sum(figures.get(part, 0) for part in parts.split())
            told = str(body.get(f"{name}_rate", "")).removesuffix("%")
            if figures.get(name) and whole and told.isdecimal():
                fits = abs(int(told) - 100 * figures[name] / whole) <= 1
                (right if fits else wrong).add(name)
    if not right and not wrong:
        raise CouldNotTell("all rates are zero")
    unseen = len(RATES) - len(right | wrong)
    if wrong:
        return differs(f"different denominator: {listed(sorted(wrong))}")
    return holds(f"{len(right)} rates match, {unseen} are zero")


def _asked(account: Account, period: tuple[date, date]) -> tuple[date, date]:
    return period[0], period[1] + ONE_DAY if account.last_day_left_out else period[1]
