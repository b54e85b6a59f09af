"""Answers, configurations and states that nobody foresaw, found by Hypothesis.

`FUZZ=500 pytest fault_tests/test_fuzzing.py` tries 500 of each with new seeds; without it, the same few are tried each
time.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import requests_mock
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from fault_tests._bodies import bodies
from fault_tests._prepared import prepare_once
from fault_tests._running import Said, assert_explained, read, run, stream_state, write
from sandbox.account import Event
from sandbox.events import CLICK, FINISHED, FIRST_EMAIL, INVITE, INVITE_REPLY, LINKEDIN, OPEN, REPLY
from sandbox.running import Sandbox
from source_snov.source import HISTORIES
from unit_tests._daily import ago
from unit_tests._helpers import API, TOKEN, Clock, config
from unit_tests._streams import CORE, OPTIONAL, UNLIMITED, account, at, catalog, schema
from unit_tests._streams import TOKEN as TOKEN_PATH

EXAMPLES = int(os.environ.get("FUZZ", "0"))
FUZZ = settings(
    max_examples=EXAMPLES or 12,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    report_multiple_bugs=False,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FUZZ_MORE = settings(FUZZ, max_examples=EXAMPLES or 60)
STREAMS = (*CORE, *OPTIONAL)
MOST_REQUESTS = 150
"""Many more than any of these syncs needs."""

Right = Mapping[str, Any]
"""What a right API answers, by path."""


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """No manifest is prepared twice, no wait takes long, and no fault is met with more tries than one."""
    with pytest.MonkeyPatch.context() as patch:
        Clock(patch)
        prepare_once(patch, error_policy__unavailable_waits=[], error_policy__missing_waits=[])
        yield


@pytest.fixture(scope="module")
def keys() -> dict[str, list[str]]:
    return {name: [field for [field] in stream.source_defined_primary_key or []] for name, stream in catalog().items()}


@pytest.fixture(scope="module")
def right() -> Right:
    """The answers to a sync of all streams, of a small account."""
    kinds = [FIRST_EMAIL, OPEN, OPEN, CLICK, REPLY, FINISHED, INVITE, INVITE_REPLY]
    story = [
        Event(at(ago(days)) + 60 * number, kind, person, 66001 if kind in LINKEDIN else 55001)
        for days, person in ((9, 1), (3, 2))
        for number, kind in enumerate(kinds)
    ]
    answers: dict[str, Any] = {}
    send = requests.Session.send

    def recorded(self: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        response = send(self, request, **kwargs)
        path = urlsplit(request.url or "").path
        # Of the answers that a path has, such as those about several lists, the one that says most.
        answers[path] = max(answers.get(path, ""), response.json(), key=lambda answer: (len(str(answer)), str(answer)))
        return response

    made = account(story, story[:9], started=[ago(9), ago(9)], furnished=True)
    with (
        Sandbox(made, UNLIMITED) as sandbox,
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
    ):
        patch.setattr(requests.Session, "send", recorded)
        said = read(Path(folder), sandbox.config(start_date=str(ago(12))), *STREAMS)
        assert not said.errors
        assert {record["stream"] for record in said.of("RECORD")} == set(STREAMS)
    return {path: _few(answer) for path, answer in answers.items()}


def _few(answer: Any) -> Any:
    """At most three of what is listed: what is fuzzed shall be small."""
    if isinstance(answer, list):
        return [_few(item) for item in answer[:3]]
    if isinstance(answer, dict):
        return {name: _few(value) for name, value in list(answer.items())[:40]}
    return answer


@pytest.mark.parametrize("stream", STREAMS)
@given(data=st.data())
@FUZZ
def test_whatever_the_api_answers_no_record_breaks_its_schema_and_every_failure_is_explained(
    right: Right, keys: Mapping[str, list[str]], stream: str, data: st.DataObject
) -> None:
    incremental = stream in HISTORIES and data.draw(st.booleans())
    paths = _paths_of(stream, right)
    wrong = data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=2, unique=True))
    answers = {path: data.draw(st.lists(bodies(right[path]), min_size=1, max_size=2), path) for path in wrong}
    with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
        asked = _answer(mocker, right, answers)
        said = read(
            Path(folder),
            config(start_date=str(ago(12)), end_date=str(ago(0)), num_workers=2),
            stream,
            mode="incremental" if incremental else "full_refresh",
        )
    assert len(asked) < MOST_REQUESTS
    assert_sound(said, stream, keys[stream])


CONFIG = config(
    start_date="2026-01-01",
    lookback_days=3,
    campaign_ids=[910001],
    campaign_owners=["ada@example.com"],
    sender_email_ids=[55001],
    sender_linkedin_ids=[66001],
    num_workers=2,
    api_url=API,
)


@given(content=st.one_of(bodies(CONFIG), bodies({"client_id": "a", "client_secret": "b" * 8}), st.binary()))
@FUZZ_MORE
def test_whatever_the_configuration_check_and_read_answer_and_explain(right: Right, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
        asked = _answer(mocker, right, {})
        checked = run(["check", "--config", write(Path(folder) / "config.json", content)])
        said = read(Path(folder), content, "campaigns")
    assert len(asked) < MOST_REQUESTS
    for each in (checked, said):
        assert_explained(each)
        assert "s3cret" not in "".join(each.lines)
    statuses = [status["status"] for status in checked.of("CONNECTION_STATUS")]
    assert statuses in (["SUCCEEDED"], ["FAILED"]) if not checked.raised else not statuses
    assert bool(said.errors) is (said.statuses()[-1:] != ["COMPLETE"])
    # What can be read has passed the check; the check also looks for the configured campaigns.
    assert not said.errors or statuses != ["SUCCEEDED"]


@pytest.mark.parametrize("stream", HISTORIES)
@given(data=st.data())
@FUZZ
def test_whatever_the_state_the_sync_is_sound(
    right: Right, keys: Mapping[str, list[str]], stream: str, data: st.DataObject
) -> None:
    days = {"since": str(ago(10)), "until": str(ago(2)), "last_active": str(ago(3)), "next": str(ago(1))}
    entities = "warm_ups" if stream.startswith("warm_up") else "campaigns"
    saved = {entities: {entity: dict(days) for entity in ("910001", "910002", "301", "302")}}
    unfinished = {"day": str(ago(data.draw(st.integers(0, 2)))), "start_date": str(ago(12)), "mode": "incremental"}
    state = data.draw(bodies(stream_state(stream, saved | {"unfinished": unfinished})))
    with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
        asked = _answer(mocker, right, {})
        settings = config(start_date=str(ago(12)), end_date=str(ago(0)), num_workers=2)
        said = read(Path(folder), settings, stream, mode="incremental", state=state)
    assert len(asked) < MOST_REQUESTS
    if said.raised:
        assert_explained(said)
        assert said.errors[0]["failure_type"] == "config_error"
        assert said.errors[0]["message"].startswith("The state ")
    else:
        assert_sound(said, stream, keys[stream])
        assert not said.errors


def _paths_of(stream: str, right: Right) -> list[str]:
    """The paths that a sync of a stream asks."""
    if stream not in _asked_by:
        with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
            asked = _answer(mocker, right, {})
            said = read(Path(folder), config(start_date=str(ago(12)), end_date=str(ago(0))), stream)
        assert not said.errors
        assert said.records(stream)
        _asked_by[stream] = sorted(set(asked))
    return _asked_by[stream]


_asked_by: dict[str, list[str]] = {}


def _answer(mocker: requests_mock.Mocker, right: Right, wrong: Mapping[str, list[bytes]]) -> list[str]:
    """Answers rightly except at the wrong paths, in turns; the paths asked so far."""
    asked: list[str] = []

    def answered(request: Any, context: Any) -> bytes:
        path = urlsplit(request.url).path
        asked.append(path)
        context.headers["Content-Type"] = "application/json"
        if len(asked) > MOST_REQUESTS or (path not in right and path != TOKEN_PATH):
            context.status_code = 403 if len(asked) > MOST_REQUESTS else 404
            return b"{}"
        if turns := wrong.get(path):
            return turns[asked.count(path) % len(turns)]
        return json.dumps({"access_token": TOKEN} if path == TOKEN_PATH else right[path]).encode()

    mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=answered)
    return asked


def assert_sound(said: Said, stream: str, key: list[str]) -> None:
    """What holds of every sync, of whichever answers."""
    assert_explained(said)
    whole = said.statuses()[-1:] == ["COMPLETE"]
    assert whole is not bool(said.errors)
    emitted = [tuple(json.dumps(record.get(name)) for name in key) for record in said.records(stream)]
    assert len(emitted) == len(set(emitted)), "a key twice"
    for record in said.records(stream):
        assert not (problem := broken(stream, record, key)), problem
    known: dict[str, str] = {}
    for state in said.of("STATE"):
        entities = state["stream"]["stream_state"]
        for entity, days in (entities.get("campaigns") or entities.get("warm_ups") or {}).items():
            assert days["until"] >= known.get(entity, ""), "a state that goes back"
            known[entity] = days["until"]


def broken(stream: str, record: Mapping[str, Any], key: list[str]) -> str:
    """What of a record breaks its stream's schema; an empty text if nothing does."""
    if missing := [name for name in key if record.get(name) is None]:
        return f"without its key {missing}"
    errors = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in _validators(stream).iter_errors(record)]
    return "; ".join([*errors, *_formats(schema(stream), record)])


def _validators(stream: str) -> Draft7Validator:
    if stream not in _validator:
        _validator[stream] = Draft7Validator(schema(stream))
    return _validator[stream]


_validator: dict[str, Draft7Validator] = {}


def _formats(declared: Mapping[str, Any], value: Any) -> Iterator[str]:
    """The values that are not of their format; the library checks none of these without further packages."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _formats(declared.get("properties", {}).get(name, {}), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _formats(declared.get("items", {}), inner)
    elif isinstance(value, str) and (form := declared.get("format")):
        try:
            if form == "date":
                assert str(date.fromisoformat(value)) == value
            elif declared["airbyte_type"] == "timestamp_with_timezone":
                assert datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
            else:
                assert datetime.fromisoformat(value).tzinfo is None
                assert "T" in value
        except (ValueError, AssertionError):
            yield f"{value!r} is not of format {form}"
