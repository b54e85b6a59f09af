"""The page's charts, as Vega-Lite specifications. Their colours are the page's, by name, so they follow its theme."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from report.figures import CAMPAIGN_COLUMNS, TWICE, share, totals
from report.marts import Rows

Specification = dict[str, Any]

SHOWN_DAYS: Final = 90
"""How many days the charts of days show at first."""

HEIGHT: Final = 150
FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

DAY: Final = "yearmonthdate(date):T"
DAY_AXIS: Final = alt.Axis(title="Day", format="%-d %b %y", labelOverlap=True, labelFlush=True, grid=False, tickCount=6)
DAY_TOOLTIP: Final = alt.Tooltip(DAY, title="Day", format="%a %-d %b %Y")


def charts(campaigns: Rows, days: Rows) -> dict[str, Specification]:
    """All charts, by the name of their place in the page; without days only the one that needs none."""
    found = {"funnel": funnel(campaigns)} if campaigns else {}
    if days:
        found["sent"] = per_day(days, "emails_sent", "E-mails sent", "E-mails", "var(--sent)")
        found["opened"] = per_day(days, "people_opened", "People who opened", "People", "var(--opened)")
        found["replied"] = per_day(days, "people_replied", "People who replied by e-mail", "People", "var(--replied)")
        found["rates"] = rates(days)
    return found


def funnel(campaigns: Rows) -> Specification:
    """How many of the people contacted opened, clicked, replied, and were interested."""
    sums = totals(campaigns)
    meanings = {column.name: column.meaning for column in CAMPAIGN_COLUMNS}
    mailed = sums["people_contacted_by_email"]
    steps = [
        ("Contacted", mailed, "People with at least one e-mail that did not bounce."),
        ("Opened", sums["people_opened"], meanings["open_rate"]),
        ("Clicked", sums["people_clicked"], meanings["click_rate"]),
        ("Replied", sums["people_replied"], meanings["people_replied"]),
        ("Interested", sums["people_interested"], meanings["people_interested"]),
    ]
    rows = [
        {
            "step": step,
            "people": people,
            "label": f"{people:,}" + (f" · {share(people / mailed)}" if mailed and step != "Contacted" else ""),
            "meaning": f"{meaning} {TWICE}",
        }
        for step, people, meaning in steps
    ]
    most = max([people for _, people, _ in steps])
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("step:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False, labelPadding=10)),
        # Room for what is written beside the longest bar.
        x=alt.X("people:Q", title="People", scale=alt.Scale(domain=[0, most * 1.35 or 1], nice=False), axis=_count_axis()),
        tooltip=[
            alt.Tooltip("step:N", title="Step"),
            alt.Tooltip("people:Q", title="People", format=","),
            alt.Tooltip("meaning:N", title="What it counts"),
        ],
    )
    bars = base.mark_bar(cornerRadiusEnd=4, color="var(--opened)", height={"band": 0.62})
    labels = base.mark_text(align="left", dx=7, color="var(--ink)", fontSize=13).encode(text="label:N")
    return _finished(
        bars + labels,
        190,
        "Bars: people contacted by e-mail, and how many of them opened, clicked, replied and were interested. "
        + ", ".join(f"{row['step']} {row['label']}" for row in rows),
    )


def per_day(days: Rows, count: str, title: str, unit: str, colour: str) -> Specification:
    """A bar for each day, and the mean of the last 7 days as a line."""
    rows = [{"date": _local(row["date"]), "count": row[count], "ago": ago} for row, ago in _ages(days)]
    base = (
        alt.Chart(alt.Data(values=rows))
        # Before the filter, so that the first day shown has its 6 days before it too.
        .transform_window(mean="mean(count)", frame=[-6, 0], sort=[alt.SortField("date")])
        .transform_filter("datum.ago < days")
        .encode(x=alt.X(DAY, axis=DAY_AXIS))
    )
    axis = alt.Axis(title=unit, tickCount=4, format="~s", tickMinStep=1)
    bars = base.mark_bar(color=colour, opacity=0.38).encode(y=alt.Y("count:Q", axis=axis))
    line = base.mark_line(color=colour, strokeWidth=2.25, interpolate="monotone").encode(
        y=alt.Y("mean:Q", axis=axis), x=alt.X(DAY, axis=DAY_AXIS, bandPosition=0.5)
    )
    touch = base.mark_rect(color="var(--ink)", opacity=0).encode(
        tooltip=[
            DAY_TOOLTIP,
            alt.Tooltip("count:Q", title=title, format=","),
            alt.Tooltip("mean:Q", title="Mean of 7 days", format=",.1f"),
        ]
    )
    return _finished(
        alt.layer(bars, line, touch).add_params(alt.param(name="days", value=SHOWN_DAYS)),
        HEIGHT,
        f"{title} on each day as bars, and the mean of the last 7 days as a line.",
    )


def rates(days: Rows) -> Specification:
    """The reply and the bounce rate of the last 7 days, day by day."""
    rows = [
        {
            "date": _local(row["date"]),
            "ago": ago,
            "Reply rate": _ratio(row["people_replied_7d"], row["people_mailed_7d"]),
            "Bounce rate": _ratio(row["bounced_7d"], row["emails_sent_7d"]),
        }
        for row, ago in _ages(days)
    ]
    names = ["Reply rate", "Bounce rate"]
    base = (
        alt.Chart(alt.Data(values=rows))
        .transform_filter("datum.ago < days")
        .encode(x=alt.X(DAY, axis=DAY_AXIS, bandPosition=0.5))
    )
    lines = (
        base.transform_fold(names, as_=["rate", "share"])
        .mark_line(strokeWidth=2.25, interpolate="monotone")
        .encode(
            y=alt.Y("share:Q", axis=alt.Axis(title="Percent", format="~%", tickCount=4)),
            color=alt.Color(
                "rate:N",
                scale=alt.Scale(domain=names, range=["var(--replied)", "var(--bounced)"]),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolStrokeWidth=3),
            ),
            strokeDash=alt.StrokeDash("rate:N", scale=alt.Scale(domain=names, range=[[1, 0], [5, 3]]), legend=None),
        )
    )
    touch = base.mark_rect(color="var(--ink)", opacity=0).encode(
        x=alt.X(DAY, axis=DAY_AXIS),
        tooltip=[DAY_TOOLTIP, *(alt.Tooltip(f"{name}:Q", format=".1%") for name in names)],
    )
    return _finished(
        alt.layer(lines, touch).add_params(alt.param(name="days", value=SHOWN_DAYS)),
        HEIGHT,
        "Reply rate and bounce rate over the 7 days up to each day, as two lines.",
    )


def _ages(days: Rows) -> list[tuple[dict[str, Any], int]]:
    """Each day with how many days it is before the last one."""
    return [(row, len(days) - 1 - number) for number, row in enumerate(days)]


def _local(day: Any) -> str:
    # A date alone would be midnight in UTC, which is the day before in America.
    return f"{day.isoformat()}T00:00:00"


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


def _count_axis() -> alt.Axis:
    return alt.Axis(tickCount=4, format="~s", tickMinStep=1)


def _finished(chart: alt.LayerChart, height: int, description: str) -> Specification:
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
    return (
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
