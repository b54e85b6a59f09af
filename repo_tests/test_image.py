"""The image, built from the Dockerfile and run as Airbyte runs it: not as root, on a read-only file system.

It can reach only the API: its network has only a loopback interface, where a second container forwards a port to the
sandbox through a Unix socket.

Needs a Docker engine; `docker_engine` starts one if none runs, and creates a base image if the real one is missing.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from airbyte_cdk.models import AirbyteMessage, AirbyteMessageSerializer, Status, Type

from repo_tests.debian import Unavailable
from repo_tests.docker_engine import Docker, base_image, docker_engine, pip_settings
from sandbox.records import token_digest
from sandbox.running import Sandbox
from sandbox.settings import Settings
from unit_tests._paths import ROOT

pytestmark = pytest.mark.image

MEGABYTE = 1_000_000
SIZE_LIMIT = 200 * MEGABYTE
"""Maximum size that the image may add to its base image: a few per cent above the current one."""

API_PORT = 8080
"""The port of the API on the loopback interface of the connector's network."""
SOCKET = "api.sock"
SBOM = "/usr/share/doc/source-snov/sbom.cdx.json"

SECRET = "s3cret+/=& of the image"
"""Has characters that a URL encodes, so that the tests find every form of it."""
PRIMARY_KEYS = {"campaigns": "id", "campaign_analytics": "campaign_id", "campaign_progress": "campaign_id"}

FORWARDER = (ROOT / "repo_tests/forwarder.py").read_text()

HARDENED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]


@dataclass(frozen=True)
class Outcome:
    """The result of a run of the connector."""

    exit_code: int
    output: str
    errors: str

    @property
    def messages(self) -> list[AirbyteMessage]:
        """The protocol messages; anything else in the output is an error."""
        return [AirbyteMessageSerializer.load(json.loads(line)) for line in self.output.splitlines()]

    def only(self, kind: Type) -> AirbyteMessage:
        """The only message of this kind."""
        (message,) = [message for message in self.messages if message.type == kind]
        return message


@dataclass(frozen=True)
class Connector:
    """Runs the image with a folder of configuration files at /secrets."""

    docker: Docker
    image: str
    folder: Path
    sandbox: Sandbox
    network: str

    def run(
        self, *arguments: str, options: list[str] = HARDENED, after: Callable[[str], None] | None = None
    ) -> Outcome:
        """Runs the image to its end, calls `after` with the stopped container, and removes it."""
        name = f"source-snov-test-{uuid.uuid4().hex}"
        mount = f"{self.folder}:/secrets:ro"
        try:
            result = self.docker.run(
                "run", "--name", name, "--network", self.network, "--volume", mount, *options, self.image, *arguments,
                timeout=120,
                check=False,
            )  # fmt: skip
            if after:
                after(name)
        finally:
            self.docker.run("rm", "--force", "--volumes", name, check=False)
        self._keeps_secrets(result.stdout + result.stderr)
        return Outcome(result.returncode, result.stdout, result.stderr)

    def configure(self, **overrides: Any) -> str:
        """Writes a configuration for the sandbox and returns its path for the connector."""
        api = {"api_url": f"http://127.0.0.1:{API_PORT}"}
        return self.write("config.json", self.sandbox.config(**api | overrides))

    def python(self, code: str, *arguments: str) -> Outcome:
        """Runs code with the connector's Python."""
        return self.run("-c", code, *arguments, options=[*HARDENED, "--entrypoint", "python"])

    def write(self, name: str, content: Any) -> str:
        """Writes a file and returns its path for the connector."""
        (self.folder / name).write_text(json.dumps(content))
        return f"/secrets/{name}"

    def _keeps_secrets(self, output: str) -> None:
        encoded = base64.b64encode(SECRET.encode()).decode()
        assert not [form for form in (SECRET, quote(SECRET, safe=""), quote_plus(SECRET), encoded) if form in output]
        tokens = {record.token for record in self.sandbox.requests} - {None}
        assert not [word for word in re.findall(r"\w{20,}", output) if token_digest(word) in tokens]


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    try:
        with docker_engine() as docker:
            yield docker
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def base(docker: Docker) -> str:
    default = re.search(r"^ARG BASE_IMAGE=(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert default
    try:
        return base_image(docker, default[1])
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def build_options(base: str) -> list[str]:
    arguments = {"BASE_IMAGE": base, **pip_settings()}
    # An unused one, which would be found in an image that records where its packages came from.
    arguments["PIP_TRUSTED_HOST"] = f"{arguments.get('PIP_TRUSTED_HOST', '')} unused.invalid".strip()
    return [part for pair in arguments.items() for part in ("--build-arg", "=".join(pair))]


@pytest.fixture(scope="module")
def image(docker: Docker, build_options: list[str]) -> Iterator[str]:
    name = f"source-snov-test:{os.getpid()}"
    docker.run("build", "--network", "host", "--tag", name, *build_options, ROOT, timeout=900)
    yield name
    docker.run("image", "rm", "--force", name)


@pytest.fixture(scope="module")
def connector(docker: Docker, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connector]:
    folder = tmp_path_factory.mktemp("secrets")
    folder.chmod(0o755)
    settings = Settings(client_id="user of the image", client_secret=SECRET, requests_per_minute=None)
    with Sandbox(settings=settings) as sandbox, forwarded(sandbox, folder), api_only(docker, image, folder) as network:
        yield Connector(docker, image, folder, sandbox, network)


@contextmanager
def forwarded(sandbox: Sandbox, folder: Path) -> Iterator[None]:
    """The sandbox behind a Unix socket in the folder."""
    port = sandbox.url.rpartition(":")[2]
    command = [sys.executable, "-c", FORWARDER, str(folder / SOCKET), port]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forwarder:
        try:
            assert forwarder.stdout
            assert forwarder.stdout.readline() == "ready\n"
            yield
        finally:
            forwarder.terminate()


@contextmanager
def api_only(docker: Docker, image: str, folder: Path) -> Iterator[str]:
    """The name of a network with only the API, for `docker run --network`."""
    name = f"source-snov-test-network-{uuid.uuid4().hex}"
    options = [
        "--detach",
        "--network",
        "none",
        "--volume",
        f"{folder}:/secrets:ro",
        *HARDENED,
        "--entrypoint",
        "python",
    ]
    try:
        docker.run("run", "--name", name, *options, image, "-c", FORWARDER, str(API_PORT), f"/secrets/{SOCKET}")
        deadline = time.monotonic() + 60
        while "ready" not in docker.run("logs", name).stdout:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield f"container:{name}"
    finally:
        docker.run("rm", "--force", name, check=False)


@pytest.fixture(scope="module")
def discovered(connector: Connector) -> Outcome:
    return connector.run("discover", "--config", connector.configure())


@pytest.fixture(scope="module")
def catalog(connector: Connector, discovered: Outcome) -> str:
    """The path of a catalog that selects every stream."""
    streams = [json.loads(line)["catalog"]["streams"] for line in discovered.output.splitlines() if "CATALOG" in line]
    selected = [
        {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"} for stream in streams[0]
    ]
    return connector.write("catalog.json", {"streams": selected})


def inspect(docker: Docker, image: str) -> dict[str, Any]:
    details: dict[str, Any] = json.loads(docker.run("image", "inspect", image).stdout)[0]
    return details


def records_of(outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    records: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in outcome.messages:
        if message.record:
            records[message.record.stream].append(message.record.data)
    return records


def test_the_image_is_small(docker: Docker, base: str, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    total = inspect(docker, image)["Size"]
    added = total - inspect(docker, base)["Size"]
    with capsys.disabled():
        print(f"\nimage: {total / MEGABYTE:.0f} MB, {added / MEGABYTE:.0f} MB of it on top of {base.partition('@')[0]}")

    assert added < SIZE_LIMIT


def test_the_image_tells_airbyte_how_to_run_it(docker: Docker, image: str) -> None:
    config = inspect(docker, image)["Config"]
    environment = dict(setting.split("=", 1) for setting in config["Env"])

    assert config["Entrypoint"] == [environment["AIRBYTE_ENTRYPOINT"]] == ["source-snov"]
    assert not config["Cmd"]
    assert config["User"] == "airbyte"
    assert config["WorkingDir"] == "/airbyte"


def test_the_image_does_not_record_where_its_packages_came_from(docker: Docker, image: str) -> None:
    history = docker.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout

    assert "unused.invalid" not in history + json.dumps(inspect(docker, image))
    assert "PIP_" not in history


def test_the_build_is_given_only_what_it_needs(docker: Docker, base: str) -> None:
    name = f"source-snov-test-context:{os.getpid()}"
    docker.run("build", "--file", "-", "--tag", name, ROOT, stdin=f"FROM {base}\nUSER root\nCOPY . /context\n")
    try:
        given = docker.run(
            "run", "--rm", "--network", "none", name, "find", "/context", "-type", "f", "-printf", "%P\n"
        )
    finally:
        docker.run("image", "rm", "--force", name)
    listed = {
        "LICENSE",
        "README.md",
        "image/add_digests.py",
        "image/lister.txt",
        "image/validate_list.py",
        "pyproject.toml",
        "requirements-dev.txt",
        "requirements.txt",
    }
    package = {path.relative_to(ROOT) for path in (ROOT / "source_snov").rglob("*") if path.is_file()}

    # Docker itself reads these two, so they may be included.
    assert {Path(line) for line in given.stdout.splitlines()} - {Path("Dockerfile"), Path(".dockerignore")} == {
        *map(Path, listed),
        *(path for path in package if "__pycache__" not in path.parts),
    }


def test_the_network_has_nothing_but_the_api(connector: Connector) -> None:
    """The other tests of this module rely on this."""
    code = """
import os, socket
assert os.listdir("/sys/class/net") == ["lo"]
for host, port in [("127.0.0.1", 8080), ("127.0.0.1", int(SANDBOX)), ("192.0.2.1", 443)]:
    try:
        socket.create_connection((host, port), timeout=5).close()
        print("connected")
    except OSError as problem:
        print(problem.strerror)
"""
    outcome = connector.python(code.replace("SANDBOX", connector.sandbox.url.rpartition(":")[2]))

    assert outcome.output.splitlines() == ["connected", "Connection refused", "Network is unreachable"], outcome.errors


@pytest.fixture(scope="module")
def watched(connector: Connector, catalog: str) -> dict[str, Any]:
    """The addresses that a sync requested, and the modules that it compiled."""
    code = """
import json, os, sys
asked = set()
def note(event, arguments):
    if event == "socket.connect":
        asked.add(str(arguments[1]))
    if event == "socket.getaddrinfo":
        asked.add(str(arguments[:2]))
sys.addaudithook(note)
from source_snov.run import run
try:
    run()
finally:
    specs = [getattr(module, "__spec__", None) for module in sys.modules.values()]
    files = [spec.cached for spec in specs if spec and spec.cached]
    ours = [file for file in files if file.startswith(sys.prefix)]
    compiled = [file for file in ours if not os.path.exists(file)]
    print(json.dumps({"asked": sorted(asked), "modules": len(ours), "compiled": compiled}), file=sys.stderr)
"""
    outcome = connector.python(code, "read", "--config", connector.configure(), "--catalog", catalog)
    assert outcome.exit_code == 0, outcome.errors
    found: dict[str, Any] = json.loads(outcome.errors.splitlines()[-1])
    return found


def test_a_sync_asks_for_no_address_but_the_api(watched: dict[str, Any]) -> None:
    assert watched["asked"] == [str(("127.0.0.1", API_PORT))]


def test_whatever_a_sync_imports_is_compiled_already(watched: dict[str, Any]) -> None:
    """Otherwise each start would compile it again, because the file system is read-only."""
    assert watched["modules"] > 500
    assert watched["compiled"] == []


def test_it_runs_as_the_user_airbyte(connector: Connector) -> None:
    assert connector.run("-u", options=[*HARDENED, "--entrypoint", "id"]).output == "1000\n"


def test_spec(connector: Connector) -> None:
    outcome = connector.run("spec")

    assert outcome.exit_code == 0, outcome.errors
    spec = outcome.only(Type.SPEC).spec
    assert spec
    assert set(spec.connectionSpecification["required"]) == {"client_id", "client_secret"}


def test_spec_the_way_the_platform_starts_it(connector: Connector) -> None:
    outcome = connector.run("-c", 'eval "$AIRBYTE_ENTRYPOINT spec"', options=[*HARDENED, "--entrypoint", "sh"])

    assert outcome.exit_code == 0, outcome.errors
    assert outcome.only(Type.SPEC)


def test_check(connector: Connector) -> None:
    outcome = connector.run("check", "--config", connector.configure())

    assert outcome.exit_code == 0, outcome.errors
    status = outcome.only(Type.CONNECTION_STATUS).connectionStatus
    assert status
    assert status.status == Status.SUCCEEDED


def test_check_with_a_wrong_secret(connector: Connector) -> None:
    outcome = connector.run("check", "--config", connector.configure(client_id="somebody else"))

    status = outcome.only(Type.CONNECTION_STATUS).connectionStatus
    assert status
    assert status.status == Status.FAILED


def test_discover(discovered: Outcome) -> None:
    assert discovered.exit_code == 0, discovered.errors
    catalog = discovered.only(Type.CATALOG).catalog
    assert catalog
    example = json.loads((ROOT / "integration_tests" / "configured_catalog.json").read_text())
    assert {stream.name for stream in catalog.streams} == {each["stream"]["name"] for each in example["streams"]}


def test_read(connector: Connector, catalog: str) -> None:
    outcome = connector.run("read", "--config", connector.configure(), "--catalog", catalog)

    assert outcome.exit_code == 0, outcome.errors
    campaigns = Counter(list(connector.sandbox.account.campaigns))
    records = records_of(outcome)
    for stream, key in PRIMARY_KEYS.items():
        assert Counter(record[key] for record in records[stream]) == campaigns


def test_read_writes_nothing_outside_the_temporary_folder(connector: Connector, catalog: str) -> None:
    """Not even where it could, so a read-only file system makes no difference."""
    changed: list[str] = []

    def look(container: str) -> None:
        listing = connector.docker.run("diff", container).stdout
        changed.extend(line.split(maxsplit=1)[1] for line in listing.splitlines())

    outcome = connector.run("read", "--config", connector.configure(), "--catalog", catalog, options=[], after=look)

    assert outcome.exit_code == 0, outcome.errors
    # The engine itself creates the folder on which the configuration is mounted.
    assert [path for path in changed if path.split("/")[1] not in {"tmp", "secrets"}] == []


def test_the_list_of_contents_names_each_package_with_the_digest_of_its_wheel(connector: Connector) -> None:
    text = connector.run(SBOM, options=[*HARDENED, "--entrypoint", "cat"]).output
    listing = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    installed = {normalized(name): version for name, version in json.loads(connector.python(listing).output).items()}
    version = installed.pop("airbyte-source-snov")
    pins = pinned((ROOT / "requirements.txt").read_text())

    contents = json.loads(text)
    assert contents["metadata"]["component"]["name"] == "airbyte-source-snov"
    assert contents["metadata"]["component"]["version"] == version
    components = {normalized(component["name"]): component for component in contents["components"]}
    assert {name: component["version"] for name, component in components.items()} == installed
    for name, component in components.items():
        assert component["purl"] == f"pkg:pypi/{name}@{component['version']}"
        [digest] = component["hashes"]
        pinned_version, digests = pins[name]
        assert (component["version"], digest["alg"]) == (pinned_version, "SHA-256")
        assert digest["content"] in digests
    # Values that differ between builds, or reveal where one was made.
    assert "timestamp" not in contents["metadata"]
    assert "serialNumber" not in contents
    assert re.findall(r"/build/|/opt/|/tmp/|file:|/simple", text) == []


def test_the_list_of_contents_can_be_had_without_the_image(
    docker: Docker, connector: Connector, build_options: list[str], tmp_path: Path
) -> None:
    docker.run("build", "--network", "host", "--target", "sbom", "--output", tmp_path, *build_options, ROOT)

    [exported] = tmp_path.iterdir()
    assert exported.name == Path(SBOM).name
    assert exported.read_text() == connector.run(SBOM, options=[*HARDENED, "--entrypoint", "cat"]).output


def test_the_build_ends_where_the_list_is_not_valid_by_the_schema(
    docker: Docker, connector: Connector, build_options: list[str]
) -> None:
    """The list in the image needs no other test: otherwise its build would have failed."""
    contents = json.loads(connector.run(SBOM, options=[*HARDENED, "--entrypoint", "cat"]).output)
    connector.write("sbom.cdx.json", contents | {"unknown": 1})
    name = f"source-snov-test-lister:{os.getpid()}"
    docker.run("build", "--network", "host", "--target", "lister", "--tag", name, *build_options, ROOT)
    command = ["/opt/lister/bin/python", "validate_list.py", "/secrets/sbom.cdx.json"]
    mount = f"{connector.folder}:/secrets:ro"
    try:
        outcome = docker.run("run", "--rm", "--network", "none", "--volume", mount, name, *command, check=False)
    finally:
        docker.run("image", "rm", "--force", name)

    assert outcome.returncode == 1
    assert outcome.stderr == (
        "/secrets/sbom.cdx.json does not match the schema of CycloneDX 1.6. "
        "$: Additional properties are not allowed ('unknown' was unexpected)\n"
    )


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(requirements: str) -> dict[str, tuple[str, set[str]]]:
    """Version and digests of each package in a lock file."""
    found = re.findall(r"^([\w.-]+)==([^\s;]+)(.*(?:\n    --hash=.*)+)", requirements, re.MULTILINE)
    return {normalized(name): (version, set(re.findall(r"sha256:(\w+)", rest))) for name, version, rest in found}
