"""The page's charts, as Vega-Lite specifications. They use the page's colours by name, so they follow its theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import altair as alt

from warehouse.report.figures import CAMPAIGN_COLUMNS, NOTHING, ONCE, TWICE, share, totals
from warehouse.report.marts import Marts, Rows

Specification = dict[str, Any]

SHOWN_DAYS: Final = 30
"""Days of the period that is chosen at first."""

MIN_WEEKS: Final = 90
"""Days of first contacts that are shown at least: the replies of the last ones are still coming."""

MAX_DAYS: Final = 120
"""Days up to which a chart has a bar for each; more would be too thin to be seen, so there is one for each week."""

HEIGHT: Final = 210
"""Pixels, including the axis and its title."""
LABEL: Final = 100
"""Maximum pixels of the figures beside a bar."""

FEW: Final = 4
"""Minimum upper end of an axis of people or e-mails: a shorter one would have ticks between whole numbers."""

BOUNCED: Final = "Bounce rate"

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

DAY: Final = "yearmonthdate(date):T"
DAY_AXIS: Final = alt.Axis(title="Day", format="%-d %b %y", labelOverlap=True, labelFlush=True, grid=False, tickCount=6)
FROM_ZERO: Final = alt.Scale(domainMin=0)
DAY_TOOLTIP: Final = alt.Tooltip(DAY, title="Day", format="%a %-d %b %Y")


def charts(marts: Marts) -> dict[str, Specification]:
    """The charts that have data, by the name of their place in the page."""
    campaigns, days = marts.campaigns, marts.days
    found = {"funnel": email_funnel(campaigns, marts.people), "ratings": ratings(campaigns)} if campaigns else {}
    if any(row["people_contacted_by_linkedin"] or row["invitations_sent"] for row in campaigns):
        found["linkedin"] = linkedin_funnel(campaigns)
    if campaigns and days:
        found["sent"] = per_day("sent", days, "emails_sent", "E-mails sent", "E-mails", "var(--sent)")
        found["opened"] = per_day("opened", days, "people_opened", "People who opened", "People", "var(--opened)")
        who = "People who replied by e-mail"
        found["replied"] = per_day("replied", days, "people_replied", who, "People", "var(--replied)")
        found["bounces"] = bounces(days)
    if campaigns and marts.weeks:
        found["weeks"] = first_contacts(marts.weeks)
    return found


def email_funnel(campaigns: Rows, people: Mapping[str, int] | None) -> Specification:
    """How many of the people reached by e-mail opened, clicked and replied."""
    sums = {**totals(campaigns), **(people or {})}
    meanings = {column.name: column.meaning for column in CAMPAIGN_COLUMNS}
    steps = [
        Bar("Reached", sums["people_contacted_by_email"], "People with at least one e-mail that did not bounce."),
        Bar("Opened", sums["people_opened"], meanings["open_rate"]),
        Bar("Clicked", sums["people_clicked"], meanings["click_rate"]),
        Bar("Replied", sums["people_replied"], meanings["people_replied"]),
    ]
    return _bars(
        "funnel",
        steps,
        sums["people_contacted_by_email"],
        dict.fromkeys((step.name for step in steps), "var(--opened)"),
        "People reached by e-mail, and how many of them opened, clicked and replied",
        ONCE if people else TWICE,
    )


def linkedin_funnel(campaigns: Rows) -> Specification:
    """How many invitations were sent and accepted, and how many people replied on LinkedIn."""
    sums = totals(campaigns)
    steps = [
        Bar("Invited", sums["invitations_sent"], "Invitations to connect that were sent."),
        Bar("Accepted", sums["invitations_accepted"], "Invitations that were accepted."),
        Bar("Replied", sums["people_replied_linkedin"], "People who replied on LinkedIn, also to other messages."),
    ]
    return _bars(
        "linkedin",
        steps,
        sums["invitations_sent"],
        dict.fromkeys((step.name for step in steps), "var(--sent)"),
        "Invitations on LinkedIn, how many were accepted, and how many people replied",
    )


def ratings(campaigns: Rows) -> Specification:
    """How many of the people who replied were interested, undecided, or not interested."""
    sums = totals(campaigns)
    found = [
        Bar("Interested", sums["people_interested"], "People whose replies show interest."),
        Bar("Maybe", sums["people_maybe"], "People whose replies are undecided."),
        Bar("Not interested", sums["people_not_interested"], "People whose replies decline."),
    ]
    return _bars(
        "ratings",
        found,
        sums["people_replied"] + sums["people_replied_linkedin"],
        {"Interested": "var(--replied)", "Maybe": "var(--undecided)", "Not interested": "var(--bounced)"},
        "People by the latest rating of their replies",
    )


class Bar(NamedTuple):
    """A bar that counts people."""

    name: str
    people: int
    meaning: str


def _bars(
    name: str, bars: Sequence[Bar], whole: int, colours: Mapping[str, str], description: str, often: str = TWICE
) -> Specification:
    """Horizontal bars, each labelled with its number of people and their share of the whole. name: of their data."""
    rows = [
        {
            "name": bar.name,
            "people": bar.people,
            "number": f"{bar.people:,}",
            "share": share(bar.people / whole) if whole else NOTHING,
            "label": f"{bar.people:,}" + (f" · {share(bar.people / whole)}" if whole and bar.people != whole else ""),
            "meaning": f"{bar.meaning} {often}",
        }
        for bar in bars
    ]
    most = max(FEW, *(bar.people for bar in bars))
    base = alt.Chart(alt.InlineData(rows, name=name)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False, labelPadding=8)),
        x=alt.X(
            "people:Q",
            axis=alt.Axis(title="People", tickCount=4, format=",d", tickMinStep=1, labelBound=True),
            # Leaves room for the label of the longest bar, even on a narrow screen.
            scale=alt.Scale(
                domainMin=0, domainMax=alt.ExprRef(f"most * width / max(width - {LABEL}, {LABEL})"), nice=False
            ),
        ),
        tooltip=[
            alt.Tooltip("name:N", title="People"),
            alt.Tooltip("number:N", title="Number"),
            alt.Tooltip("share:N", title="Share"),
            alt.Tooltip("meaning:N", title="Meaning"),
        ],
    )
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=None)
    drawn = base.mark_bar(cornerRadiusEnd=4, height={"band": 0.62}).encode(color=colour)
    labels = base.mark_text(align="left", dx=7, color="var(--ink)", fontSize=13).encode(text="label:N")
    spoken = ", ".join(f"{row['name']} {row['label']}" for row in rows)
    chart = (drawn + labels).add_params(alt.param(name="most", value=most))
    return _finished(chart, HEIGHT, f"{description}: {spoken}.")


def per_day(name: str, days: Rows, count: str, title: str, unit: str, colour: str) -> Specification:
    """A bar per day, and the mean of the last 7 days as a line; over more than MAX_DAYS, a bar per week."""
    rows = [{"date": _local(row["date"]), "count": row[count], "ago": ago} for row, ago in _ages(days)]
    is_daily = f"min(days, {len(days)}) <= {MAX_DAYS}"
    base = (
        alt.Chart(alt.InlineData(rows, name=f"{name}_days"))
        # Before the filter, so that the mean of the first day shown includes the 6 days before it.
        .transform_window(mean="mean(count)", frame=[-6, 0], sort=[alt.SortField("date")])
        .transform_filter(f"datum.ago < days && {is_daily}")
        .encode(x=alt.X(DAY, axis=DAY_AXIS))
    )
    axis = alt.Axis(title=unit, tickCount=4, format=",d", tickMinStep=1)
    bars = base.mark_bar(color=colour, opacity=0.38).encode(y=alt.Y("count:Q", axis=axis, scale=FROM_ZERO))
    line = base.mark_line(color=colour, strokeWidth=2.25, interpolate="monotone").encode(
        y=alt.Y("mean:Q", axis=axis, scale=FROM_ZERO), x=alt.X(DAY, axis=DAY_AXIS, bandPosition=0.5)
    )
    weeks = (
        alt.Chart(alt.InlineData(_weeks(days, count), name=f"{name}_weeks"))
        .transform_filter(f"datum.ago < days && !({is_daily})")
        .mark_bar(color=colour, opacity=0.7)
        .encode(
            x=alt.X("yearmonthdate(date):T", axis=DAY_AXIS),
            x2="yearmonthdate(end):T",
            y=alt.Y("count:Q", axis=axis, scale=FROM_ZERO),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip(DAY, title="Week from", format="%a %-d %b %Y"),
                alt.Tooltip("count:Q", title=title, format=","),
                alt.Tooltip("days:Q", title="Days of it"),
            ],
        )
    )
    touch = base.mark_rect(color="var(--ink)", opacity=0).encode(
        tooltip=[
            DAY_TOOLTIP,
            alt.Tooltip("count:Q", title=title, format=","),
            alt.Tooltip("mean:Q", title="Mean of 7 days", format=",.1f"),
        ]
    )
    return _finished(
        alt.layer(bars, line, touch, weeks, _up_to(FEW)).add_params(alt.param(name="days", value=SHOWN_DAYS)),
        HEIGHT,
        f"{title} on each day as bars, and the mean of the last 7 days as a line; over more than {MAX_DAYS} days, in "
        "each week as bars.",
    )


def bounces(days: Rows) -> Specification:
    """The bounce rate of the last 7 days, day by day."""
    rows = [
        {"date": _local(row["date"]), "ago": ago, BOUNCED: _ratio(row["bounced_7d"], row["emails_sent_7d"])}
        for row, ago in _ages(days)
    ]
    line = (
        alt.Chart(alt.InlineData(_unbroken(rows, BOUNCED), name="bounces"))
        .transform_filter("datum.ago < days")
        .mark_line(strokeWidth=2.25, interpolate="monotone", color="var(--bounced)")
        .encode(
            x=alt.X(DAY, axis=DAY_AXIS, bandPosition=0.5),
            y=alt.Y("share:Q", axis=alt.Axis(title="Percent", format="~%", tickCount=4), scale=FROM_ZERO),
            detail="part:N",
        )
    )
    touch = (
        alt.Chart(alt.InlineData(rows, name="bounces_days"))
        .transform_filter("datum.ago < days")
        .mark_rect(color="var(--ink)", opacity=0)
        .encode(x=alt.X(DAY, axis=DAY_AXIS), tooltip=[DAY_TOOLTIP, alt.Tooltip(f"{BOUNCED}:Q", format=".1%")])
    )
    return _finished(
        alt.layer(line, touch, _up_to(0.01)).add_params(alt.param(name="days", value=SHOWN_DAYS)),
        HEIGHT,
        "Bounce rate over the 7 days up to each day, as a line.",
    )


def first_contacts(weeks: Rows) -> Specification:
    """The share of the people first mailed in each week who replied within 14 days."""
    last = weeks[-1]["week"]
    rows = [
        {
            "date": _local(row["week"]),
            "end": _local(row["week"] + timedelta(days=6)),
            "ago": (last - row["week"]).days,
            "share": _ratio(row["replied_within_14_days"], row["people_first_mailed"]),
            "people": row["people_first_mailed"],
            "replied": row["replied_within_14_days"],
            "state": "complete" if row["has_14_days"] else "more may come",
        }
        for row in weeks
    ]
    bars = (
        alt.Chart(alt.InlineData(rows, name="weeks"))
        .transform_filter(f"datum.ago < max(days, {MIN_WEEKS})")
        .mark_bar(color="var(--replied)")
        .encode(
            x=alt.X("yearmonthdate(date):T", axis=DAY_AXIS),
            x2="yearmonthdate(end):T",
            y=alt.Y("share:Q", axis=alt.Axis(title="Percent", format="~%", tickCount=4), scale=FROM_ZERO),
            y2=alt.datum(0),
            opacity=alt.Opacity(
                "state:O",
                scale=alt.Scale(domain=["complete", "more may come"], range=[0.9, 0.38]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[
                alt.Tooltip(DAY, title="Week from", format="%a %-d %b %Y"),
                alt.Tooltip("people:Q", title="People first mailed", format=","),
                alt.Tooltip("replied:Q", title="Replied within 14 days", format=","),
                alt.Tooltip("share:Q", title="Reply rate", format=".1%"),
                alt.Tooltip("state:N", title="Replies"),
            ],
        )
    )
    return _finished(
        alt.layer(bars, _up_to(0.01)).add_params(alt.param(name="days", value=SHOWN_DAYS)),
        HEIGHT,
        "Of the people first mailed in each week, the share who replied within 14 days, as bars.",
    )


def _weeks(days: Rows, count: str) -> Rows:
    """The sums of the weeks, from Monday; the first and the last may lack days."""
    weeks: dict[date, dict[str, Any]] = {}
    for row, ago in _ages(days):
        monday = row["date"] - timedelta(days=row["date"].weekday())
        sunday = _local(monday + timedelta(days=6))
        week = weeks.setdefault(monday, {"date": _local(monday), "end": sunday, "count": 0, "days": 0})
        week["count"] += row[count]
        week["days"] += 1
        # A week is shown if its last day is.
        week["ago"] = ago
    return list(weeks.values())


def _unbroken(rows: Rows, name: str) -> Rows:
    """The points of a line, with the number of their part: days without a denominator interrupt it."""
    points, part = [], 0
    for row in rows:
        if row[name] is None:
            part += 1
        else:
            points.append({"date": row["date"], "ago": row["ago"], "rate": name, "share": row[name], "part": part})
    return points


def _up_to(value: float) -> alt.Chart:
    """An invisible layer that makes the axis reach from 0 to at least this value, even if all data is zero."""
    mark: alt.Chart = alt.Chart(alt.InlineData([{}])).mark_rule(opacity=0, tooltip=False)
    return mark.encode(y=alt.datum(0), y2=alt.datum(value))


def _ages(days: Rows) -> list[tuple[dict[str, Any], int]]:
    """Each day with its distance from the last one, in days."""
    return [(row, len(days) - 1 - number) for number, row in enumerate(days)]


def _local(day: Any) -> str:
    # A bare date would be midnight in UTC, which is the day before in America.
    return f"{day.isoformat()}T00:00:00"


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


def _finished(chart: alt.LayerChart | alt.FacetChart, height: int, description: str) -> Specification:
    axis = {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": 400,
        "titlePadding": 8,
    }
    finished: Specification = (
        chart.properties(width="container", height=height, description=description)
        .configure(
            background="transparent",
            font=FONT,
            axis=axis,
            legend={"labelColor": "var(--ink)", "labelFontSize": 12, "symbolSize": 160},
            view={"stroke": None},
            autosize={"type": "fit", "contains": "padding"},
        )
        .to_dict()
    )
    return finished
