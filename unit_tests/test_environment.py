"""The process's environment: `.netrc`, proxies with a password, CA files."""

import base64
from pathlib import Path
from typing import Any

import pytest

from fault_tests._running import read, run, write
from unit_tests._helpers import ACCESS_TOKEN, API, CAMPAIGN, Api, Clock, config, records, sync

pytestmark = pytest.mark.usefixtures("no_proxy_settings")

PASSWORD = "Kd93VtQx7Lm"
UNUSED = "127.0.0.1:1"
"""An address where no proxy listens."""

MALFORMED = {
    "slash in the password": f"http://user:Hs71/{PASSWORD}@{UNUSED}",
    "number sign in the password": f"http://user:Hs71#{PASSWORD}@{UNUSED}",
    "question mark in the password": f"http://user:{PASSWORD}?Hs71@{UNUSED}",
    "number before a slash": f"http://user:12/{PASSWORD}@{UNUSED}",
    "bracket in the password": f"http://user:Hs71[{PASSWORD}@{UNUSED}",
    "bracket in the host": f"http://user:{PASSWORD}@[127.0.0.1:1",
    "no host": f"http://user:{PASSWORD}@",
    "port that is a word": f"http://user:{PASSWORD}@127.0.0.1:port",
    "port that is too large": f"http://user:{PASSWORD}@127.0.0.1:99999",
    "unknown scheme": f"ftp://user:{PASSWORD}@{UNUSED}",
    "no scheme": f"user:Hs71/{PASSWORD}@{UNUSED}",
}
WELL_FORMED = {
    "usual": f"http://user:{PASSWORD}@{UNUSED}",
    "no scheme": f"user:{PASSWORD}@{UNUSED}",
    "at sign in the password": f"http://user:Hs71@{PASSWORD}@{UNUSED}",
    "percent-encoded": f"http://user:%2F{PASSWORD}%40@{UNUSED}",
    "over TLS": f"https://user:{PASSWORD}@{UNUSED}",
}


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine api.snov.io login someone password else")
    monkeypatch.setenv("HOME", str(tmp_path))


def test_a_redirect_within_the_api_sends_the_token_and_not_netrc(api: Api, netrc: None) -> None:
    api.mocker.get(f"{API}/v1/get-user-campaigns", status_code=307, headers={"Location": f"{API}/v1/moved"})
    api.mocker.get(f"{API}/v1/moved", json=[CAMPAIGN])
    output = sync("campaigns")
    assert len(records(output, "campaigns")) == 1
    token, *others = api.mocker.request_history
    assert "Authorization" not in token.headers
    assert [request.headers["Authorization"] for request in others] == [f"Bearer {ACCESS_TOKEN}"] * 2


def leaked(text: str) -> bool:
    encoded = base64.b64encode(PASSWORD.encode()).decode()
    return any(part in text for part in (PASSWORD[:6], PASSWORD[-6:], "Hs71", encoded[:12]))


@pytest.mark.parametrize("command", ["check", "read"])
@pytest.mark.parametrize("proxy", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_proxy_is_named_by_its_variable_and_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    said = _said(tmp_path, command)
    [message] = {error["message"] for error in said.errors}
    assert message.startswith("The proxy in HTTPS_PROXY is not a valid URL.")
    assert said.errors[0]["failure_type"] == "config_error"
    assert not leaked("\n".join(said.lines) + "".join(capfd.readouterr()))


@pytest.mark.parametrize("proxy", WELL_FORMED.values(), ids=WELL_FORMED)
def test_the_password_of_an_unreachable_proxy_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], clock: Clock, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    said = _said(tmp_path, "read", debug=True)
    assert said.errors[0]["failure_type"] == "transient_error"
    assert not leaked("\n".join(said.lines) + "".join(capfd.readouterr()))


def test_a_malformed_proxy_for_other_addresses_does_no_harm(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", MALFORMED["bracket in the password"])
    monkeypatch.setenv("NO_PROXY", "api.snov.io")
    api.campaigns(CAMPAIGN)
    assert len(records(sync("campaigns"), "campaigns")) == 1


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.write_text("no certificate"), "not CA certificates"),
        (lambda path: path.write_bytes(b""), "not CA certificates"),
    ],
    ids=["missing", "text", "empty"],
)
def test_an_unusable_ca_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, make: Any, reason: str
) -> None:
    path = tmp_path / "ca.pem"
    make(path)
    monkeypatch.setenv(variable, str(path))
    [message] = {error["message"] for error in _said(tmp_path, "check").errors}
    assert message.startswith(f"{variable} names {path}, which cannot be used: {reason}.")


def test_ca_certificates_in_a_file_or_a_folder_are_used(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import certifi

    api.campaigns(CAMPAIGN)
    for path in (certifi.where(), str(tmp_path)):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", path)
        assert len(records(sync("campaigns"), "campaigns")) == 1


def _said(folder: Path, command: str, debug: bool = False) -> Any:
    if command == "read":
        return read(folder, config(), "campaigns", debug=debug)
    # An address that requests cannot reach, in case they use the environment.
    return run([command, "--config", write(folder / "config.json", config(api_url=f"https://{UNUSED}"))])
