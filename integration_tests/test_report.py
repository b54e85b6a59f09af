"""The report in a real browser: its figures against the synced tables, its sorting, and accounts that are empty, large,
or have malicious names.

To update the screenshot in README.md, from the `demo.duckdb` of `make demo`:

    python -m warehouse.report --note "Made-up data of the sandbox."
    python -m integration_tests.browser report.html docs/report.png
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

from integration_tests.browser import Browser, Theme, browser
from integration_tests.client import COMMANDS
from repo_tests.debian import Unavailable
from repo_tests.report_marts import campaign, day, load, marts
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.seeds import demo_account
from unit_tests._paths import CONFIGURED_CATALOG, DBT_PROJECT, ROOT
from warehouse.report.__main__ import main

NOTHING: Final = "\N{EN DASH}"
PHONE: Final = (360, 740)
DESKTOP: Final = (1280, 1180)
MAX_BYTES: Final = 3_000_000

LOADED: Final = (
    *("campaigns", "campaign_analytics", "campaign_analytics_daily", "campaign_progress", "campaign_replies"),
    *("campaign_recipients_activity", "sender_email_accounts", "sender_analytics", "warm_ups"),
    "warm_up_daily_statistics",
)
PLANTED: Final = """<img src=x onerror="window.planted=1">"""
HOSTILE: Final = (
    PLANTED,
    "</script><script>window.planted=2</script>",
    "<!--<script>window.planted=3",
    "\"' onfocus=window.planted=4 autofocus x='",
    "{{ 7 * 7 }} ${window.planted=5} &lt;b&gt;",
    "W" * 300,
    "\N{RIGHT-TO-LEFT OVERRIDE}evil\N{LINE SEPARATOR}\N{NO-BREAK SPACE}name",
    "",
)
YESTERDAY: Final = date(2026, 3, 1)


@dataclass(frozen=True)
class Page:
    """A report of a database, open in the browser."""

    browser: Browser
    file: Path
    database: Path

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def figure(self, name: str) -> tuple[str, str]:
        """A key figure, and the text below it."""
        card = self.browser.driver.find_element(By.CSS_SELECTOR, f".figure[data-name={name}]")
        return card.find_element(By.CSS_SELECTOR, ".value").text, card.find_element(By.CSS_SELECTOR, ".made-of").text

    def choose(self, name: str, value: object) -> None:
        """Chooses a period in days (0: all) or a channel, with the keyboard."""
        self.browser.driver.find_element(By.CSS_SELECTOR, f"input[name={name}][value='{value}']").send_keys(Keys.SPACE)

    def table(self, name: str) -> list[dict[str, str]]:
        """The visible rows of a table, by column name."""
        rows: list[dict[str, str]] = self.browser.run(
            """
            const table = document.getElementById(arguments[0]);
            const names = [...table.tHead.rows[0].cells].map((cell) => cell.dataset.name);
            return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) =>
              Object.fromEntries([...row.cells].map((cell, place) => [names[place], cell.innerText.trim()])));
            """,
            name,
        )
        return rows

    def open_numbers(self, chart: str) -> None:
        """Opens the table behind a chart, with the keyboard."""
        self.browser.driver.find_element(By.CSS_SELECTOR, f"#numbers-{chart} > summary").send_keys(Keys.ENTER)
        WebDriverWait(self.browser.driver, 10).until(lambda _: self.numbers(chart))

    def numbers(self, chart: str) -> list[list[str]]:
        """The rows of the table behind a chart, as a screen reader tells them."""
        rows: list[list[str]] = self.browser.run(
            "return [...document.querySelectorAll(`#numbers-${arguments[0]} tbody tr`)]"
            ".map((row) => [...row.cells].map((cell) => cell.innerText))",
            chart,
        )
        return rows

    def column(self, table: str, name: str) -> list[str]:
        return [row[name] for row in self.table(table)]

    def heading(self, table: str, name: str) -> Any:
        return self.browser.driver.find_element(By.CSS_SELECTOR, f"#{table} thead [data-name={name}] button")

    def sort(self, table: str, name: str) -> str:
        """Presses the heading with the keyboard and returns the order that it announces."""
        button = self.heading(table, name)
        button.send_keys(Keys.ENTER)
        claimed = {
            heading.get_attribute("data-name"): heading.get_attribute("aria-sort")
            for heading in self.browser.driver.find_elements(By.CSS_SELECTOR, f"#{table} thead th")
        }
        assert [other for other, order in claimed.items() if order != "none"] == [name]
        return str(claimed[name])

    def assert_harmless(self) -> None:
        """No name was run as a script, nothing was blocked or failed, and nothing was fetched."""
        assert self.browser.run("return window.planted") is None
        assert self.browser.errors() == []
        assert self.browser.requests() == []

    def assert_fits(self) -> None:
        """Nothing is wider than the screen, except tables in their own frame."""
        wide, screen = self.browser.run("return [document.documentElement.scrollWidth, window.innerWidth]")
        assert wide == screen
        assert not self.browser.run(
            "return [...document.querySelectorAll('.card, .replies li, .chart svg, h1, .note')]"
            ".filter((part) => part.getBoundingClientRect().right > window.innerWidth).length"
        )

    def keep(self, name: str) -> None:
        self.browser.picture(ROOT / ".tmp" / f"report-{name}.png", whole=True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        with browser() as opened:
            yield opened
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a quarter of the sandbox's campaigns, to be quick, and their marts."""
    folder = tmp_path_factory.mktemp("report")
    database, config, catalog, messages = (
        folder / name for name in ("demo.duckdb", "config.json", "catalog.json", "messages.jsonl")
    )
    listed = json.loads(CONFIGURED_CATALOG.read_text())["streams"]
    catalog.write_text(json.dumps({"streams": [one for one in listed if one["stream"]["name"] in LOADED]}))
    account = demo_account()
    for number, campaign_id in enumerate(list(account.campaigns)):
        if number % 4:
            account.remove_campaign(campaign_id)
    with Sandbox(account, UNLIMITED) as sandbox, messages.open("w") as output:
        config.write_text(json.dumps(sandbox.config()))
        done = subprocess.run(
            [str(COMMANDS / "source-snov"), "read", "--config", str(config), "--catalog", str(catalog)],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            timeout=240,
        )
    assert done.returncode == 0, done.stderr
    load(database, messages, LOADED)
    models = [
        str(COMMANDS / "dbt"),
        "--quiet",
        "run",
        "--project-dir",
        str(DBT_PROJECT),
        "--profiles-dir",
        str(DBT_PROJECT),
    ]
    folders = {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}
    environment = os.environ | folders | {"SNOV_DUCKDB_PATH": str(database)}
    made = subprocess.run(models, env=environment, capture_output=True, text=True, timeout=240)
    assert made.returncode == 0, made.stdout + made.stderr
    return database


@pytest.fixture(scope="module")
def report(synced: Path) -> Path:
    """The report of the sandbox's account, created by the command."""
    arguments = ["--database", str(synced), "--output", str(synced.with_name("report.html"))]
    done = subprocess.run(
        [sys.executable, "-m", "warehouse.report", *arguments, "--note", "Made-up data of the sandbox."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return Path(done.stdout.strip())


@pytest.fixture
def page(chromium: Browser, report: Path, synced: Path) -> Page:
    chromium.show(*DESKTOP)
    chromium.open(report)
    return Page(chromium, report, synced)


def made(chromium: Browser, folder: Path, **rows: Any) -> Page:
    """A report of marts with these rows, open on a desktop."""
    database, file = folder / "made.duckdb", folder / "made.html"
    marts(database, **rows)
    assert main(["--database", str(database), "--output", str(file)]) == 0
    chromium.show(*DESKTOP)
    chromium.open(file)
    return Page(chromium, file, database)


def test_key_figures_are_those_of_the_synced_tables(page: Page) -> None:
    page.choose("days", 0)
    [(sent, delivered, bounced, memberships, answered, linkedin, interested, invited, accepted)] = page.sql(
        """
        SELECT sum(emails_sent), sum(delivered), sum(bounced), sum(contacted_by_email), sum(email_replies),
               sum(linkedin_total_replies), sum(interested), sum(connection_requests), sum(accepted_requests)
        FROM campaign_analytics
        """
    )
    [(mailed, opened, clicked, replied)] = page.sql(
        """
        WITH people AS (
            SELECT lower(recipient_email) AS person, list(event_type) AS events
            FROM campaign_recipients_activity WHERE recipient_email IS NOT NULL GROUP BY 1
        )
        SELECT count(*) FILTER (len(list_filter(events, e -> e = 'sent'))
                   > len(list_filter(events, e -> e = 'bounce'))),
               count(*) FILTER (list_contains(events, 'open')), count(*) FILTER (list_contains(events, 'click')),
               count(*) FILTER (list_contains(events, 'reply'))
        FROM people
        """
    )

    assert sent > 0
    assert mailed < memberships
    assert page.figure("emails_sent") == (f"{sent:,}", f"{delivered:,} delivered")
    assert page.figure("bounce_rate") == (f"{bounced / sent:.1%}", f"{bounced:,} e-mails bounced")
    assert page.figure("people_contacted_by_email") == (f"{mailed:,}", f"{memberships:,} counted in each campaign")
    assert page.figure("open_rate") == (f"{opened / mailed:.1%}", f"{opened:,} people opened")
    assert page.figure("click_rate") == (f"{clicked / mailed:.1%}", f"{clicked:,} people clicked")
    assert page.figure("reply_rate") == (f"{replied / mailed:.1%}", f"{replied:,} people replied by e-mail")
    assert page.figure("people_replied_linkedin")[0] == f"{linkedin:,}"
    assert page.figure("people_interested") == (
        f"{interested:,}",
        f"{interested / (answered + linkedin):.1%} of all who replied",
    )
    steps = {
        "funnel": {"Reached": mailed, "Opened": opened, "Clicked": clicked, "Replied": replied},
        "linkedin": {"Invited": invited, "Accepted": accepted, "Replied": linkedin},
    }
    for chart, counts in steps.items():
        funnel = page.browser.driver.find_element(By.ID, f"chart-{chart}").text
        for step, people in counts.items():
            assert step in funnel
            assert f"{people:,}" in funnel
        assert "Interested" not in funnel


PERIOD: Final = """
    WITH days AS (
        SELECT * FROM campaign_analytics_daily
        WHERE date BETWEEN {last} - {back} AND {last} - {until} AND campaign_id IN ({chosen})
    ),
    people AS (
        SELECT lower(recipient_email) AS person, list(DISTINCT (event_type, event_time::DATE, campaign_id)) AS events
        FROM campaign_recipients_activity
        WHERE recipient_email IS NOT NULL AND event_time::DATE BETWEEN {last} - {back} AND {last} - {until}
        AND campaign_id IN ({chosen})
        GROUP BY 1
    ),
    counted AS (
        SELECT len(list_filter(events, e -> e[1] = 'sent')) AS mailed,
               len(list_filter(events, e -> e[1] = 'bounce')) AS bounced,
               len(list_filter(events, e -> e[1] = 'open')) > 0 AS opened,
               len(list_filter(events, e -> e[1] = 'click')) > 0 AS clicked,
               len(list_filter(events, e -> e[1] = 'reply')) > 0 AS replied,
               len(list_filter(events, e -> e[1] = 'unsubscribe')) > 0 AS unsubscribed
        FROM people
    ),
    reached AS (SELECT * FROM counted WHERE mailed > bounced OR (mailed > 0 AND (opened OR clicked OR replied)))
    SELECT (SELECT coalesce(sum(emails_sent), 0) FROM days), (SELECT coalesce(sum(bounced), 0) FROM days),
           (SELECT count(*) FROM reached), (SELECT count(*) FROM reached WHERE opened),
           (SELECT count(*) FROM reached WHERE clicked), (SELECT count(*) FROM reached WHERE replied),
           (SELECT count(*) FROM counted WHERE unsubscribed)
"""
"""The figures of some campaigns and days, by SQL on the raw tables."""

ALL: Final = "SELECT id FROM campaigns"


def of_period(page: Page, days: int, chosen: str = ALL, ago: int = 0) -> list[int]:
    last = "(SELECT max(date) FROM campaign_analytics_daily)"
    [row] = page.sql(PERIOD.format(last=last, back=days - 1 + ago, until=ago, chosen=chosen))
    return [int(value) for value in row]


def assert_figures(page: Page, sent: int, bounced: int, reached: int, *people: int) -> None:
    opened, clicked, replied, unsubscribed = people
    assert page.figure("emails_sent")[0] == f"{sent:,}"
    assert page.figure("bounce_rate") == (rate(bounced / sent if sent else None), f"{bounced:,} e-mails bounced")
    assert page.figure("people_contacted_by_email")[0] == f"{reached:,}"
    for name, part in (("open_rate", opened), ("click_rate", clicked), ("reply_rate", replied)):
        assert page.figure(name)[0] == rate(part / reached if reached else None), name
        assert page.figure(name)[1].startswith(f"{part:,} people")
    assert page.figure("people_unsubscribed")[0] == f"{unsubscribed:,}"


@pytest.mark.parametrize("days", [7, 30, 90])
def test_figures_of_a_period_are_those_of_the_raw_tables_and_compared_with_the_one_before(
    page: Page, days: int
) -> None:
    page.choose("days", days)

    now, before = of_period(page, days), of_period(page, days, ago=days)
    assert now[0]
    assert_figures(page, *now)
    change = page.browser.driver.find_element(By.CSS_SELECTOR, ".figure[data-name=emails_sent] .change").text
    difference = 100 * (now[0] - before[0]) / before[0]
    sign = "\N{BLACK UP-POINTING TRIANGLE}" if difference > 0 else "\N{BLACK DOWN-POINTING TRIANGLE}"
    assert change == f"{sign} {abs(difference):.1f}%"
    assert f"compared with the {days} days before" in page.browser.driver.find_element(By.ID, "period").text


FILTERS: Final = {
    "a channel": "SELECT campaign_id FROM campaign_analytics WHERE emails_sent > 0 OR contacted_by_email > 0",
    "a status": "SELECT id FROM campaigns WHERE status = 'Active'",
    "a name": "SELECT id FROM campaigns WHERE campaign ILIKE '%re%' OR status ILIKE '%re%'",
}


@pytest.mark.parametrize("chosen", FILTERS)
def test_what_is_chosen_holds_for_figures_charts_table_and_replies(page: Page, chosen: str) -> None:
    campaigns = FILTERS[chosen]
    if chosen == "a channel":
        page.choose("channel", 1)
    elif chosen == "a status":
        page.browser.driver.find_element(By.NAME, "status").send_keys("Active", Keys.ENTER)
    else:
        page.browser.driver.find_element(By.ID, "filter").send_keys("re")

    assert_figures(page, *of_period(page, 30, campaigns))
    names = [name for (name,) in page.sql(f"SELECT campaign FROM campaigns WHERE id IN ({campaigns})")]
    every = len(page.sql(ALL))
    assert 0 < len(names) < every
    assert sorted(page.column("campaigns", "campaign")) == sorted(names)
    assert page.browser.driver.find_element(By.ID, "shown").text == f"{len(names)} of {every}"
    shown = [reply.text for reply in page.browser.driver.find_elements(By.CSS_SELECTOR, ".replies > li .where")]
    assert {text.partition(" \N{MIDDLE DOT} ")[2] for text in shown if text} <= set(names)
    reached = f"{of_period(page, 30, campaigns)[2]:,}"
    assert reached in page.browser.driver.find_element(By.ID, "chart-funnel").text
    # A screen reader tells the same.
    spoken = page.browser.run(
        "const place = document.getElementById('chart-funnel');"
        "return [place, ...place.querySelectorAll('[role=graphics-document]')].map((part) => part.ariaLabel).join()"
    )
    assert f"Reached {reached}," in spoken
    page.choose("days", 0)
    [(interested, invited)] = page.sql(
        f"SELECT sum(interested), sum(connection_requests) FROM campaign_analytics WHERE campaign_id IN ({campaigns})"
    )
    assert page.figure("people_interested")[0] == f"{interested:,}"
    WebDriverWait(page.browser.driver, 10).until(
        lambda driver: f"{invited:,}" in driver.find_element(By.ID, "chart-linkedin").text
    )
    page.assert_harmless()


def test_the_charts_of_some_campaigns_are_those_of_the_raw_tables(page: Page) -> None:
    page.browser.driver.find_element(By.NAME, "status").send_keys("Active", Keys.ENTER)
    page.choose("days", 90)

    [(sent,)] = page.sql(
        f"SELECT sum(emails_sent) FROM campaign_analytics_daily WHERE campaign_id IN ({FILTERS['a status']})"
    )
    drawn = page.browser.run("return window.chartRows('sent', 'sent_days').reduce((sum, row) => sum + row.count, 0)")
    assert drawn == sent
    weeks = page.sql(
        f"""
        WITH events AS (
            SELECT lower(recipient_email) AS person, event_type AS type, event_time::DATE AS day
            FROM campaign_recipients_activity
            WHERE recipient_email IS NOT NULL AND campaign_id IN ({FILTERS["a status"]})
        ),
        firsts AS (SELECT person, min(day) AS first FROM events WHERE type = 'sent' GROUP BY 1)
        SELECT date_trunc('week', first)::DATE, count(*), count(*) FILTER (EXISTS (
            SELECT 1 FROM events
            WHERE events.person = firsts.person AND type = 'reply' AND day BETWEEN first AND first + 14
        ))
        FROM firsts GROUP BY 1 ORDER BY 1
        """
    )
    found = page.browser.run("return window.chartRows('weeks', 'weeks')")
    assert [(row["date"][:10], row["people"], row["replied"]) for row in found] == [
        (str(week), people, replied) for week, people, replied in weeks
    ]


@pytest.mark.parametrize("chosen", [None, "a status"])
def test_the_heat_maps_count_the_events_of_each_hour_whatever_the_period(page: Page, chosen: str | None) -> None:
    if chosen:
        page.browser.driver.find_element(By.NAME, "status").send_keys("Active", Keys.ENTER)

    for place, kind in enumerate(("sent", "reply")):
        expected = {
            (weekday, hour): count
            for weekday, hour, count in page.sql(
                f"""
                SELECT dayname(event_time), hour(event_time), count(*)
                FROM campaign_recipients_activity
                WHERE event_type = '{kind}' AND campaign_id IN ({FILTERS[chosen] if chosen else ALL})
                GROUP BY ALL
                """
            )
        }
        assert sum(expected.values()) > 10
        for days in (7, 90):
            page.choose("days", days)
            shown = page.browser.run(
                """
                const table = document.querySelectorAll(".hours table")[arguments[0]];
                return [...table.tBodies[0].rows].flatMap(({cells: [weekday, ...hours]}) => hours.map((cell, hour) =>
                  [weekday.textContent, hour, Number(cell.textContent.replace(",", "")), Number(cell.dataset.level)]));
                """,
                place,
            )
            assert len(shown) == 7 * 24
            assert {(weekday, hour): count for weekday, hour, count, _ in shown if count} == expected
            most = max(expected.values())
            assert all(level == math.ceil(4 * count / most) for _, _, count, level in shown)
    assert "Hours are in UTC." in page.browser.driver.find_element(By.TAG_NAME, "main").text
    page.assert_harmless()


@pytest.mark.parametrize("days", [30, 0])
def test_a_campaign_opens_alone_and_closes_by_the_keyboard(page: Page, days: int) -> None:
    [(number, name, status)] = page.sql(
        """
        SELECT id, campaigns.campaign, status
        FROM campaigns JOIN campaign_replies ON campaign_id = id
        GROUP BY ALL ORDER BY count(*) DESC, id LIMIT 1
        """
    )
    page.choose("days", days)
    page.sort("campaigns", "campaign")
    link = page.browser.driver.find_element(By.ID, "campaigns").find_element(By.LINK_TEXT, name)

    link.send_keys(Keys.ENTER)

    opened = page.browser.driver.find_element(By.ID, "campaign")
    WebDriverWait(page.browser.driver, 10).until(lambda _: opened.is_displayed())
    heading = page.browser.driver.switch_to.active_element
    assert (heading.tag_name, heading.text) == ("h2", name)
    assert opened.find_element(By.CLASS_NAME, "badge").text == status
    snov = opened.find_element(By.LINK_TEXT, "Open in Snov.io")
    assert snov.get_attribute("href") == f"https://app.snov.io/campaigns/{number}"
    assert page.column("campaigns", "campaign") == [name]
    if days:
        assert_figures(page, *of_period(page, days, str(number)))
    [(sent, replied)] = page.sql(
        f"SELECT sum(emails_sent), sum(email_replies) FROM campaign_analytics_daily WHERE campaign_id = {number}"
    )
    for chart, count in (("sent", sent), ("replied", replied)):
        drawn = f"return window.chartRows('{chart}', '{chart}_days').reduce((sum, row) => sum + row.count, 0)"
        assert page.browser.run(drawn) == count
    replies = page.browser.driver.find_elements(By.CSS_SELECTOR, ".replies > li:not([hidden])")
    assert {reply.find_element(By.CLASS_NAME, "where").text.split(" \N{MIDDLE DOT} ")[1] for reply in replies} == {name}
    newest = page.sql(
        f"""
        SELECT prospect_name
        FROM (SELECT *, unnest(replies::JSON[]) AS reply FROM campaign_replies WHERE campaign_id = {number})
        ORDER BY reply ->> 'received_at' DESC LIMIT 3
        """
    )
    assert [reply.find_element(By.TAG_NAME, "b").text for reply in replies[:3]] == [who for (who,) in newest]
    assert not page.browser.driver.find_element(By.ID, "all-senders").is_displayed()
    page.assert_fits()

    opened.find_element(By.LINK_TEXT, "Back to all campaigns").send_keys(Keys.ENTER)

    WebDriverWait(page.browser.driver, 10).until(lambda _: not opened.is_displayed())
    assert page.browser.driver.switch_to.active_element == link
    assert len(page.table("campaigns")) == len(page.sql(ALL))
    page.browser.driver.back()
    WebDriverWait(page.browser.driver, 10).until(lambda _: opened.is_displayed())
    page.assert_harmless()


def test_every_campaign_with_replies_has_its_newest_one_on_the_page(page: Page) -> None:
    of_page = page.browser.run(
        "return [...document.querySelectorAll('.replies > li')].map((reply) => Number(reply.dataset.campaign))"
    )
    assert len(set(of_page)) == page.sql("SELECT count(DISTINCT campaign_id) FROM campaign_replies")[0][0]


@pytest.mark.parametrize("days", [7, 90])
@pytest.mark.parametrize("chosen", [None, "a status"])
def test_the_table_behind_a_chart_follows_what_is_chosen(page: Page, days: int, chosen: str | None) -> None:
    for chart in ("sent", "replied", "bounces", "funnel"):
        page.open_numbers(chart)
    if chosen:
        page.browser.driver.find_element(By.NAME, "status").send_keys("Active", Keys.ENTER)
    page.choose("days", days)

    campaigns = FILTERS[chosen] if chosen else ALL
    rows = page.sql(
        f"""
        WITH sums AS (
            SELECT date, sum(emails_sent) FILTER (chosen) AS sent, sum(bounced) FILTER (chosen) AS bounced,
                   sum(email_replies) FILTER (chosen) AS replied
            FROM (SELECT *, campaign_id IN ({campaigns}) AS chosen FROM campaign_analytics_daily) GROUP BY date
        ),
        days AS (
            SELECT date, coalesce(sent, 0) AS sent, coalesce(bounced, 0) AS bounced, coalesce(replied, 0) AS replied
            FROM sums
        )
        SELECT date, sent, replied, sum(sent) OVER week / 7, sum(bounced) OVER week / nullif(sum(sent) OVER week, 0)
        FROM days WINDOW week AS (ORDER BY date ROWS 6 PRECEDING) ORDER BY date DESC LIMIT {days}
        """
    )[::-1]
    written = [f"{date:%a} {date.day} {date:%b %Y}" for date, *_ in rows]
    WebDriverWait(page.browser.driver, 10).until(lambda _: len(page.numbers("bounces")) == days)
    assert page.numbers("sent") == [
        [day, f"{sent:,}", f"{mean:,.1f}"] for day, (_, sent, _, mean, _) in zip(written, rows, strict=True)
    ]
    assert [line[:2] for line in page.numbers("replied")] == [
        [day, f"{replied:,}"] for day, (_, _, replied, _, _) in zip(written, rows, strict=True)
    ]
    assert page.numbers("bounces") == [[day, rate(row[4])] for day, row in zip(written, rows, strict=True)]
    _, _, reached, opened, clicked, replied, _ = of_period(page, days, campaigns)
    assert page.numbers("funnel") == [
        [step, f"{people:,}", rate(people / reached if reached else None)]
        for step, people in (("Reached", reached), ("Opened", opened), ("Clicked", clicked), ("Replied", replied))
    ]
    headings = page.browser.run(
        "return [...document.querySelectorAll('#numbers-sent th')].map((cell) => cell.scope).join(' ')"
    )
    assert headings == "col col col" + days * " row"
    assert page.browser.run("return document.querySelector('#numbers-sent caption').textContent") == "E-mails sent"
    page.assert_harmless()


def test_what_needs_attention_comes_first(page: Page) -> None:
    listed = page.sql("SELECT name FROM snov_marts.snov__attention ORDER BY urgency, problem, name")
    items = page.browser.driver.find_elements(By.CSS_SELECTOR, ".attention li b")

    assert listed
    assert [item.get_attribute("textContent") for item in items] == [name for (name,) in listed]
    headings = [each.text for each in page.browser.driver.find_elements(By.TAG_NAME, "h2") if each.is_displayed()]
    assert headings[0] == "What needs attention"
    [(paused,)] = page.sql("SELECT count(*) FROM campaigns WHERE status = 'Automatically paused'")
    badges = page.browser.driver.find_elements(By.CSS_SELECTOR, ".attention .badge")
    assert [badge.get_attribute("textContent") for badge in badges].count("Paused by Snov.io") == paused


def test_replies_of_a_week_are_those_of_the_events(page: Page) -> None:
    rows = page.sql(
        """
        WITH events AS (
            SELECT lower(recipient_email) AS person, event_type AS type, event_time::DATE AS day
            FROM campaign_recipients_activity WHERE recipient_email IS NOT NULL
        ),
        firsts AS (SELECT person, min(day) AS first FROM events WHERE type = 'sent' GROUP BY 1)
        SELECT date_trunc('week', first)::DATE, count(*), count(*) FILTER (EXISTS (
            SELECT 1 FROM events
            WHERE events.person = firsts.person AND type = 'reply' AND day BETWEEN first AND first + 14
        ))
        FROM firsts GROUP BY 1 ORDER BY 1
        """
    )

    assert sum(replied for _, _, replied in rows)
    assert rows == page.sql(
        "SELECT week, people_first_mailed, replied_within_14_days FROM snov_marts.snov__first_contact_weeks ORDER BY 1"
    )


def test_a_deleted_campaign_counts_nowhere_and_is_named(chromium: Browser, tmp_path: Path) -> None:
    page = made(
        chromium,
        tmp_path,
        snov__campaign_performance=[
            campaign(1, "There", emails_sent=10),
            campaign(2, "Gone", emails_sent=7, is_deleted=True),
            campaign(3, None, emails_sent=5, is_deleted=True),
        ],
        snov__campaign_daily=[
            day(1, "There", YESTERDAY, emails_sent=10),
            day(2, "Gone", YESTERDAY, emails_sent=7, is_deleted=True),
        ],
    )

    assert page.figure("emails_sent")[0] == "10"
    assert page.column("campaigns", "campaign") == ["There"]
    assert chromium.driver.find_element(By.ID, "deleted").text == (
        "2 campaigns are no longer in Snov.io's list, and not counted here: Gone, 3."
    )
    assert [row["count"] for row in page.browser.run("return window.chartRows('sent', 'sent_days')")] == [10]
    page.assert_harmless()


def test_every_campaign_is_in_the_table_with_its_figures(page: Page) -> None:
    expected = page.sql(
        """
        SELECT campaign, campaigns.status, progress, emails_sent, bounced / nullif(emails_sent, 0),
               total_contacted, email_opens / nullif(contacted_by_email, 0), linkedin_total_replies
        FROM campaigns
        LEFT JOIN campaign_analytics ON campaign_analytics.campaign_id = id
        LEFT JOIN campaign_progress ON campaign_progress.campaign_id = id
        """
    )
    names = ("campaign", "status", "progress", "emails_sent", "bounce_rate", "people_contacted", "open_rate")

    shown = [tuple(row[name] for name in (*names, "people_replied_linkedin")) for row in page.table("campaigns")]

    assert len(expected) > 10
    assert sorted(shown) == sorted(
        (name, status, f"{progress:.0f}%", f"{sent:,}", rate(bounced), f"{contacted:,}", rate(opened), f"{linkedin:,}")
        for name, status, progress, sent, bounced, contacted, opened, linkedin in expected
    )


def test_senders_and_replies_are_there(page: Page) -> None:
    senders = page.sql(
        "SELECT email_from, emails_sent FROM sender_email_accounts JOIN sender_analytics ON sender_email_id = id "
        "ORDER BY emails_sent DESC"
    )
    newest = page.sql(
        "SELECT prospect_name FROM (SELECT *, unnest(replies::JSON[]) AS reply FROM campaign_replies) "
        "ORDER BY reply ->> 'received_at' DESC LIMIT 3"
    )

    assert [(row["sender"], row["emails_sent"]) for row in page.table("senders")] == [
        (sender, f"{sent:,}") for sender, sent in senders
    ]
    replies = page.browser.driver.find_elements(By.CSS_SELECTOR, ".replies > li:not([hidden])")
    assert len(replies) == 50
    assert [reply.find_element(By.TAG_NAME, "b").text for reply in replies[:3]] == [name for (name,) in newest]


def test_says_when_the_data_is_from_and_the_note(page: Page) -> None:
    [(synced,)] = page.sql("SELECT max(_airbyte_extracted_at) FROM campaign_analytics")

    header = page.browser.driver.find_element(By.TAG_NAME, "body").text.split("What needs attention")[0]

    assert f"{synced:%b %Y, %H:}" in header
    assert "Made-up data of the sandbox." in header


@pytest.mark.parametrize("name", ["emails_sent", "reply_rate", "progress"])
def test_numbers_sort_as_numbers_and_what_is_missing_stays_last(page: Page, name: str) -> None:
    # The first press on the sorted column reverses it.
    if name != "emails_sent":
        assert page.sort("campaigns", name) == "descending"
        down = page.column("campaigns", name)
        assert down == sorted(down, key=number, reverse=True)

    assert page.sort("campaigns", name) == "ascending"

    up = page.column("campaigns", name)
    missing = up.count(NOTHING)
    assert up[len(up) - missing :] == [NOTHING] * missing
    assert len(set(up)) > 5
    assert up[: len(up) - missing] == sorted(up[: len(up) - missing], key=number)


def test_names_and_days_sort_in_both_directions(page: Page) -> None:
    names = page.column("campaigns", "campaign")

    assert page.sort("campaigns", "campaign") == "ascending"
    assert page.column("campaigns", "campaign") == sorted(names, key=str.casefold)
    assert page.sort("campaigns", "campaign") == "descending"
    assert page.column("campaigns", "campaign") == sorted(names, key=str.casefold, reverse=True)

    assert page.sort("campaigns", "last_activity_on") == "descending"
    days = page.sql("SELECT last_activity_on FROM snov_marts.snov__campaign_performance ORDER BY 1 DESC NULLS LAST")
    assert page.column("campaigns", "last_activity_on") == [
        f"{last:%d %b %Y}".removeprefix("0") if last else NOTHING for (last,) in days
    ]


def test_the_filter_leaves_rows_with_the_text(page: Page) -> None:
    page.browser.driver.find_element(By.ID, "filter").send_keys("LINKEDIN")

    [(count, of)] = page.sql("SELECT count(*) FILTER (campaign ILIKE '%linkedin%'), count(*) FROM campaigns")
    assert count > 1
    assert len(page.table("campaigns")) == count
    assert page.browser.driver.find_element(By.ID, "shown").text == f"{count} of {of}"


def test_charts_show_the_days_that_are_chosen(page: Page) -> None:
    assert bars(page, "sent") == 30

    page.choose("days", 90)

    WebDriverWait(page.browser.driver, 10).until(lambda _: bars(page, "sent") == 90)
    assert bars(page, "replied") == 90
    page.assert_harmless()


def test_a_day_in_a_chart_tells_its_figures(page: Page) -> None:
    [(last, sent, mean)] = page.sql(
        """
        SELECT max(date), sum(emails_sent) FILTER (date = (SELECT max(date) FROM campaign_analytics_daily)),
               sum(emails_sent) FILTER (date > (SELECT max(date) FROM campaign_analytics_daily) - 7) / 7
        FROM campaign_analytics_daily
        """
    )
    days = page.browser.driver.find_elements(By.CSS_SELECTOR, "#chart-sent .mark-rect.layer_2_marks path")
    page.browser.run("arguments[0].scrollIntoView({block: 'center'})", days[-1])

    ActionChains(page.browser.driver).move_to_element(days[-1]).perform()

    tooltip = page.browser.driver.find_element(By.ID, "vg-tooltip-element")
    WebDriverWait(page.browser.driver, 10).until(lambda _: tooltip.is_displayed())
    told = tooltip.text
    assert f"{last:%b %Y}" in told
    assert re.search(rf"E-mails sent\s+{sent:,}\s", told)
    assert f"{mean:,.1f}" in told
    beside = page.browser.run(
        "const one = arguments[0].getBoundingClientRect(), other = arguments[1].getBoundingClientRect();"
        "return Math.abs(one.top - other.bottom) < 400 && one.left > 0 && one.right <= innerWidth",
        tooltip,
        days[-1],
    )
    assert beside
    page.assert_harmless()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_can_be_read_on_a_phone_and_in_both_themes(page: Page, theme: Theme) -> None:
    for size in (DESKTOP, PHONE):
        page.browser.show(*size, theme)
        page.browser.open(page.file)
        page.assert_fits()
        assert contrasts(page) >= 4.5
        page.keep(f"{'phone' if size == PHONE else 'desktop'}-{theme}")
    page.assert_harmless()


def test_what_a_figure_means_opens_by_the_keyboard_and_stays_on_the_screen(page: Page) -> None:
    page.browser.show(*PHONE)
    meaning = page.browser.driver.find_element(By.ID, "about-reply_rate")
    assert not meaning.is_displayed()

    page.browser.driver.find_element(By.CSS_SELECTOR, "[popovertarget=about-reply_rate]").send_keys(Keys.ENTER)

    assert meaning.is_displayed()
    assert "of the people contacted by e-mail" in meaning.text
    assert "counts once" in meaning.text
    box = page.browser.run("const {left, right} = arguments[0].getBoundingClientRect(); return [left, right]", meaning)
    assert 0 <= box[0] < box[1] <= PHONE[0]
    ActionChains(page.browser.driver).send_keys(Keys.ESCAPE).perform()
    assert not meaning.is_displayed()


def test_the_policy_lets_nothing_in_or_out(page: Page) -> None:
    policy = page.browser.run("return document.querySelector('meta[http-equiv=Content-Security-Policy]').content")

    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert page.browser.run("return document.querySelectorAll('script[src], link[href^=http], img').length") == 0
    page.assert_harmless()


def test_an_account_without_campaigns(chromium: Browser, tmp_path: Path) -> None:
    page = made(chromium, tmp_path)

    text = chromium.driver.find_element(By.TAG_NAME, "body").text
    assert "No campaigns yet" in text
    assert chromium.driver.find_elements(By.CSS_SELECTOR, "table, .chart") == []
    page.assert_harmless()


def test_one_campaign_that_never_began(chromium: Browser, tmp_path: Path) -> None:
    page = made(chromium, tmp_path, snov__campaign_performance=[campaign(1, "Only one")])

    [row] = page.table("campaigns")
    assert (row["campaign"], row["emails_sent"], row["reply_rate"]) == ("Only one", "0", NOTHING)
    assert page.figure("reply_rate")[0] == NOTHING
    assert "1 campaign\n" in chromium.driver.find_element(By.TAG_NAME, "header").text
    page.assert_harmless()


def test_names_are_only_text(chromium: Browser, tmp_path: Path) -> None:
    began = {"status": PLANTED, "emails_sent": 9, "bounce_rate": 0.0, "last_activity_on": YESTERDAY}
    reply = {"replied_at": YESTERDAY, "reply_type": PLANTED, "subject": PLANTED}
    page = made(
        chromium,
        tmp_path,
        snov__campaign_performance=[campaign(number, name, **began) for number, name in enumerate(HOSTILE)],
        snov__campaign_daily=[
            day(number, name, YESTERDAY - timedelta(days=ago), emails_sent=1)
            for number, name in enumerate(HOSTILE)
            for ago in (0, 5)
        ],
        snov__sender_health=[
            {"sender_email_id": number, "sender": name, "warm_up_status": name} for number, name in enumerate(HOSTILE)
        ],
        snov__reply_feed=[
            {"position": number, "prospect_name": name, "campaign": name, "contact": name, "message": 9 * name, **reply}
            for number, name in enumerate(HOSTILE, start=1)
        ],
        snov__attention=[
            {"about": "campaign", "id": number, "name": name, "problem": name or "none", "urgency": 1}
            for number, name in enumerate(HOSTILE)
        ],
    )

    written = page.browser.run("return [...document.querySelectorAll('tbody th')].map((cell) => cell.textContent)")
    assert sorted(written) == sorted(2 * [name or NOTHING for name in HOSTILE])
    assert page.sort("campaigns", "campaign") == "ascending"
    for number, name in enumerate(HOSTILE):
        page.browser.run("location.hash = arguments[0]", f"#campaign-{number}")
        WebDriverWait(page.browser.driver, 10).until(
            lambda driver, name=name: (
                driver.find_element(By.ID, "campaign-name").get_property("textContent") == (name or NOTHING)
            )
        )
        page.assert_fits()
        assert chromium.driver.find_element(By.ID, "campaign").size["height"] < 150
    page.browser.run("location.hash = '#all-campaigns'")
    for size in (DESKTOP, PHONE):
        page.browser.show(*size)
        page.assert_fits()
        page.keep(f"names-{size[0]}")
    page.assert_harmless()


def test_campaigns_are_chosen_by_client_where_some_have_one(chromium: Browser, tmp_path: Path) -> None:
    clients = ("Muster AG", "<b>Globex</b>", None)
    figures = {"status": "Active", "last_activity_on": YESTERDAY}
    page = made(
        chromium,
        tmp_path,
        snov__campaign_performance=[
            campaign(number, f"Campaign {number}", client=clients[number % 3], emails_sent=10**number, **figures)
            for number in range(6)
        ],
    )
    choice = Select(page.browser.driver.find_element(By.NAME, "client"))

    assert [option.text for option in choice.options] == ["Any client", "<b>Globex</b>", "Muster AG"]
    for client, shown, sent in (("Muster AG", "2 of 6", "1,001"), ("<b>Globex</b>", "2 of 6", "10,010")):
        page.browser.driver.find_element(By.NAME, "client").send_keys(client, Keys.ENTER)
        assert page.browser.driver.find_element(By.ID, "shown").text == shown
        assert page.browser.run("return document.querySelector('[data-name=emails_sent] .value').textContent") == sent
    page.assert_harmless()


def test_500_campaigns(chromium: Browser, tmp_path: Path) -> None:
    figures = {"status": "Active", "people_contacted": 60, "bounce_rate": 0.0123, "open_rate": 0.4567, "progress": 43}
    page = made(
        chromium,
        tmp_path,
        snov__campaign_performance=[
            campaign(number, f"Campaign {number}, {'of a customer ' * 3}", emails_sent=number * 7 % 500, **figures)
            for number in range(500)
        ],
        snov__campaign_daily=[
            day(1, "Campaign", YESTERDAY - timedelta(days=ago), emails_sent=ago) for ago in range(400)
        ],
    )

    assert page.file.stat().st_size < MAX_BYTES
    assert page.sort("campaigns", "emails_sent") == "ascending"
    assert page.column("campaigns", "emails_sent") == [f"{number:,}" for number in range(500)]
    page.sort("campaigns", "campaign")
    assert page.column("campaigns", "campaign")[9].startswith("Campaign 9,")
    page.browser.show(*PHONE)
    page.assert_fits()
    page.assert_harmless()


def test_more_than_120_days_are_shown_by_weeks_from_zero(chromium: Browser, tmp_path: Path) -> None:
    days = [YESTERDAY - timedelta(days=ago) for ago in range(400)]
    page = made(
        chromium,
        tmp_path,
        snov__campaign_performance=[campaign(1, "Long", status="Active", emails_sent=400)],
        snov__campaign_daily=[day(1, "Long", when, emails_sent=1, people_opened=1) for when in days],
    )
    assert bars(page, "sent") == 30

    page.choose("days", 365)

    WebDriverWait(page.browser.driver, 10).until(lambda _: bars(page, "sent") == 0)
    shown = {when - timedelta(days=when.weekday()) for when in days[:365]}
    assert bars(page, "sent", layer=3) == len(shown)
    page.open_numbers("sent")
    told = page.numbers("sent")
    assert len(told) == len(shown)
    assert sum(int(days) for _, _, days in told) >= 365
    heights = page.browser.run(
        "return [...document.querySelectorAll('#chart-sent .mark-rect.layer_3_marks path')]"
        ".map((bar) => bar.getBoundingClientRect().height)"
    )
    # A whole week's e-mails, above the axis.
    assert max(heights) > 50
    ticks = page.browser.run(
        "return [...document.querySelectorAll('#chart-sent .role-axis-label text')].map((text) => text.textContent)"
    )
    assert "0" in ticks
    assert not [tick for tick in ticks if tick.startswith(("-", "\N{MINUS SIGN}"))]
    page.assert_harmless()


def test_columns_of_senders_that_nothing_fills_are_left_out_and_their_streams_named(
    chromium: Browser, tmp_path: Path
) -> None:
    figures = {"figures_are_from_events": True, "emails_sent": 9, "bounced": 0, "people_contacted": 5}
    page = made(
        chromium,
        tmp_path,
        snov__campaign_performance=[campaign(1, "One")],
        snov__sender_health=[{"sender_email_id": 1, "sender": "a@example.com", **figures}],
    )

    [row] = page.table("senders")
    assert set(row) == {"sender", "state", "emails_sent", "people_contacted"}
    text = chromium.driver.find_element(By.TAG_NAME, "main").text
    assert "More columns appear once these streams are synced: warm_ups, warm_up_daily_statistics." in text
    assert "counted from what happened to recipients" in text


def test_an_account_that_has_been_silent_for_months(chromium: Browser, tmp_path: Path) -> None:
    page = made(
        chromium,
        tmp_path,
        snov__campaign_performance=[campaign(1, "Long ago", status="Completed", emails_sent=5)],
        snov__campaign_daily=[
            day(1, "Long ago", YESTERDAY - timedelta(days=ago), emails_sent_7d=5 * (ago > 150)) for ago in range(200)
        ],
    )

    assert bars(page, "sent") == 30
    page.assert_harmless()


def test_make_report_without_a_database_says_where_one_comes_from(tmp_path: Path) -> None:
    database = tmp_path / "none.duckdb"
    done = subprocess.run(
        ["make", "--no-print-directory", "report", f"DATABASE={database}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode
    assert f"There is no {database}. Load it first: make sync" in done.stderr
    assert not database.exists()


def test_says_what_to_run_when_something_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database, page = tmp_path / "some.duckdb", tmp_path / "page.html"

    def said() -> str:
        assert main(["--database", str(database), "--output", str(page)]) == 1
        assert not page.exists()
        output = capsys.readouterr()
        assert output.out == ""
        return output.err

    assert "`make demo`" in said()

    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE campaigns (id BIGINT)")
    assert "no table snov_marts.snov__campaign_performance" in (told := said())
    assert "`.venv/bin/dbt build --project-dir warehouse/dbt_snov --profiles-dir warehouse/dbt_snov`" in told

    database.unlink()
    marts(database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("ALTER TABLE snov_marts.snov__reply_feed DROP COLUMN message")
    assert "snov_marts.snov__reply_feed lacks message" in said()

    database.write_text("This is no database.")
    assert "cannot be read" in said()


def rate(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1%}"


def number(text: str) -> float:
    """The number in a cell; an empty one is less than any number."""
    return -1 if text == NOTHING else float(text.replace(",", "").rstrip("%"))


def bars(page: Page, chart: str, layer: int = 0) -> int:
    bars = f"#chart-{chart} .mark-rect.layer_{layer}_marks path"
    return len(page.browser.driver.find_elements(By.CSS_SELECTOR, bars))


def contrasts(page: Page) -> float:
    """The lowest contrast of any text, in the charts and outside, with its background (WCAG 2 ratio)."""
    pairs = page.browser.run(
        """
        const texts = document.querySelectorAll(
          "h1, .soft, .badge, .note, .figure .label, tbody th, tbody td, thead button, .chart svg text");
        return [...texts].map((text) => {
          const style = getComputedStyle(text);
          let ground = text;
          while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") ground = ground.parentElement;
          return [text instanceof SVGElement ? style.fill : style.color, getComputedStyle(ground).backgroundColor];
        });
        """
    )
    assert len(pairs) > 100
    return min(contrast(*(luminance(colour) for colour in pair)) for pair in {tuple(pair) for pair in pairs})


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
