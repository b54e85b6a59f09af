"""`make verify` reports the sandbox's reading of the API correctly, and nothing about people."""

from __future__ import annotations

import ast
import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import CLIENT_ID, CLIENT_SECRET, UNLIMITED, Settings
from sandbox.tests._client import TODAY, ManualClock
from sandbox.world.seeds import demo_account, empty_account
from unit_tests._names import STREAMS, TOKEN_PATH
from unit_tests._paths import ROOT
from unit_tests._streams import REPORTS
from verify.__main__ import MAX_REQUESTS, POINTS, main, verify
from verify.account import Account
from verify.client import Client
from verify.report import WIDTH, as_json, table

ACCOUNT = demo_account(today=TODAY)
FAST = 600_000
NOT_ASKED = "wrong-secret"
READING_POSTS = {TOKEN_PATH, "/v1/prospect-list"}


class Verification:
    """A run of `verify` against a sandbox with these settings."""

    def __init__(self, planted: Sequence[faults.Fault] = (), most: int = MAX_REQUESTS, **settings: Any) -> None:
        self.clock = ManualClock()
        settings = {"requests_per_minute": None, "clock": self.clock} | settings
        pace = settings.pop("pace", FAST)
        with Sandbox(ACCOUNT, Settings(**settings)) as sandbox:
            for fault in planted:
                sandbox.add_fault(fault)
            self.client = Client(sandbox.url, CLIENT_ID, CLIENT_SECRET, most, pace, self.clock.sleep, self.clock)
            self.account = Account(self.client, TODAY)
            self.findings = verify(self.account)
            self.requests = sandbox.requests
            self.most_in_a_minute = sandbox.max_in_any_minute()

    def those_that(self, verdict: str) -> set[str]:
        return {one.point.id for one in self.findings if one.seen.verdict == verdict}

    def seen(self, point: str) -> str:
        [text] = [one.seen.text for one in self.findings if one.point.id == point]
        return text

    @property
    def table(self) -> str:
        return table(self.findings, self.client)


@pytest.fixture(scope="module")
def usual() -> Verification:
    return Verification()


def test_with_the_documented_reading_every_point_holds(usual: Verification) -> None:
    assert usual.those_that("differs") == set()
    assert usual.those_that("could not tell") == {NOT_ASKED}


def test_it_makes_at_most_so_many_requests_and_all_of_them_read(usual: Verification) -> None:
    assert len(usual.requests) == usual.client.made <= MAX_REQUESTS
    assert {(record.method, record.path) for record in usual.requests if record.method != "GET"} == {
        ("POST", path) for path in READING_POSTS
    }


def test_the_shape_of_each_stream_is_checked(usual: Verification) -> None:
    # Reports and sender_analytics have the rows of campaign_analytics.
    assert set(usual.account.fields) == set(STREAMS) - {*REPORTS, "sender_analytics"}
    assert usual.account.fields["campaigns"]["started_at"] == {"integer": 39, "null": 9}


def test_the_table_fits_120_columns(usual: Verification) -> None:
    assert max(map(len, usual.table.splitlines())) <= WIDTH == 120


SHAPES_WITH_NUMBERS = {
    f"shape-{name}"
    for name in (
        *(
            "campaigns",
            "campaign-recipients-activity",
            "campaign-replies",
            "emails-sent",
            "email-opens",
            "email-clicks",
        ),
        *("email-replies", "finished-prospects", "campaign-settings", "sender-email-accounts", "prospect-lists"),
        *("list-prospects", "account-balance"),
    )
}
OFFSETS = {"activity-offset", "activity-pages", "emails-page", "emails-offset", "replies-pages"}
PAGED = OFFSETS | {"prospects-pages", "warm-up-pages"}
UNKNOWN = {"analytics-unknown-id", "unknown-analytics"}
SWITCHES: list[tuple[dict[str, Any], set[str]]] = [
    ({"invalidate_old_tokens": True}, {"old-token"}),
    *(({"unknown_ids": way}, UNKNOWN) for way in ("not_found", "unprocessable", "bad_request", "error_in_200")),
    ({"last_day_left_out": frozenset({"analytics"})}, {"analytics-last-day"}),
    ({"last_day_left_out": frozenset({"activity"})}, {"activity-last-day"}),
    ({"last_day_left_out": frozenset({"warm_up"})}, {"warm-up-last-day"}),
    ({"future_days_refused": True}, {"analytics-tomorrow", "activity-tomorrow"}),
    ({"most_days": 31}, {"analytics-long-period", "numbers-of-replies"}),
    *(({"too_large": 400, "too_large_status": status}, {"analytics-long-period"}) for status in (504, 413, 400)),
    ({"first_id_only": True}, {"analytics-several-ids"}),
    ({"started_again": 20}, {"analytics-before-start", "analytics-long-period", "numbers-of-replies"}),
    ({"several_ids_empty": True}, {"analytics-several-ids", "analytics-unknown-id"}),
    ({"senders_ignored": True}, {"analytics-senders"}),
    *(({"day_offset_hours": hours}, {"analytics-zone"}) for hours in (2, -7)),
    ({"distinct_across_campaigns": False}, {"analytics-people-of-several-ids"}),
    ({"silent_events": True}, {"analytics-agree-with-events", "numbers-of-replies"}),
    *(
        ({"time_form": form}, {"times"})
        for form in ("text", "iso", "milliseconds", "php_zone", "php_offset", "php_abbreviation")
    ),
    ({"time_form": "zero_date"}, {"times", "shape-campaigns"}),
    ({"short_pages": 20}, {"activity-limit", "emails-page", "prospects-pages"}),
    ({"short_pages": 5}, {"activity-limit", "emails-page", "prospects-pages", "warm-up-pages"}),
    ({"has_more_wrong": True}, {"activity-has-more"}),
    ({"limit_ignored": True}, {"activity-limit"}),
    ({"offset_ignored": True}, PAGED),
    ({"unstable_ids": True}, {"emails-ids"}),
    ({"moving": "reordered"}, {"replies-pages", "replies-twice"}),
    ({"dates_ignored": True}, {"activity-dates"}),
    ({"numbers": True}, SHAPES_WITH_NUMBERS),
    ({"event_page": 50}, {"emails-page"}),
    ({"nested_replies": True}, {"emails-replies-form"}),
]


@pytest.mark.long
@pytest.mark.parametrize(("settings", "differing"), [pytest.param(*each, id=str(each[0])) for each in SWITCHES])
def test_each_switch_of_the_sandbox_is_found_and_nothing_else(settings: dict[str, Any], differing: set[str]) -> None:
    assert Verification(**settings).those_that("differs") == differing


@pytest.mark.parametrize("way", ["deleted", "added"])
def test_rows_that_move_between_pages_are_found(way: str) -> None:
    found = Verification(moving=way).those_that("differs")

    assert {"activity-pages", "activity-twice", "replies-twice"} <= found
    assert not found & {"analytics-last-day", "analytics-zone", "activity-last-day", "activity-limit"}


@pytest.mark.parametrize("offset_ignored", [False, True])
def test_values_that_change_with_every_read_are_named(offset_ignored: bool) -> None:
    run = Verification(volatile_rows=True, offset_ignored=offset_ignored)
    found = run.those_that("differs")

    assert run.seen("activity-twice") == "348 events, then 348; different values in requestId"
    assert run.seen("shape-campaigns") == "200, 48 rows, 9 fields; new: requestId"
    assert {one for one in found if not one.startswith("shape-")} == {"activity-twice"} | (
        PAGED if offset_ignored else set()
    )


def test_the_zone_of_days_is_named() -> None:
    assert Verification(day_offset_hours=-7).seen("analytics-zone").endswith("days fit UTC-7")


def test_the_page_size_of_replies_is_reported() -> None:
    assert Verification(reply_page=5).seen("replies-pages") == "pages of 5 rows"


@pytest.mark.parametrize("prefixes", ["unavailable", "absent"])
def test_resources_missing_from_the_plan_are_not_differences(prefixes: str) -> None:
    run = Verification(**{prefixes: frozenset({"/v2/warm-up", "/v2/webhooks"})})
    status = "403" if prefixes == "unavailable" else "404"

    assert run.those_that("differs") == set()
    assert status in run.seen("shape-webhooks")
    assert run.those_that("could not tell") == {
        NOT_ASKED,
        "shape-webhooks",
        "shape-warm-ups",
        "shape-warm-up-daily-statistics",
        "shape-warm-up-provider-statistics",
        "warm-up-pages",
        "warm-up-last-day",
    }


# Pace and budget ------------------------------------------------------------------------------------------------------


def test_the_default_pace_gets_no_429() -> None:
    run = Verification(pace=55, requests_per_minute=60)

    assert run.most_in_a_minute <= 56
    assert "pace" in run.those_that("holds")


def test_a_429_is_waited_out_and_reported() -> None:
    run = Verification(requests_per_minute=60)

    assert run.those_that("differs") == {"pace"}
    assert re.fullmatch(r"429 to \d+ of \d+ requests, 0 with Retry-After", run.seen("pace"))
    assert run.clock.now >= 1_060


def test_retry_after_of_a_429_is_respected() -> None:
    run = Verification(requests_per_minute=60, retry_after=61)

    assert run.those_that("differs") == {"pace"}
    assert re.fullmatch(r"429 to 1 of \d+ requests, 1 with Retry-After", run.seen("pace"))
    assert 1_061 <= run.clock.now < 1_065


@pytest.mark.parametrize("status", [200, 206, 302, 403, 404])
def test_a_page_of_a_firewall_is_not_taken_for_the_api(status: int) -> None:
    run = Verification([faults.Fault("answer", "/v2/webhooks", status=status, body="<html>blocked</html>")])

    assert run.those_that("differs") == {"shape-webhooks"}
    assert run.seen("shape-webhooks") == f"{status}, not JSON"


def test_points_beyond_the_budget_say_so() -> None:
    run = Verification(most=20)
    reasons = {one.seen.text for one in run.findings if one.seen.verdict == "could not tell"}

    assert run.client.made == 20
    assert "the budget of 20 requests was used up" in reasons
    assert {"token", "bearer", "analytics-last-day", "activity-last-day"} <= run.those_that("holds")


# Strange responses ----------------------------------------------------------------------------------------------------


STRANGE: list[Callable[[str], faults.Fault]] = [
    lambda path: faults.Fault("answer", path, body="<html>no</html>", status=200),
    lambda path: faults.Fault("answer", path, body="<html>no</html>", status=502),
    lambda path: faults.Fault("answer", path, body={"data": {"a": [1, None, {}]}}),
    lambda path: faults.Fault("answer", path, body=[1, None, "text"]),
    lambda path: faults.Fault("answer", path, body=None),
]


@pytest.mark.parametrize(
    "path", ["/v1/emails|/v1/get-emails", "analytics", "activity", "/v2/", "list|schedules|balance"]
)
@pytest.mark.parametrize("strange", STRANGE)
def test_strange_responses_do_not_end_the_run(strange: Callable[[str], faults.Fault], path: str) -> None:
    run = Verification([strange(path)])

    assert len(run.findings) == len(POINTS) + 3
    assert run.those_that("differs") | run.those_that("could not tell") > {NOT_ASKED}


# Privacy --------------------------------------------------------------------------------------------------------------

MARK = "Zzyx"
KEPT = {"event_type", "replyType", "access_token", "token_type", "timezone"}
NO_ONES = re.compile(r"\d+%|\d{4}-\d{2}-\d{2}.*|\d+\.\d+")


def marked(value: Any, name: str = "") -> Any:
    """The value with a recognisable mark on each text that may be personal."""
    if isinstance(value, dict):
        return {_marked_name(key): marked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [marked(inner, name) for inner in value]
    if not isinstance(value, str) or name in KEPT or NO_ONES.fullmatch(value):
        return value
    return f"{MARK} {value}"


def _marked_name(name: str) -> str:
    return f"customField_{MARK}" if name.startswith("customField_") else name


@pytest.fixture
def everything_marked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Marks every text in every response. Collects the original bodies in the list."""
    ask = requests.Session.request
    bodies: list[Any] = []

    def asked(*arguments: Any, **named: Any) -> requests.Response:
        response = ask(*arguments, **named)
        bodies.append(response.json())
        response._content = json.dumps(marked(bodies[-1])).encode()
        return response

    monkeypatch.setattr(requests.Session, "request", asked)
    return bodies


def test_file_and_table_have_no_personal_data(everything_marked: list[Any]) -> None:
    # A fault that responds with people in unknown fields.
    echo = {f"{MARK} pat@example.com": f"{MARK} Pat", "errors": {f"{MARK}": [f"{MARK} pat@example.com"]}}
    run = Verification([faults.Fault("answer", "/v2/blacklists|progress", body=echo, status=404)])
    output = run.table + json.dumps(as_json(run.findings, run.account, "0"))
    ids = {str(row["id"]) for row in ACCOUNT.campaign_rows()} | {str(sender) for sender in ACCOUNT.email_senders}
    tokens = [body["access_token"] for body in everything_marked if "access_token" in body]

    assert len(run.those_that("holds")) > 60
    assert MARK.lower() not in output.lower()
    assert "@" not in output
    assert len(tokens) == 2
    for secret in (*ids, *tokens, CLIENT_ID, CLIENT_SECRET):
        assert secret not in output


def test_it_uses_only_the_schemas_and_the_masking_of_the_connector() -> None:
    imported = set()
    for path in (ROOT / "verify").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("source_snov"):
                imported.add(node.module)
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names if name.name.startswith("source_snov")}
    assert imported == {"source_snov.api.redaction"}


def test_the_documented_points_exist(usual: Verification) -> None:
    text = (ROOT / "docs/snov.md").read_text()
    _, _, section = text.partition("### What is not verified yet\n")
    brackets = re.findall(r"\(((?:`[a-z-]+`,?\s*)+)", section.partition("\n## ")[0])
    named = {name for text in brackets for name in re.findall(r"`([a-z-]+)`", text)}

    assert len(named) > 20
    assert named <= {one.point.id for one in usual.findings}


# The command ----------------------------------------------------------------------------------------------------------


def command(folder: Path, config: Mapping[str, Any] | str) -> int:
    path = folder / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    output = folder / "verify.json"
    return main(["--config", str(path), "--output", str(output), "--requests-per-minute", str(FAST)])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(ACCOUNT, UNLIMITED) as running:
        yield running


def test_the_command_prints_the_table_and_writes_the_file(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, sandbox.config()) == 0
    report = json.loads((tmp_path / "verify.json").read_text())
    printed = capsys.readouterr().out

    assert report["points"][0]["id"] == "token"
    assert {tuple(one) for one in report["points"]} == {("id", "asked", "seen", "assumed", "verdict", "follows")}
    assert all(one["asked"] and one["assumed"] for one in report["points"])
    assert all(one["id"] in printed for one in report["points"])
    assert report["requests"] == sum(report["statuses"].values())


def test_it_ends_with_0_and_the_next_step_if_something_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Sandbox(ACCOUNT, replace(UNLIMITED, invalidate_old_tokens=True)) as sandbox:
        assert command(tmp_path, sandbox.config()) == 0
    assert "next: do not run two syncs of one account at the same time" in capsys.readouterr().out


def test_it_ends_with_1_and_the_reason_if_it_cannot_run(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    cases: list[tuple[Mapping[str, Any] | str, str]] = [
        (sandbox.config(client_secret="wrong-secret"), "Copy the API User ID and the API Secret again"),
        (sandbox.config(api_url=nobody), "no response (ConnectionError). Check the network"),
        (sandbox.config(api_url="http://api.example.com"), "api_url must begin with https"),
        ({"client_id": "a"}, "must contain a JSON object with client_id and client_secret"),
        ('{"client_secret": "hush-hush"', "cannot be read as JSON (JSONDecodeError)"),
    ]
    for config, message in cases:
        assert command(tmp_path, config) == 1
        said = capsys.readouterr().err
        assert message in said
        assert "hush" not in said
    assert not (tmp_path / "verify.json").exists()


def test_an_account_without_campaigns_cannot_be_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Sandbox(empty_account(), UNLIMITED) as sandbox:
        assert command(tmp_path, sandbox.config()) == 1
    assert "lists no campaign that this API user can see" in capsys.readouterr().err


def test_a_wrong_secret_is_tried_only_on_request(sandbox: Sandbox) -> None:
    client = Client(sandbox.url, CLIENT_ID, CLIENT_SECRET, most=120, per_minute=FAST)
    [found] = [one for one in verify(Account(client), wrong_secret=True) if one.point.id == NOT_ASKED]

    assert client.made <= MAX_REQUESTS, "with one more point there are too few requests: raise MAX_REQUESTS"
    assert found.seen.verdict == "holds"
    assert found.seen.text == "401, an object with error, error_description, message"
