"""Files that no command can use: each ends with a reason, in the protocol's words, and quotes nothing of the file."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fault_tests._prepared import prepare_once
from fault_tests._running import Said, assert_explained, run, write
from sandbox import seeds
from sandbox.running import Sandbox
from unit_tests._daily import ago
from unit_tests._helpers import CAMPAIGN, Api, config
from unit_tests._streams import UNLIMITED

SECRET = "s3cret+/=%&\"'ü\\x"
CAMPAIGNS = {"stream": {"name": "campaigns", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}}
CHOSEN = CAMPAIGNS | {"sync_mode": "full_refresh", "destination_sync_mode": "append"}


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        prepare_once(patch)
        yield


def process(*arguments: str) -> tuple[int, Said, str]:
    """Exit code, what it said, and stderr of the connector as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "source_snov", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, Said(done.stdout.splitlines(), None), done.stderr


def commands(folder: Path, configuration: str) -> dict[str, list[str]]:
    catalog = write(folder / "catalog.json", {"streams": [CHOSEN]})
    return {
        "check": ["check", "--config", configuration],
        "discover": ["discover", "--config", configuration],
        "read": ["read", "--config", configuration, "--catalog", catalog],
    }


def the_reason(said: Said) -> str:
    """The message of the one error, which is the user's to mend."""
    assert_explained(said)
    [error] = said.errors
    assert error["failure_type"] == "config_error"
    assert "Traceback (most recent call last)" not in error["message"]
    return str(error["message"])


# Configurations ------------------------------------------------------------------------------------------------------

GOOD = json.dumps(config(client_secret=SECRET))
FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\n ", "is empty"),
    "list": (json.dumps([SECRET]).encode(), "must hold a JSON object, and holds a list"),
    "number": (b"5", "must hold a JSON object, and holds a number"),
    "null": (b"null", "must hold a JSON object, and holds null"),
    "text": (json.dumps(SECRET).encode(), "must hold a JSON object, and holds text"),
    "a comma too many": (
        GOOD.replace("}", ",}").encode(),
        "is not JSON: it breaks off or goes wrong in line 1, column",
    ),
    "cut": (GOOD[:-30].encode(), "is not JSON: it breaks off or goes wrong in line 1, column"),
    "a bad escape in the secret": (
        b'{"client_secret": "s3cret\\q"}',
        "is not JSON: it breaks off or goes wrong in line",
    ),
    "a line break in the secret": (b'{"client_secret": "s3cret\n+/"}', "is not JSON: it breaks off or goes wrong in"),
    "single quotes": (
        f"{{'client_secret': '{SECRET}'}}".encode(),
        "is not JSON: it breaks off or goes wrong in line 1",
    ),
    "the secret alone": (SECRET.encode(), "is not JSON: it breaks off or goes wrong in line 1, column 1"),
    "NaN": (b'{"client_secret": "s3cret+/=", "num_workers": NaN}', "is not JSON: it has numbers that are none"),
    "a number of 5,000 digits": (b'{"num_workers": ' + b"9" * 5000 + b"}", "is not JSON: it has numbers that are none"),
    "nested 100,000 levels": (b"[" * 100_000, "nested too deeply"),
    "nested in a field": (b'{"client_id": ' + b'{"a":' * 90_000 + b"1" + b"}" * 90_001, "nested too deeply"),
    "Latin-1": ('{"client_secret": "s3crét"}'.encode("latin-1"), "is not UTF-8 text (byte 24)"),
    "UTF-16": (GOOD.encode("utf-16"), "is not UTF-8 text (byte 1)"),
    "10 MB": (json.dumps({"client_secret": "s3cret+/" * 1_250_000}).encode(), "has more than 1,000,000 bytes"),
    "10 MB of blanks": (b" " * 10_000_000 + b"{}", "has more than 1,000,000 bytes"),
    "the secret twice": (b'{"client_secret": "s3cret+/", "client_secret": "s3cret+/2"}', "has client_secret twice"),
    "a name twice that is a secret": (b'{"s3cret+/": 1, "s3cret+/": 2}', "has a name twice"),
}


@pytest.mark.parametrize("command", ["check", "discover", "read"])
@pytest.mark.parametrize(("content", "reason"), FILES.values(), ids=FILES)
def test_a_configuration_that_cannot_be_read_is_named_with_the_reason(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, content: bytes, reason: str
) -> None:
    path = write(tmp_path / "config.json", content)
    said = run(commands(tmp_path, path)[command])
    message = the_reason(said)
    assert message.startswith(f"The configuration {path} ")
    assert reason in message
    assert said.raised, "the exit code is not zero"
    assert "s3cr" not in "\n".join(said.lines) + "".join(capfd.readouterr())


@pytest.mark.parametrize("command", ["check", "discover", "read"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "cannot be read: No such file or directory"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
    ],
    ids=["missing", "a folder"],
)
def test_a_configuration_that_is_no_file_is_named(
    tmp_path: Path, command: str, make: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "config.json"
    make(path)
    message = the_reason(run(commands(tmp_path, str(path))[command]))
    assert message == f"The configuration {path} {reason}. Name a file that this user may read with --config."


def test_a_configuration_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: Any) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "config.json", config())
    monkeypatch.setattr("source_snov.files.open", forbidden, raising=False)  # root may read everything
    assert "cannot be read: Permission denied." in the_reason(run(["discover", "--config", path]))


@pytest.mark.parametrize(
    ("command", "file"), [("check", "a bad escape in the secret"), ("discover", "the secret twice"), ("read", "10 MB")]
)
def test_the_process_says_so_too_and_exits_with_a_code(tmp_path: Path, command: str, file: str) -> None:
    content, reason = FILES[file]
    code, said, stderr = process(*commands(tmp_path, write(tmp_path / "config.json", content))[command])
    assert code != 0
    assert reason in the_reason(said)
    assert stderr == ""
    assert "s3cr" not in "\n".join(said.lines)


def test_a_byte_order_mark_and_unknown_fields_do_no_harm(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN)
    unknown = {"client_secert": "typo", "_limit": "x", "__injected_components_py": "import os", "": None, "x": {"y": 1}}
    path = write(tmp_path / "config.json", b"\xef\xbb\xbf" + json.dumps(config(**unknown)).encode())
    said = run(["check", "--config", path])
    assert [status["status"] for status in said.of("CONNECTION_STATUS")] == ["SUCCEEDED"]


WRONG: dict[str, tuple[Any, str]] = {
    "client_id": (5, "client_id must be text, and is a number"),
    "client_secret": ({"client_secret": SECRET}, "client_secret must be text, and is an object"),
    "start_date": (20260101, "start_date must be text, and is a number"),
    "end_date": (None, "end_date must be text, and is null"),
    "lookback_days": ("14", "lookback_days must be a whole number, and is text"),
    "campaign_ids": ("910001", "campaign_ids must be a list, and is text"),
    "campaign_owners": ([SECRET], "entry 1 of campaign_owners must have the form"),
    "sender_email_ids": ([1, SECRET], "entry 2 of sender_email_ids must be a whole number, and is text"),
    "sender_linkedin_ids": ([7, 7], "sender_linkedin_ids holds something twice"),
    "requests_per_minute": (1.5, "requests_per_minute must be a whole number, and is a number"),
    "num_workers": (True, "num_workers must be a whole number, and is a truth value"),
    "api_url": ([SECRET], "api_url must be text, and is a list"),
}


def test_each_field_of_the_specification_has_a_wrong_value_here() -> None:
    [spec] = run(["spec"]).of("SPEC")
    assert set(spec["connectionSpecification"]["properties"]) == set(WRONG)


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_type_is_named_by_its_field_and_quoted_by_no_command(api: Api, tmp_path: Path, field: str) -> None:
    value, reason = WRONG[field]
    path = write(tmp_path / "config.json", config(client_secret=SECRET) | {field: value})
    for command, arguments in commands(tmp_path, path).items():
        said = run(arguments)
        assert the_reason(said).startswith("Config validation error: ")
        assert reason in the_reason(said)
        assert "s3cret" not in "\n".join(said.lines)
        # For `check`, a configuration that is wrong is an answer, and not a failure.
        assert bool(said.raised) is (command != "check")
        statuses = [status["status"] for status in said.of("CONNECTION_STATUS")]
        assert statuses == (["FAILED"] if command == "check" else [])
    assert api.count() == 0


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_a_field_that_must_be_given_is_named(api: Api, tmp_path: Path, missing: str) -> None:
    without = {name: value for name, value in config().items() if name != missing}
    said = run(["check", "--config", write(tmp_path / "config.json", without)])
    assert f"Config validation error: {missing} must be given" in the_reason(said)


def test_every_problem_of_a_configuration_is_named_up_to_five(api: Api, tmp_path: Path) -> None:
    wrong = {field: value for field, (value, _) in WRONG.items()}
    message = the_reason(run(["check", "--config", write(tmp_path / "config.json", wrong)]))
    assert message.count(";") == 4
    assert "and 7 more. Correct this and try again." in message


@pytest.mark.parametrize("secret", ["e", '"', "type", "****", "1234567"])
def test_a_secret_too_short_to_be_masked_is_refused_in_whole_words(api: Api, tmp_path: Path, secret: str) -> None:
    path = write(tmp_path / "config.json", config(client_secret=secret))
    for command, arguments in commands(tmp_path, path).items():
        reason = "Config validation error: client_secret must have at least 8 characters. Correct this and try again."
        assert the_reason(run(arguments)) == reason
        if command == "read" and secret == '"':
            code, said, _ = process(*arguments)
            assert (code, the_reason(said)) == (1, reason)


@pytest.mark.parametrize("field", ["client_id", "client_secret", "api_url"])
def test_half_a_character_is_refused(api: Api, tmp_path: Path, field: str) -> None:
    path = write(tmp_path / "config.json", config(**{field: "https://\ud800.example"}))
    assert f"{field} holds half a character" in the_reason(run(["check", "--config", path]))


def test_a_whole_number_may_be_written_with_a_point(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001)
    whole = config(num_workers=4.0, requests_per_minute=55.0, lookback_days=3.0, campaign_ids=[910001.0])
    catalog = {"streams": [{**CHOSEN, "stream": {**CAMPAIGNS["stream"], "name": "campaign_progress"}}]}
    arguments = ["read", "--config", write(tmp_path / "config.json", whole)]
    said = run([*arguments, "--catalog", write(tmp_path / "catalog.json", catalog)])
    assert len(said.records("campaign_progress")) == 1


# Catalogs ------------------------------------------------------------------------------------------------------------

CATALOGS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "malformed": (b'{"streams": [s3cret]}', "is not JSON: it breaks off or goes wrong in line 1, column 14"),
    "not UTF-8": (b'{"streams": ["\xff"]}', "is not UTF-8 text"),
    "list": (b"[]", "is not a configured catalog of Airbyte"),
    "null": (b"null", "is not a configured catalog of Airbyte"),
    "without streams": (b'{"catalog": "s3cret"}', "is not a configured catalog of Airbyte"),
    "streams by name": (b'{"streams": ["s3cret"]}', "is not a configured catalog of Airbyte (at streams/0)"),
    "the discovered one": (json.dumps({"streams": [CAMPAIGNS["stream"]]}).encode(), "is not a configured catalog"),
    "unknown mode": (json.dumps({"streams": [CHOSEN | {"sync_mode": "s3cret"}]}).encode(), "(at streams/0/sync_mode)"),
    "nested too deeply": (b"[" * 100_000, "nested too deeply"),
    "no stream": (b'{"streams": []}', "selects no stream"),
    "a stream twice": (json.dumps({"streams": [CHOSEN, CHOSEN]}).encode(), "selects campaigns more than once"),
}


@pytest.mark.parametrize(("content", "reason"), CATALOGS.values(), ids=CATALOGS)
def test_a_catalog_that_cannot_be_used_is_named_with_the_reason(
    api: Api, tmp_path: Path, content: bytes, reason: str
) -> None:
    path = write(tmp_path / "catalog.json", content)
    said = run(["read", "--config", write(tmp_path / "config.json", config()), "--catalog", path])
    message = the_reason(said)
    assert message.startswith(f"The catalog {path} ")
    assert reason in message
    assert said.raised
    assert "s3cret" not in "\n".join(said.lines)


def test_a_stream_that_there_is_not_is_named_and_the_others_are_read(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN)
    unknown = CHOSEN | {"stream": {**CAMPAIGNS["stream"], "name": "campaign"}}
    catalog = write(tmp_path / "catalog.json", {"streams": [unknown, CHOSEN]})
    said = run(["read", "--config", write(tmp_path / "config.json", config()), "--catalog", catalog])
    assert len(said.records("campaigns")) == 1
    assert the_reason(said).startswith("There is no stream campaign: the catalog is of another version")
    assert said.raised


# States --------------------------------------------------------------------------------------------------------------


def daily_state(state: Any, stream: str = "campaign_analytics_daily") -> dict[str, Any]:
    return {"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": state}}


STATES: dict[str, tuple[Any, str]] = {
    "empty": (b"", "is empty"),
    "malformed": (b"[{", "is not JSON"),
    "not UTF-8": (b'["\xff"]', "is not UTF-8 text"),
    "by stream, as long ago": ({"campaigns": {"updated_at": "2026-01-01"}}, "state messages: it is an object"),
    "text": ("2026-01-01", "state messages: it is text"),
    "number": (5, "state messages: it is a number"),
    "list of texts": (["s3cret"], "state messages: entry 1 is none"),
    "without content": ([{"type": "STREAM"}], "entry 1 has neither stream nor global nor data"),
    "a stream without a name": ([{"type": "STREAM", "stream": {"stream_state": {}}}], "entry 1 is none"),
    "a stream's state as a list": ([daily_state([1])], "entry 1 is none"),
    "the second is wrong": ([daily_state({}), daily_state("s3cret")], "entry 2 is none"),
    "nested too deeply": (b"[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize(("content", "reason"), STATES.values(), ids=STATES)
def test_a_state_that_cannot_be_used_is_named_with_the_reason(
    api: Api, tmp_path: Path, content: Any, reason: str
) -> None:
    path = write(tmp_path / "state.json", content)
    arguments = commands(tmp_path, write(tmp_path / "config.json", config()))["read"]
    said = run([*arguments, "--state", path])
    message = the_reason(said)
    assert message.startswith(f"The state {path} ")
    assert reason in message
    assert said.raised
    assert "s3cret" not in "\n".join(said.lines)


DAYS = {"since": "2026-01-01", "until": str(ago(1))}
HARMLESS: dict[str, Any] = {
    "an empty list": [],
    "an empty object": {},
    "null": None,
    "of another stream": [daily_state({"campaigns": {"1": DAYS}}, "email_opens")],
    "of a stream that there is not": [daily_state({"cursor": 1}, "prospects")],
    "null for the stream": [daily_state(None)],
    "another connector's": [daily_state({"updated_at": "2026-01-01", "states": [{"partition": {}, "cursor": {}}]})],
    "wrong types": [daily_state({"campaigns": [1, 2]})],
    "campaigns of wrong types": [daily_state({"campaigns": {"910001": 5, "x": DAYS, "": None, "9" * 400: DAYS}})],
    "days that are none": [daily_state({"campaigns": {"910001": {"since": "soon", "until": 5, "next": {}}}})],
    "legacy": [{"type": "LEGACY", "data": {"campaigns": {"cursor": 1}}}],
    "5,000 campaigns": [daily_state({"campaigns": {str(number): DAYS for number in range(1, 5_001)}})],
}


@pytest.mark.parametrize("content", HARMLESS.values(), ids=HARMLESS)
def test_a_state_that_says_nothing_reads_everything(tmp_path: Path, content: Any) -> None:
    with Sandbox(seeds.account_active_on([{ago(3)}]), UNLIMITED) as sandbox:
        daily = CHOSEN | {"stream": {**CAMPAIGNS["stream"], "name": "campaign_analytics_daily"}}
        daily["stream"] = {**daily["stream"], "supported_sync_modes": ["full_refresh", "incremental"]}
        catalog = write(tmp_path / "catalog.json", {"streams": [daily | {"sync_mode": "incremental"}]})
        arguments = ["read", "--config", write(tmp_path / "config.json", sandbox.config()), "--catalog", catalog]
        said = run([*arguments, "--state", write(tmp_path / "state.json", content)])
    assert not said.errors
    assert len(said.records("campaign_analytics_daily")) == 4
    last = said.of("STATE")[-1]["stream"]["stream_state"]
    assert list(last["campaigns"]) == ["910001"]
