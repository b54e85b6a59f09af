"""Neither the secret nor an access token is printed, in no form, whatever goes wrong and whatever the API repeats."""

import os
import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from fault_tests._prepared import prepare_once
from fault_tests._running import Said, assert_explained, read, run, write
from fault_tests._secret_forms import FORMS, forms_found
from sandbox import faults, seeds
from sandbox.faults import Fault
from sandbox.running import Sandbox
from sandbox.settings import Settings
from unit_tests._helpers import Clock

SECRETS = (
    "Qx7LmWz+/=%&Kd93Vt",
    "p\"q'Rn84TzLw\\u00fc\\9\\",
    "Bv62XkÜñ漢字😀Hs71Yd",
    "Jf5PqRs\\nUg8\tWx3\r\nLine",
    "%41Mn7Zp%2Bab%zzTk9Lw&#39;&lt;",
    "Ws3Rt8{{cNf7Gq}}${x}%s%(y)s",
    "=?+/8KzQ",
)
"""Secrets that need encoding, one that looks like encoded, one of format strings, one that is short."""

TOKENS = ("Tk9+/=" + "aB3xY7" * 6, "c0ffee" * 6 + "d00d", "eyJhbGciOi.J9%2B" + "z9Q2w8" * 5)
"""Access tokens that need encoding, and one of the usual form."""

TOKEN_PATH, LIST = "/v1/oauth/access_token", "/v1/get-user-campaigns"
PLACES = {"token": TOKEN_PATH, "list": LIST, "progress": "/progress"}
STREAMS = ("campaigns", "campaign_progress")

FAULTS: dict[str, Any] = {
    "401 once": lambda path: faults.unauthorized(path=path, times=1),
    "401 for good": lambda path: faults.unauthorized(path=path),
    "403": lambda path: faults.forbidden(path=path),
    "404": lambda path: faults.not_found(path=path),
    "422": lambda path: faults.unprocessable(path=path),
    "429": lambda path: faults.rate_limited(path=path),
    "500": lambda path: faults.server_error(path=path),
    "502 with a page": lambda path: faults.bad_gateway(path=path),
    "200 with a page": lambda path: faults.html_page(path=path),
    "success false, a list": lambda path: faults.success_false("list", path=path),
    "success false, a text": lambda path: faults.success_false("text", path=path),
    "success false, an object": lambda path: faults.success_false("object", path=path),
    "success false, a message": lambda path: faults.success_false("message", path=path),
    "errors without success": lambda path: faults.success_false("no_success", path=path),
    "wrong container": lambda path: faults.wrong_container(path=path),
    "cut body": lambda path: faults.cut_body(path=path),
    "cut JSON": lambda path: faults.cut_json(path=path),
    "reset before": lambda path: faults.reset_before(path=path),
    "reset within": lambda path: faults.reset_within(path=path),
    "hang": lambda path: faults.hang(path=path),
    "drip": lambda path: faults.drip(0.4, path=path),
    "redirect": lambda path: faults.answer(307, "", {"Location": "https://elsewhere.example/?t=1"}, path=path),
    "missing fields": lambda path: faults.missing_fields(["id", "access_token", "progress"], path=path),
    "wrong types": lambda path: faults.wrong_types({"id": [1], "access_token": {"a": 1}, "progress": [2]}, path=path),
}


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        Clock(patch)
        prepare_once(
            patch,
            timeouts={"connect_timeout_in_seconds": 0.15, "read_timeout_in_seconds": 0.15},
            error_policy__unavailable_waits=[5],
            error_policy__missing_waits=[5],
        )
        yield


class Watched:
    """A sandbox whose secret and tokens are known, and syncs with them of which all that comes out is searched."""

    def __init__(self, sandbox: Sandbox, secret: str, token: str, folder: Path) -> None:
        self.sandbox = sandbox
        self.secret = secret
        self.token = token
        self.folder = folder

    def run(self, command: str, debug: bool = True) -> Said:
        """A command and what it said, the lines of its traceback among it."""
        if command == "read":
            said = read(self.folder, self.sandbox.config(), *STREAMS, debug=debug)
        else:
            config = write(self.folder / "config.json", self.sandbox.config())
            said = run(["check", "--config", config, *(["--debug"] if debug else [])])
        assert_explained(said)
        return said

    def leaks(self, said: Said, captured: Any) -> list[str]:
        """Each form of secret and token that can be seen."""
        raised = traceback.format_exception(said.raised) if said.raised else []
        text = "\n".join([*said.lines, *raised, captured.out, captured.err])
        return forms_found(self.secret, text) + [f"token: {form}" for form in forms_found(self.token, text)]


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """With one of the secrets and tokens, the same for each test in every run."""
    turn = crc32(request.node.name.encode())
    secret, token = SECRETS[turn % len(SECRETS)], TOKENS[turn % len(TOKENS)]
    monkeypatch.setattr("sandbox.tokens.secrets.token_hex", lambda size: token)
    settings = Settings(client_secret=secret, requests_per_minute=None)
    with Sandbox(seeds.sized_account(2), settings) as sandbox:
        yield Watched(sandbox, secret, token, tmp_path)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_prints_them(watched: Watched, capfd: pytest.CaptureFixture[str], fault: str, place: str) -> None:
    planted = watched.sandbox.add_fault(FAULTS[fault](PLACES[place]))
    said = watched.run("read")
    assert planted.hits
    assert any(message["type"] == "DEBUG" for message in said.messages)
    assert watched.leaks(said, capfd.readouterr()) == []


@pytest.mark.parametrize("place", ["token", "list"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_of_check_prints_them(
    watched: Watched, capfd: pytest.CaptureFixture[str], fault: str, place: str
) -> None:
    planted = watched.sandbox.add_fault(FAULTS[fault](PLACES[place]))
    said = watched.run("check", debug=fault in ("401 for good", "redirect"))
    assert planted.hits
    assert watched.leaks(said, capfd.readouterr()) == []


def _places_and_statuses(turn: int) -> Iterable[tuple[str, int]]:
    """Each place with a status of its own, which is another one for the next form."""
    return zip(PLACES, islice(cycle([200, 403, 422, 502]), turn % 4, None), strict=False)


def echo(watched: Watched, form: str, place: str, status: int) -> Fault:
    """An answer with what was sent: the secret to the token endpoint, the token to any other."""
    secret = watched.secret if place == "token" else watched.token
    texts = {
        "secret": f"client_secret={FORMS[form](secret)} is unknown",
        "header": f"Authorization: Bearer {FORMS[form](secret)}, access_token={FORMS[form](secret)}",
    }
    text = texts["secret" if place == "token" else "header"]
    body: Any = {"success": False, "errors": [text], "message": text} if status in (200, 403) else text
    return faults.answer(status, body, path=PLACES[place])


@pytest.mark.parametrize(
    ("form", "place", "status"),
    [(form, place, status) for turn, form in enumerate(FORMS) for place, status in _places_and_statuses(turn)],
)
def test_what_the_api_repeats_of_them_is_masked_in_every_form(
    watched: Watched, capfd: pytest.CaptureFixture[str], form: str, place: str, status: int
) -> None:
    watched.sandbox.add_fault(echo(watched, form, place, status))
    said = watched.run("read", debug=status in (403, 422))
    assert said.errors
    # The token's answer with status 200 is one without a token, whose words are quoted too.
    assert any("****" in error["message"] for error in said.errors), [error["message"] for error in said.errors]
    assert watched.leaks(said, capfd.readouterr()) == []


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", FORMS)
def test_the_search_finds_each_form(secret: str, form: str) -> None:
    for text in (FORMS[form](secret), FORMS["JSON"](FORMS[form](secret)), FORMS["JSON in JSON"](FORMS[form](secret))):
        assert forms_found(secret, f'{{"message": "You sent {text} in vain"}}')
    assert not forms_found(secret, '{"message": "You sent **** in vain"}')


@pytest.mark.parametrize("place", ["token", "progress"])
@pytest.mark.parametrize("form", ["percent", "JSON", "HTML", "base64", "Basic"])
def test_without_the_masks_the_search_finds_what_is_printed(
    watched: Watched, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str, place: str
) -> None:
    for where in ("source_snov.authenticator.hide", "source_snov.redaction.hide"):
        monkeypatch.setattr(where, lambda secret: None)
    watched.sandbox.add_fault(echo(watched, form, place, 403))
    assert watched.leaks(watched.run("read"), capfd.readouterr())


PROCESSES = {
    "secret repeated, check": ("check", [], "token", "form body", 401),
    "secret repeated, debug": ("check", ["--debug"], "token", "Basic", 422),
    "token repeated, debug": ("read", ["--debug"], "list", "percent twice", 403),
}


@pytest.mark.parametrize(("command", "options", "place", "form", "status"), PROCESSES.values(), ids=PROCESSES)
def test_the_process_prints_them_neither_to_stdout_nor_to_stderr(
    watched: Watched, command: str, options: list[str], place: str, form: str, status: int
) -> None:
    watched.sandbox.add_fault(echo(watched, form, place, status))
    read(watched.folder, {}, *STREAMS)  # writes the catalog
    config = write(watched.folder / "config.json", watched.sandbox.config())
    catalog = ["--catalog", str(watched.folder / "catalog.json")] if command == "read" else []
    done = subprocess.run(
        [sys.executable, "-m", "source_snov", command, "--config", config, *catalog, *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    said = Said(done.stdout.splitlines(), None)
    assert_explained(said)
    assert any("****" in error["message"] for error in said.errors)
    text = done.stdout + done.stderr
    assert not forms_found(watched.secret, text) + forms_found(watched.token, text)
