"""Unexpected responses, configurations and states, found by Hypothesis.

`FUZZ=500 pytest fault_tests/test_fuzzing.py` tries 500 of each with new seeds. By default, each run tries the same few.
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
from fault_tests._running import Said, assert_explained, read, run, stream_state, write
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.account import Event
from sandbox.world.events import CLICK, FINISHED, FIRST_EMAIL, INVITE, INVITE_REPLY, LINKEDIN, OPEN, REPLY
from unit_tests._daily import ago
from unit_tests._helpers import ACCESS_TOKEN, API, Clock, config
from unit_tests._names import ANALYTICS_PATH, STREAMS, TOKEN_PATH
from unit_tests._prepared import redefine
from unit_tests._streams import HISTORIES, account, at, primary_keys, schema

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
MAX_REQUESTS = 150
"""Many more than any of these syncs needs."""

Right = Mapping[str, Any]
"""The bodies of right responses, by path."""


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Shortens waits, and retries only once."""
    with pytest.MonkeyPatch.context() as patch:
        Clock(patch)
        redefine(patch, error_policy__unavailable_waits=[], error_policy__missing_waits=[])
        yield


@pytest.fixture(scope="module")
def keys() -> dict[str, list[str]]:
    return primary_keys()


@pytest.fixture(scope="module")
def right() -> Right:
    """The bodies of the responses to a sync of all streams of a small account."""
    kinds = [FIRST_EMAIL, OPEN, OPEN, CLICK, REPLY, FINISHED, INVITE, INVITE_REPLY]
    story = [
        Event(at(ago(days)) + 60 * number, kind, person, 66001 if kind in LINKEDIN else 55001)
        for days, person in ((9, 1), (3, 2))
        for number, kind in enumerate(kinds)
    ]
    found: dict[str, Any] = {}
    send = requests.Session.send

    def recorded(self: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        response = send(self, request, **kwargs)
        path = urlsplit(request.url or "").path
        # If a path has several responses, such as those about several lists, keeps the largest.
        found[path] = max(found.get(path, ""), response.json(), key=lambda body: (len(str(body)), str(body)))
        return response

    made = account(story, story[:9], started=[ago(9), ago(9)], furnished=True)
    with (
        Sandbox(made, UNLIMITED) as sandbox,
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,
    ):
        patch.setattr(requests.Session, "send", recorded)
        owners = {"report_owners": made.owners()}
        said = read(Path(folder), sandbox.config(start_date=str(ago(12)), **owners), *STREAMS)
        assert not said.errors
        assert {record["stream"] for record in said.of("RECORD")} == set(STREAMS)
    return {path: _few(body) for path, body in found.items()}


def _few(body: Any) -> Any:
    """Keeps at most three items of each list, because fuzzed bodies should be small."""
    if isinstance(body, list):
        return [_few(item) for item in body[:3]]
    if isinstance(body, dict):
        return {name: _few(value) for name, value in list(body.items())[:40]}
    return body


@pytest.mark.parametrize("stream", STREAMS)
@given(data=st.data())
@FUZZ
def test_any_response_gives_valid_records_or_an_explained_failure(
    right: Right, keys: Mapping[str, list[str]], stream: str, data: st.DataObject
) -> None:
    incremental = stream in HISTORIES and data.draw(st.booleans())
    paths = _paths_of(stream, right)
    wrong = data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=2, unique=True))
    changed = {path: data.draw(st.lists(bodies(right[path]), min_size=1, max_size=2), path) for path in wrong}
    with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
        asked = _serve(mocker, right, changed)
        said = read(
            Path(folder),
            config(**PERIOD, num_workers=2),
            stream,
            mode="incremental" if incremental else "full_refresh",
        )
    assert len(asked) < MAX_REQUESTS
    assert_sound(said, stream, keys[stream])


PERIOD: dict[str, Any] = {
    "start_date": str(ago(12)),
    "end_date": str(ago(0)),
    "report_owners": ["ada@example.com"],
}

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
def test_check_and_read_explain_any_configuration(right: Right, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
        asked = _serve(mocker, right, {})
        checked = run(["check", "--config", write(Path(folder) / "config.json", content)])
        said = read(Path(folder), content, "campaigns")
    assert len(asked) < MAX_REQUESTS
    for each in (checked, said):
        assert_explained(each)
        assert "s3cret" not in "".join(each.lines)
    statuses = [status["status"] for status in checked.of("CONNECTION_STATUS")]
    assert statuses in (["SUCCEEDED"], ["FAILED"]) if not checked.raised else not statuses
    assert bool(said.errors) is (said.statuses()[-1:] != ["COMPLETE"])
    # A configuration that reads has passed the check, which also looks for the configured campaigns.
    assert not said.errors or statuses != ["SUCCEEDED"]


@pytest.mark.parametrize("stream", HISTORIES)
@given(data=st.data())
@FUZZ
def test_a_sync_is_sound_with_any_state(
    right: Right, keys: Mapping[str, list[str]], stream: str, data: st.DataObject
) -> None:
    days = {"since": str(ago(10)), "until": str(ago(2)), "last_active": str(ago(3)), "next": str(ago(1))}
    entities = "warm_ups" if stream.startswith("warm_up") else "campaigns"
    saved = {entities: {entity: dict(days) for entity in ("910001", "910002", "301", "302")}}
    unfinished = {"day": str(ago(data.draw(st.integers(0, 2)))), "start_date": str(ago(12)), "mode": "incremental"}
    state = data.draw(bodies(stream_state(stream, saved | {"unfinished": unfinished})))
    with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
        asked = _serve(mocker, right, {})
        settings = config(**PERIOD, num_workers=2)
        said = read(Path(folder), settings, stream, mode="incremental", state=state)
    assert len(asked) < MAX_REQUESTS
    if said.raised:
        assert_explained(said)
        assert said.errors[0]["failure_type"] == "config_error"
        assert said.errors[0]["message"].startswith("The state ")
    else:
        assert_sound(said, stream, keys[stream])
        assert not said.errors


def _paths_of(stream: str, right: Right) -> list[str]:
    """The paths that a sync of a stream requests."""
    if stream not in _asked_by:
        with tempfile.TemporaryDirectory() as folder, requests_mock.Mocker() as mocker:
            asked = _serve(mocker, right, {})
            said = read(Path(folder), config(**PERIOD), stream)
        assert not said.errors
        assert said.records(stream)
        _asked_by[stream] = sorted(set(asked))
    return _asked_by[stream]


_asked_by: dict[str, list[str]] = {}


def _serve(mocker: requests_mock.Mocker, right: Right, wrong: Mapping[str, list[bytes]]) -> list[str]:
    """Responds rightly, except at the paths in `wrong`, whose bodies take turns. Returns the requested paths."""
    asked: list[str] = []

    def content(request: Any, context: Any) -> bytes:
        path = urlsplit(request.url).path
        asked.append(path)
        context.headers["Content-Type"] = "application/json"
        if len(asked) > MAX_REQUESTS or (path not in right and path != TOKEN_PATH):
            context.status_code = 403 if len(asked) > MAX_REQUESTS else 404
            return b"{}"
        if turns := wrong.get(path):
            return turns[asked.count(path) % len(turns)]
        if path == ANALYTICS_PATH:
            # No two senders have the same figures of their channel.
            own = {"emails_sent": "sender_email", "linkedin_views": "sender_linkedin"}
            senders = {name: ",".join(request.qs.get(field, [])).split(",") for name, field in own.items()}
            added = {name: sum(map(int, filter(None, ids))) for name, ids in senders.items()}
            return json.dumps(right[path] | {name: right[path][name] + more for name, more in added.items()}).encode()
        return json.dumps({"access_token": ACCESS_TOKEN} if path == TOKEN_PATH else right[path]).encode()

    mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=content)
    return asked


def assert_sound(said: Said, stream: str, key: list[str]) -> None:
    """Checks what must hold for every sync, whatever the responses."""
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
    """How a record breaks its stream's schema; an empty text if it does not."""
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
    """The values that do not have their format. The library does not check these without further packages."""
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
