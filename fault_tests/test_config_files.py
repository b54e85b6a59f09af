"""Unusable files: each command ends with a reason, in the protocol's form, and never quotes the file."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fault_tests._running import Said, assert_explained, run, write
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from unit_tests._daily import ago
from unit_tests._helpers import CAMPAIGN, Api, config

SECRET = "s3cret+/=%&\"'ü\\x"
CAMPAIGNS = {"stream": {"name": "campaigns", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}}
CHOSEN = CAMPAIGNS | {"sync_mode": "full_refresh", "destination_sync_mode": "append"}


def process(*arguments: str) -> tuple[int, Said, str]:
    """Exit code, output and standard error of the connector as a process."""
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
    """The message of the only error, which is a config_error."""
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
    "list": (json.dumps([SECRET]).encode(), "must contain a JSON object, but contains a list"),
    "number": (b"5", "must contain a JSON object, but contains a number"),
    "null": (b"null", "must contain a JSON object, but contains null"),
    "text": (json.dumps(SECRET).encode(), "must contain a JSON object, but contains text"),
    "an extra comma": (
        GOOD.replace("}", ",}").encode(),
        "is not JSON: syntax error in line 1, column",
    ),
    "cut": (GOOD[:-30].encode(), "is not JSON: syntax error in line 1, column"),
    "a bad escape in the secret": (
        b'{"client_secret": "s3cret\\q"}',
        "is not JSON: syntax error in line",
    ),
    "a line break in the secret": (b'{"client_secret": "s3cret\n+/"}', "is not JSON: syntax error in"),
    "single quotes": (
        f"{{'client_secret': '{SECRET}'}}".encode(),
        "is not JSON: syntax error in line 1",
    ),
    "the secret alone": (SECRET.encode(), "is not JSON: syntax error in line 1, column 1"),
    "a number of 5,000 digits": (b'{"num_workers": ' + b"9" * 5000 + b"}", "is not JSON: it has a number that is too"),
    "nested 100,000 levels": (b"[" * 100_000, "nested too deeply"),
    "nested in a field": (b'{"client_id": ' + b'{"a":' * 90_000 + b"1" + b"}" * 90_001, "nested too deeply"),
    "Latin-1": ('{"client_secret": "s3crét"}'.encode("latin-1"), "is not UTF-8 text (byte 24)"),
    "UTF-16": (GOOD.encode("utf-16"), "is not UTF-8 text (byte 1)"),
}


@pytest.mark.parametrize("command", ["check", "discover", "read"])
@pytest.mark.parametrize(("content", "reason"), FILES.values(), ids=FILES)
def test_an_unreadable_configuration_is_named_with_the_reason(
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
def test_a_configuration_that_is_not_a_file_is_named(
    tmp_path: Path, command: str, make: Callable[[Path], None], reason: str
) -> None:
    path = tmp_path / "config.json"
    make(path)
    message = the_reason(run(commands(tmp_path, str(path))[command]))
    assert message == f"The configuration {path} {reason}. Give --config a file that this user may read."


def test_a_configuration_without_read_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "config.json", config())
    monkeypatch.setattr("source_snov.files.open", forbidden, raising=False)  # root may read everything
    assert "cannot be read: Permission denied." in the_reason(run(["discover", "--config", path]))


@pytest.mark.parametrize(
    ("command", "file"), [("check", "a bad escape in the secret"), ("discover", "cut"), ("read", "Latin-1")]
)
def test_the_process_reports_it_too_and_exits_with_a_code(tmp_path: Path, command: str, file: str) -> None:
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
    "client_id": (5, "client_id must be text, but is a number"),
    "client_secret": ({"client_secret": SECRET}, "client_secret must be text, but is an object"),
    "start_date": (20260101, "start_date must be text, but is a number"),
    "daily_history_days": (0, "daily_history_days must be at least 1"),
    "end_date": ([SECRET], "end_date must be text, but is a list"),
    "lookback_days": ("14", "lookback_days must be a whole number, but is text"),
    "campaign_ids": ("910001", "campaign_ids must be a list, but is text"),
    "campaign_owners": ([SECRET], "entry 1 of campaign_owners must have the form"),
    "report_owners": (["ada"], "entry 1 of report_owners must have the form"),
    "custom_reports": (SECRET, "custom_reports must be a list, but is text"),
    "sender_email_ids": ([1, SECRET], "entry 2 of sender_email_ids must be a whole number, but is text"),
    "sender_linkedin_ids": ([7, 7], "sender_linkedin_ids has duplicate entries"),
    "skip_quiet_campaigns": ("yes", "skip_quiet_campaigns must be true or false, but is text"),
    "refresh_after_days": (31, "refresh_after_days must be at most 30"),
    "requests_per_minute": (1.5, "requests_per_minute must be a whole number, but is a decimal number"),
    "num_workers": (True, "num_workers must be a whole number, but is a boolean"),
    "api_url": ([SECRET], "api_url must be text, but is a list"),
}


def test_each_field_of_the_specification_has_a_wrong_value_here() -> None:
    [spec] = run(["spec"]).of("SPEC")
    assert set(spec["connectionSpecification"]["properties"]) == set(WRONG)


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_type_names_the_field_and_is_never_quoted(api: Api, tmp_path: Path, field: str) -> None:
    value, reason = WRONG[field]
    path = write(tmp_path / "config.json", config(client_secret=SECRET) | {field: value})
    for command, arguments in commands(tmp_path, path).items():
        said = run(arguments)
        assert the_reason(said).startswith("Config validation error: ")
        assert reason in the_reason(said)
        assert "s3cret" not in "\n".join(said.lines)
        # `check` reports a wrong configuration as a result, not as a failure.
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
    assert f"and {len(WRONG) - 5} more. Correct this and try again." in message


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
def test_an_invalid_character_is_refused(api: Api, tmp_path: Path, field: str) -> None:
    path = write(tmp_path / "config.json", config(**{field: "https://\ud800.example"}))
    assert f"{field} has an invalid character" in the_reason(run(["check", "--config", path]))


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
    "malformed": (b'{"streams": [s3cret]}', "is not JSON: syntax error in line 1, column 14"),
    "not UTF-8": (b'{"streams": ["\xff"]}', "is not UTF-8 text"),
    "list": (b"[]", "is not a configured Airbyte catalog"),
    "null": (b"null", "is not a configured Airbyte catalog"),
    "without streams": (b'{"catalog": "s3cret"}', "is not a configured Airbyte catalog"),
    "streams by name": (b'{"streams": ["s3cret"]}', "is not a configured Airbyte catalog (at streams/0)"),
    "the discovered one": (
        json.dumps({"streams": [CAMPAIGNS["stream"]]}).encode(),
        "is not a configured Airbyte catalog",
    ),
    "unknown mode": (json.dumps({"streams": [CHOSEN | {"sync_mode": "s3cret"}]}).encode(), "(at streams/0/sync_mode)"),
    "nested too deeply": (b"[" * 100_000, "nested too deeply"),
    "no stream": (b'{"streams": []}', "selects no stream"),
    "a stream twice": (json.dumps({"streams": [CHOSEN, CHOSEN]}).encode(), "selects campaigns more than once"),
}


@pytest.mark.parametrize(("content", "reason"), CATALOGS.values(), ids=CATALOGS)
def test_an_invalid_catalog_is_named_with_the_reason(api: Api, tmp_path: Path, content: bytes, reason: str) -> None:
    path = write(tmp_path / "catalog.json", content)
    said = run(["read", "--config", write(tmp_path / "config.json", config()), "--catalog", path])
    message = the_reason(said)
    assert message.startswith(f"The catalog {path} ")
    assert reason in message
    assert said.raised
    assert "s3cret" not in "\n".join(said.lines)


def test_an_unknown_stream_is_named_and_the_others_are_read(api: Api, tmp_path: Path) -> None:
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
    "by stream, as long ago": (
        {"campaigns": {"updated_at": "2026-01-01"}},
        "entry 1 has neither stream nor global nor data",
    ),
    "text": ("2026-01-01", "state messages: it contains text"),
    "number": (5, "state messages: it contains a number"),
    "a type that is an object": ([{"type": {}}], "entry 1 is not a state message"),
    "list of texts": (["s3cret"], "state messages: entry 1 is not a state message"),
    "without content": ([{"type": "STREAM"}], "entry 1 has neither stream nor global nor data"),
    "a stream without a name": ([{"type": "STREAM", "stream": {"stream_state": {}}}], "entry 1 is not a state message"),
    "a stream's state as a list": ([daily_state([1])], "entry 1 is not a state message"),
    "the second is wrong": ([daily_state({}), daily_state("s3cret")], "entry 2 is not a state message"),
    "nested too deeply": (b"[" * 100_000, "nested too deeply"),
    "records only": (b'{"type": "RECORD", "record": {"s3cret": 1}}\n' * 2, "it has only messages of other types"),
    "a line that is not JSON": (b'{"type": "LOG"}\ns3cret\n{"type": "LOG"}\n', "is not JSON"),
    "a shared state": (
        [{"type": "GLOBAL", "global": {"shared_state": {"cursor": "s3cret"}, "stream_states": []}}],
        "entry 1 has a shared_state, so it is from another connector",
    ),
}


@pytest.mark.parametrize(("content", "reason"), STATES.values(), ids=STATES)
def test_an_invalid_state_is_named_with_the_reason(api: Api, tmp_path: Path, content: Any, reason: str) -> None:
    path = write(tmp_path / "state.json", content)
    arguments = commands(tmp_path, write(tmp_path / "config.json", config()))["read"]
    said = run([*arguments, "--state", path])
    message = the_reason(said)
    assert message.startswith(f"The state {path} ")
    assert reason in message
    if "does not consist of" in message:
        assert f'grep \'"type":"STATE"\' output.jsonl > {path}' in message
    assert said.raised
    assert "s3cret" not in "\n".join(said.lines)


DAYS = {"since": "2026-01-01", "until": str(ago(1))}
HARMLESS: dict[str, Any] = {
    "an empty list": [],
    "an empty object": {},
    "null": None,
    "of another stream": [daily_state({"campaigns": {"1": DAYS}}, "email_opens")],
    "of an unknown stream": [daily_state({"cursor": 1}, "prospects")],
    "null for the stream": [daily_state(None)],
    "another connector's": [daily_state({"updated_at": "2026-01-01", "states": [{"partition": {}, "cursor": {}}]})],
    "wrong types": [daily_state({"campaigns": [1, 2]})],
    "campaigns of wrong types": [daily_state({"campaigns": {"910001": 5, "x": DAYS, "": None, "9" * 400: DAYS}})],
    "invalid days": [daily_state({"campaigns": {"910001": {"since": "soon", "until": 5, "next": {}}}})],
    "legacy": [{"type": "LEGACY", "data": {"campaigns": {"cursor": 1}}}],
    "5,000 campaigns": [daily_state({"campaigns": {str(number): DAYS for number in range(1, 5_001)}})],
}


@pytest.mark.parametrize("content", HARMLESS.values(), ids=HARMLESS)
def test_a_state_without_usable_content_reads_everything(tmp_path: Path, content: Any) -> None:
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


FINISHED = {"campaigns": {"910001": {"since": "2026-01-01", "until": str(ago(0))}}}
STATE = daily_state(FINISHED)
OLD = daily_state({"campaigns": {}})
MESSAGE = {"type": "STATE", "state": STATE}
GLOBAL = {"type": "GLOBAL", "global": {"stream_states": [STATE["stream"]]}}


def lines(*messages: Any) -> bytes:
    return "".join(json.dumps(message, separators=(",", ":")) + "\n" for message in messages).encode()


FORMS: dict[str, Any] = {
    "a list of states": [STATE],
    "one state": STATE,
    "a list of messages": [MESSAGE],
    "one message": MESSAGE,
    "lines of messages": lines({"type": "STATE", "state": OLD}, MESSAGE),
    "lines of states": lines(OLD, STATE),
    "the whole output": lines({"type": "LOG", "log": {}}, {"type": "RECORD"}, MESSAGE, {"type": "TRACE"}),
    "with debug lines": lines({"type": "DEBUG", "message": "x"}, MESSAGE),
    "lines, the last without its end": lines(OLD, STATE)[:-1],
    "lines, the last cut off": lines(STATE, OLD)[:-20],
    "lines with Windows line ends": lines(OLD, MESSAGE).replace(b"\n", b"\r\n"),
    "blank lines": b"\n" + lines(MESSAGE) + b"\n\n",
    "a global state": [GLOBAL],
    "an empty shared state": [{"type": "GLOBAL", "global": {**GLOBAL["global"], "shared_state": {}}}],
    "global states after each other": lines({"type": "STATE", "state": GLOBAL}, {"type": "STATE", "state": GLOBAL}),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_every_form_of_a_state_is_accepted(tmp_path: Path, content: Any) -> None:
    with Sandbox(seeds.account_active_on([{ago(30)}]), UNLIMITED) as sandbox:
        said = read_daily(tmp_path, sandbox, write(tmp_path / "state.json", content))
    assert not said.errors
    # Only from the look-back on.
    assert 0 < len(said.records("campaign_analytics_daily")) <= 15


def test_a_state_that_does_not_exist_is_named_and_everything_is_read(tmp_path: Path) -> None:
    with Sandbox(seeds.account_active_on([{ago(30)}]), UNLIMITED) as sandbox:
        said = read_daily(tmp_path, sandbox, str(tmp_path / "state.json"))
    assert not said.errors
    assert len(said.records("campaign_analytics_daily")) == 31
    warnings = [log["message"] for log in said.of("LOG") if log["level"] == "WARN"]
    assert warnings == [
        f"The state {tmp_path}/state.json does not exist: this sync reads everything, like a first sync."
    ]


def test_a_state_that_cannot_be_looked_at_is_no_first_sync(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.symlink_to(path)
    arguments = commands(tmp_path, write(tmp_path / "config.json", config()))["read"]
    assert "cannot be read: Too many levels of symbolic links" in the_reason(run([*arguments, "--state", str(path)]))


def test_the_suggested_command_makes_a_state(tmp_path: Path) -> None:
    output = tmp_path / "output.jsonl"
    state = tmp_path / "state.json"
    with Sandbox(seeds.account_active_on([{ago(30)}]), UNLIMITED) as sandbox:
        output.write_text("".join(f"{line}\n" for line in read_daily(tmp_path, sandbox, None).lines))
        refused = the_reason(read_daily(tmp_path, sandbox, write(state, ["s3cret"])))
        [command] = re.findall(r"grep .* > \S+state.json", refused)
        subprocess.run(command, shell=True, check=True, cwd=tmp_path)
        said = read_daily(tmp_path, sandbox, str(state))
    assert not said.errors
    assert 0 < len(said.records("campaign_analytics_daily")) <= 15


def read_daily(folder: Path, sandbox: Sandbox, state: str | None) -> Said:
    stream = {"name": "campaign_analytics_daily", "json_schema": {}, "supported_sync_modes": ["incremental"]}
    chosen = CHOSEN | {"stream": stream, "sync_mode": "incremental"}
    arguments = ["read", "--config", write(folder / "config.json", sandbox.config())]
    arguments += ["--catalog", write(folder / "catalog.json", {"streams": [chosen]})]
    return run([*arguments, *(["--state", state] if state else [])])
