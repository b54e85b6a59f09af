"""`check` over TLS and through a proxy, as documented in docs/running/README.md."""

import base64
import ipaddress
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_connection
from threading import Thread
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fault_tests._running import run, write
from fault_tests.api_handler import ApiHandler
from unit_tests._helpers import CAMPAIGN, Clock, config

USER, PASSWORD = "us@er", "pa/ss:Kd93#Vt"
ENCODED = "us%40er:pa%2Fss:Kd93%23Vt"


class OneCampaign(ApiHandler):
    def do_GET(self) -> None:
        self.respond([CAMPAIGN])


class ProxyHandler(BaseHTTPRequestHandler):
    asked: ClassVar[list[tuple[str, bool]]] = []
    """The requested target, and whether the password was right."""

    def do_CONNECT(self) -> None:
        right = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        allowed = self.headers.get("Proxy-Authorization") == f"Basic {right}"
        self.asked.append((self.path, allowed))
        self.send_response(200 if allowed else 407)
        self.end_headers()
        if allowed:
            host, _, port = self.path.rpartition(":")
            with create_connection((host, int(port))) as far:
                back = Thread(target=_pump, args=[far, self.connection], daemon=True)
                back.start()
                _pump(self.connection, far)

    def log_message(self, *arguments: Any) -> None:
        pass


def _pump(source: Any, target: Any) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
    except OSError:
        pass


@pytest.fixture(autouse=True)
def _fresh_proxy(no_proxy_settings: None) -> None:
    ProxyHandler.asked.clear()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, own = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    path.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, own, serialization.NoEncryption()))
    return path


@pytest.fixture
def api_url(certificate: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), OneCampaign)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield from _served(server, "https://localhost")


@pytest.fixture
def proxy() -> Iterator[str]:
    yield from _served(ThreadingHTTPServer(("127.0.0.1", 0), ProxyHandler), "127.0.0.1")


def _served(server: ThreadingHTTPServer, host: str) -> Iterator[str]:
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
    yield f"{host}:{server.server_port}"
    server.shutdown()
    server.server_close()


def status(folder: Path, api_url: str) -> tuple[str, str]:
    said = run(["check", "--config", write(folder / "config.json", config(api_url=api_url)), "--debug"])
    assert "Kd93" not in "\n".join(said.lines)
    [found] = said.of("CONNECTION_STATUS")
    return found["status"], found.get("message", "")


@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_a_proxy_with_a_percent_encoded_password_is_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificate: Path,
    api_url: str,
    proxy: str,
    variable: str,
    scheme: str,
) -> None:
    monkeypatch.setenv(variable, f"{scheme}{ENCODED}@{proxy}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert status(tmp_path, api_url) == ("SUCCEEDED", "")
    assert set(ProxyHandler.asked) == {(api_url.removeprefix("https://"), True)}


def test_a_proxy_that_rejects_the_password_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path, api_url: str, proxy: str, clock: Clock
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:wrong@{proxy}")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    result, message = status(tmp_path, api_url)
    assert result == "FAILED"
    assert message.startswith("The proxy demands a user name and password (HTTP 407)")


def test_no_proxy_bypasses_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path, api_url: str, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{ENCODED}@{proxy}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    assert status(tmp_path, api_url) == ("SUCCEEDED", "")
    assert ProxyHandler.asked == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_certificate_is_read_from_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path, api_url: str, variable: str
) -> None:
    monkeypatch.setenv(variable, str(certificate))
    assert status(tmp_path, api_url) == ("SUCCEEDED", "")


@pytest.mark.parametrize("variable", [None, "SSL_CERT_FILE"])
def test_without_these_variables_the_certificate_is_not_trusted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    certificate: Path,
    api_url: str,
    clock: Clock,
    variable: str | None,
) -> None:
    if variable:
        monkeypatch.setenv(variable, str(certificate))
    result, message = status(tmp_path, api_url)
    assert result == "FAILED"
    assert message.startswith("The certificate of ")
    assert "REQUESTS_CA_BUNDLE" in message
