"""Secrets and access tokens are never printed in any form, whatever fails and whatever the API echoes."""

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

from fault_tests._running import Said, assert_explained, read, run, write
from fault_tests._secret_forms import FORMS, forms_found
from sandbox import faults
from sandbox.faults import Fault
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world import seeds
from unit_tests._helpers import Clock
from unit_tests._names import CAMPAIGNS_PATH, TOKEN_PATH
from unit_tests._prepared import redefine

SECRETS = (
    "Qx7LmWz+/=%&Kd93Vt",
    "p\"q'Rn84TzLw\\u00fc\\9\\",
    "Bv62XkÜñ漢字😀Hs71Yd",
    "Jf5PqRs\\nUg8\tWx3\r\nLine",
    "%41Mn7Zp%2Bab%zzTk9Lw&#39;&lt;",
    "Ws3Rt8{{cNf7Gq}}${x}%s%(y)s",
    "=?+/8KzQ",
)
"""Secrets that need encoding, one that looks encoded, one with format strings, and a short one."""

TOKENS = ("Tk9+/=" + "aB3xY7" * 6, "c0ffee" * 6 + "d00d", "eyJhbGciOi.J9%2B" + "z9Q2w8" * 5)
"""Access tokens that need encoding, and one in the usual form."""

PLACES = {"token": TOKEN_PATH, "list": CAMPAIGNS_PATH, "progress": "/progress"}
READ = ("campaigns", "campaign_progress")

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
        redefine(
            patch,
            timeouts={"connect_timeout_in_seconds": 0.15, "read_timeout_in_seconds": 0.15},
            error_policy__unavailable_waits=[5],
            error_policy__missing_waits=[5],
        )
        yield


class Search:
    """Runs commands against a sandbox with a known secret and token, and searches all output for them."""

    def __init__(self, sandbox: Sandbox, secret: str, token: str, folder: Path) -> None:
        self.sandbox = sandbox
        self.secret = secret
        self.token = token
        self.folder = folder

    def run(self, command: str, debug: bool = True) -> Said:
        """Runs a command and returns its output."""
        if command == "read":
            said = read(self.folder, self.sandbox.config(), *READ, debug=debug)
        else:
            config = write(self.folder / "config.json", self.sandbox.config())
            said = run(["check", "--config", config, *(["--debug"] if debug else [])])
        assert_explained(said)
        return said

    def leaks(self, said: Said, captured: Any) -> list[str]:
        """The forms of secret and token in the output and the traceback."""
        raised = traceback.format_exception(said.raised) if said.raised else []
        text = "\n".join([*said.lines, *raised, captured.out, captured.err])
        return forms_found(self.secret, text) + [f"token: {form}" for form in forms_found(self.token, text)]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Search]:
    """With one of the secrets and tokens, always the same for a test."""
    turn = crc32(request.node.name.encode())
    secret, token = SECRETS[turn % len(SECRETS)], TOKENS[turn % len(TOKENS)]
    monkeypatch.setattr("sandbox.tokens.secrets.token_hex", lambda size: token)
    settings = Settings(client_secret=secret, requests_per_minute=None)
    with Sandbox(seeds.sized_account(2), settings) as sandbox:
        yield Search(sandbox, secret, token, tmp_path)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_prints_secrets(search: Search, capfd: pytest.CaptureFixture[str], fault: str, place: str) -> None:
    planted = search.sandbox.add_fault(FAULTS[fault](PLACES[place]))
    said = search.run("read")
    assert planted.hits
    assert any(message["type"] == "DEBUG" for message in said.messages)
    assert search.leaks(said, capfd.readouterr()) == []


@pytest.mark.parametrize("place", ["token", "list"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_of_check_prints_secrets(
    search: Search, capfd: pytest.CaptureFixture[str], fault: str, place: str
) -> None:
    planted = search.sandbox.add_fault(FAULTS[fault](PLACES[place]))
    said = search.run("check", debug=fault in ("401 for good", "redirect"))
    assert planted.hits
    assert search.leaks(said, capfd.readouterr()) == []


def _places_and_statuses(turn: int) -> Iterable[tuple[str, int]]:
    """Each place with a status, which changes from form to form."""
    return zip(PLACES, islice(cycle([200, 403, 422, 502]), turn % 4, None), strict=False)


def echo(search: Search, form: str, place: str, status: int) -> Fault:
    """A response that echoes what was sent: the secret to the token endpoint, the token to any other."""
    secret = search.secret if place == "token" else search.token
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
def test_secrets_echoed_by_the_api_are_masked_in_every_form(
    search: Search, capfd: pytest.CaptureFixture[str], form: str, place: str, status: int
) -> None:
    search.sandbox.add_fault(echo(search, form, place, status))
    said = search.run("read", debug=status in (403, 422))
    assert said.errors
    # A 200 of the token endpoint has no token here, so its text is quoted too.
    assert any("****" in error["message"] for error in said.errors), [error["message"] for error in said.errors]
    assert search.leaks(said, capfd.readouterr()) == []


@pytest.mark.parametrize("length", [199, 200, 201, 400, 4000])
def test_a_token_of_any_length_is_masked_completely(
    search: Search, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    search.token = "".join(f"{number:x}Zq" for number in range(length))[:length]
    monkeypatch.setattr("sandbox.tokens.secrets.token_hex", lambda size: search.token)
    search.sandbox.add_fault(echo(search, "raw", "progress", 502))
    said = search.run("read")
    assert "****" in said.errors[0]["message"]
    text = "\n".join(said.lines) + "".join(capfd.readouterr())
    assert not [start for start in range(length - 12) if search.token[start : start + 12] in text]


@pytest.mark.parametrize("form", ["raw", "form body", "JSON", "base64"])
def test_a_secret_in_the_client_id_field_is_masked_too(
    search: Search, capfd: pytest.CaptureFixture[str], form: str
) -> None:
    config = search.sandbox.config()
    swapped = {**config, "client_id": config["client_secret"], "client_secret": config["client_id"]}
    search.sandbox.add_fault(echo(search, form, "token", 401))
    said = read(search.folder, swapped, *READ, debug=True)
    assert "****" in said.errors[0]["message"]
    assert search.leaks(said, capfd.readouterr()) == []


def test_text_called_an_access_token_in_a_response_is_not_masked(search: Search) -> None:
    text = "Send the access_token: required-by-every-request, please"
    search.sandbox.add_fault(faults.answer(403, {"message": text}, path=CAMPAIGNS_PATH))
    said = search.run("read")
    assert text in said.errors[0]["message"]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", FORMS)
def test_the_search_finds_each_form(secret: str, form: str) -> None:
    for text in (FORMS[form](secret), FORMS["JSON"](FORMS[form](secret))):
        assert forms_found(secret, f'{{"message": "You sent {text} in vain"}}')
    assert not forms_found(secret, '{"message": "You sent **** in vain"}')


@pytest.mark.parametrize("place", ["token", "progress"])
@pytest.mark.parametrize("form", ["percent", "JSON", "HTML", "base64"])
def test_without_masking_the_search_finds_the_secrets(
    search: Search, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str, place: str
) -> None:
    for where in ("source_snov.api.authenticator.hide", "source_snov.api.redaction.hide"):
        monkeypatch.setattr(where, lambda *secrets: None)
    search.sandbox.add_fault(echo(search, form, place, 403))
    assert search.leaks(search.run("read"), capfd.readouterr())


PROCESSES = {
    "secret repeated, check": ("check", [], "token", "form body", 401),
    "secret repeated, debug": ("check", ["--debug"], "token", "base64", 422),
    "token repeated, debug": ("read", ["--debug"], "list", "percent", 403),
}


@pytest.mark.parametrize(("command", "options", "place", "form", "status"), PROCESSES.values(), ids=PROCESSES)
def test_the_process_prints_no_secrets_to_stdout_or_stderr(
    search: Search, command: str, options: list[str], place: str, form: str, status: int
) -> None:
    search.sandbox.add_fault(echo(search, form, place, status))
    read(search.folder, {}, *READ)  # writes the catalog
    config = write(search.folder / "config.json", search.sandbox.config())
    catalog = ["--catalog", str(search.folder / "catalog.json")] if command == "read" else []
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
    assert not forms_found(search.secret, text) + forms_found(search.token, text)
