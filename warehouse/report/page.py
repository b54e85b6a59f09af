"""Renders the page: one HTML file with its style, scripts and figures, which may not fetch anything."""

from __future__ import annotations

import calendar
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from warehouse.report.attention import problem
from warehouse.report.charts import MAX_DAYS, SHOWN_DAYS, charts
from warehouse.report.figures import (
    CAMPAIGN_COLUMNS,
    NOTHING,
    ONCE,
    SENDER_COLUMNS,
    TWICE,
    day,
    filled,
    key_figures,
    sender_state,
    statuses,
    tone,
)
from warehouse.report.marts import LATEST_REPLIES, Marts
from warehouse.report.selection import EMAIL, LINKEDIN, channels, compact

FOLDER: Final = Path(__file__).parent
VEGA_LITE: Final = "6.4"

CHANNELS: Final[Mapping[str, str]] = {
    "email": "E-mail",
    "linkedin": "LinkedIn",
    "linkedinmessage": "LinkedIn message",
    "linkedininvite": "LinkedIn invitation",
    "linkedininmail": "LinkedIn InMail",
}
PREVIEW: Final = 400
"""Characters of a reply that are shown before the reader expands it."""

REPLIES_AT_FIRST: Final = 10
ATTENTION_AT_FIRST: Final = 12


def render(marts: Marts, note: str | None) -> str:
    """The page as HTML."""
    style = _file("page.css")
    scripts = {name: _script(text) for name, text in _scripts().items()}
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"tone": tone, "day": day, "channel": _channel, "when": _when}
    drawn = charts(marts)
    senders = [{**row, "state": row.get("state") or sender_state(row)} for row in marts.senders]
    sender_columns, sender_streams = filled(SENDER_COLUMNS, senders)
    return environment.get_template("page.html.j2").render(
        as_of=marts.as_of,
        attention=[problem(row) for row in marts.attention],
        attention_at_first=ATTENTION_AT_FIRST,
        campaigns=marts.campaigns,
        campaign_columns=CAMPAIGN_COLUMNS,
        charts=_json(drawn),
        deleted=marts.deleted,
        channels=[("", "All", 0), ("email", "E-mail", EMAIL), ("linkedin", "LinkedIn", LINKEDIN)]
        if channels(marts.campaigns) == EMAIL | LINKEDIN
        else [],
        has_people=marts.person_days is not None,
        time_zone=next((row["time_zone"] for row in marts.weekday_hours), None),
        weekdays=calendar.day_name,
        places={row["campaign_id"]: place for place, row in enumerate(marts.campaigns)},
        selection=_json(compact(marts)),
        drawn=drawn,
        days=marts.days,
        most_days=MAX_DAYS,
        key_figures=key_figures(marts.campaigns, marts.people),
        note=note,
        nothing=NOTHING,
        policy=_policy(scripts.values(), style),
        preview=PREVIEW,
        replies=marts.replies,
        latest_replies=min(LATEST_REPLIES, marts.reply_count),
        replies_at_first=REPLIES_AT_FIRST,
        reply_count=marts.reply_count,
        scripts=scripts,
        counted_senders=any(row["figures_are_from_events"] for row in senders),
        sender_columns=sender_columns,
        sender_streams=sender_streams,
        senders=senders,
        shown_days=SHOWN_DAYS,
        clients=sorted({row["client"] for row in marts.campaigns if row["client"]}),
        statuses=statuses(marts.campaigns),
        style=Markup(style),
        often=ONCE if marts.people else TWICE,
        twice=TWICE,
    )


@cache
def _scripts() -> dict[str, str]:
    return {
        "vega": vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE),
        "campaign": _file("campaign.js"),
        "hours": _file("hours.js"),
        "selection": _file("selection.js"),
        "numbers": _file("numbers.js"),
        "charts": _file("charts.js"),
        "table": _file("table.js"),
    }


def _file(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _script(text: str) -> Markup:
    # Inside a script element, a browser takes these for the end of the script or the start of a comment.
    if "</script" in text.lower() or "<!--" in text:
        raise ValueError("A script of the page contains markup that would end it.")
    return Markup(text)


def _policy(scripts: Any, style: str) -> str:
    """The content security policy: only these scripts and this style, nothing fetched, nothing sent."""
    hashes = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> Markup:
    """JSON that is safe in a script element, whatever names it contains."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _channel(value: str | None) -> str:
    return CHANNELS.get((value or "").lower().replace("_", ""), value or NOTHING)


def _when(value: datetime | date | None) -> str:
    if value is None:
        return NOTHING
    return f"{day(value)}, {value:%H:%M} UTC" if isinstance(value, datetime) else day(value)
