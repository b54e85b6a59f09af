"""A Docker engine and a base image for the image's tests, on machines without them.

Both come from Debian's packages, and need root on Debian. A running engine is used if there is one, and so is its base
image.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from repo_tests.debian import Unavailable, end_of, install

ENGINE_START: Final = 60.0
"""Seconds within which an engine must start."""
ENGINE_STOP: Final = 30.0
"""Seconds that an engine has to stop its containers and itself before it is killed."""

SCRATCH_SIZE: Final = 4 * 1024**3
"""Bytes for an engine with the images of a test, which take about a quarter of it."""

SYSTEM_PATH: Final = f"/usr/sbin:/usr/bin:/sbin:/bin:{os.environ.get('PATH', '')}"
"""Debian's programs first, including those for administration, which some users' PATH lacks."""

CA_BUNDLE: Final = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's trusted certificate authorities, on the machine and in the stand-in."""

SUITE: Final = "trixie"
"""The Debian release with the base image's Python 3.13."""

MAKE_STAND_IN: Final = f"""
set -e
debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip {SUITE} "$1" "$2"
test ! -f {CA_BUNDLE} || cp {CA_BUNDLE} "$1{CA_BUNDLE}"
chroot "$1" sh -c "$3"
tar --create --one-file-system --directory "$1" --file "$4" .
"""
"""Arguments: a folder to work in, a Debian mirror, a script to run in the new system, and the archive to write."""

MAKE_LIKE_BASE_IMAGE: Final = """
set -e
ln -snf /usr/share/zoneinfo/Etc/UTC /etc/localtime
groupadd --system --gid 1000 airbyte
useradd --system --uid 1000 --gid 1000 --create-home --shell /usr/sbin/nologin airbyte
install --directory --owner airbyte --group airbyte /airbyte /secrets /config
ln -s /usr/bin/python3 /usr/local/bin/python
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /usr/share/doc/* /usr/share/locale/* /usr/share/man/*
"""
"""Runs in the stand-in: the setup of Airbyte's docker-images/Dockerfile.python-connector-base."""


@dataclass(frozen=True)
class Docker:
    """The docker client for one engine."""

    client: str = "docker"
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, *arguments: str | Path, timeout: float = 300, check: bool = True, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs `docker <arguments>`. Raises RuntimeError with the output if it fails, unless `check` is false."""
        result = subprocess.run(
            [self.client, *map(str, arguments)],
            env={**os.environ, **self.environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and result.returncode:
            raise RuntimeError(f"docker {arguments[0]} exited {result.returncode}:\n{result.stdout}{result.stderr}")
        return result

    def answers(self) -> bool:
        """Whether the client exists and its engine responds."""
        with suppress(OSError, subprocess.TimeoutExpired):
            result = self.run("info", "--format", "{{.ServerVersion}}", timeout=20, check=False)
            return result.returncode == 0 and bool(result.stdout.strip())
        return False

    def has_image(self, name: str) -> bool:
        """Whether the engine has this image, without contacting a registry."""
        return self.run("image", "inspect", name, check=False).returncode == 0


@contextmanager
def docker_engine() -> Iterator[Docker]:
    """The machine's Docker engine, or a temporary one. Raises Unavailable."""
    if Docker().answers():
        yield Docker()
        return
    _install("docker.io", "dockerd")
    # With a service manager, the package has just started one.
    if Docker().answers():
        yield Docker()
        return
    with _own_engine() as docker:
        yield docker


def base_image(docker: Docker, wanted: str) -> str:
    """The name of an image to build on: the wanted one, or a stand-in if the engine does not have it.

    SNOV_PULL_BASE=1 in the environment allows pulling it from its registry. Raises Unavailable.
    """
    if docker.has_image(wanted):
        return wanted
    if os.environ.get("SNOV_PULL_BASE") == "1":
        docker.run("pull", wanted, timeout=600)
        return wanted
    tarball = _stand_in()
    name = f"source-snov-stand-in:{tarball.stem.rpartition('-')[2]}"
    if not docker.has_image(name):
        docker.run("import", "--change", "WORKDIR /airbyte", "--change", 'CMD ["python3"]', tarball, name)
    return name


def pip_settings() -> dict[str, str]:
    """This machine's package index as build arguments, because a build does not see pip's configuration."""
    listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    settings = {}
    # Reversed, because the environment comes first and overrides files.
    for line in reversed(listing.stdout.splitlines()):
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in {"index-url", "extra-index-url", "trusted-host"}:
            # The build cannot see this machine's folders.
            values = [one for one in str(ast.literal_eval(value)).split() if "file:" not in one]
            settings[f"PIP_{name.replace('-', '_').upper()}"] = " ".join(values)
    return {name: value for name, value in settings.items() if value}


def _install(package: str, program: str) -> None:
    """Installs a Debian package unless its program is there."""
    if not shutil.which(program, path=SYSTEM_PATH):
        install(package)


def _need_root(purpose: str) -> None:
    if os.geteuid() != 0:
        raise Unavailable(f"only root can {purpose}")


def _step(*command: str) -> str:
    """Runs a system program and returns its output. Raises Unavailable."""
    environment = {**os.environ, "PATH": SYSTEM_PATH, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    if result.returncode:
        raise Unavailable(f"{command[0]} failed: {end_of(result.stdout + result.stderr)}")
    return result.stdout


@contextmanager
def _own_engine() -> Iterator[Docker]:
    """A temporary engine with all its files in its own folder."""
    _need_root("start a Docker engine")
    # Directly in the folder for temporary files: the path of a Unix socket has a maximum length.
    root = Path(tempfile.mkdtemp(prefix="snov-docker-"))
    state = root / "state"
    state.mkdir()
    socket = f"unix://{root}/docker.sock"
    # BuildKit takes half the time of the classic builder, which clients use if they lack the buildx plugin.
    (root / "daemon.json").write_text('{"features": {"buildkit": true}}')
    command = _with_scratch(
        state,
        "dockerd",
        "--config-file", str(root / "daemon.json"),  # not the machine's
        "--host", socket,
        "--data-root", str(state / "data"),
        "--exec-root", str(state / "exec"),
        "--pidfile", str(root / "docker.pid"),
        "--storage-driver", "overlay2",
        "--iptables=false",
        "--bridge=none",
    )  # fmt: skip
    # The client from Debian's package, which matches the engine: others on the PATH may be too new.
    client = shutil.which("docker", path=SYSTEM_PATH) or "docker"
    docker = Docker(client, {"DOCKER_HOST": socket})
    log = root / "dockerd.log"
    with log.open("wb") as output:
        engine = subprocess.Popen(
            # So that the engine stops even if this process is killed.
            ["setpriv", "--pdeathsig", "TERM", "--", *command],
            env={**os.environ, "PATH": SYSTEM_PATH},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C must reach only this process, which then stops the engine cleanly.
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + ENGINE_START
        while not docker.answers():
            if engine.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"the Docker engine does not start: {end_of(log.read_text())}")
            time.sleep(0.2)
        yield docker
    finally:
        engine.terminate()
        with suppress(subprocess.TimeoutExpired):
            engine.wait(ENGINE_STOP)
        if engine.poll() is None:
            engine.kill()
            engine.wait()
        _end_processes_of(root)
        shutil.rmtree(root, ignore_errors=True)


def _with_scratch(folder: Path, *command: str) -> list[str]:
    """A command that sees `folder` in memory, if there is enough, because it writes thousands of files there.

    This mount, and all others by the command, are visible only to it and end with it.
    """
    in_memory: tuple[str, ...] = ()
    if _available_memory() > 2 * SCRATCH_SIZE:
        mount = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"'
        in_memory = ("sh", "-c", mount, "sh", str(SCRATCH_SIZE), str(folder))
    return ["unshare", "--mount", *in_memory, *command]


def _available_memory() -> int:
    """Bytes available to new programs without swapping."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def _end_processes_of(folder: Path) -> None:
    """Kills processes that an engine left behind if it did not stop cleanly: their command lines name its folder."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            with suppress(OSError):
                if os.fsencode(folder) + b"/" in (process / "cmdline").read_bytes():
                    os.kill(int(process.name), signal.SIGKILL)


def _stand_in() -> Path:
    """The archive of a file system with the base image's properties, created once and cached for the user."""
    certificates = CA_BUNDLE.read_bytes() if CA_BUNDLE.exists() else b""
    recipe = hashlib.sha256((MAKE_STAND_IN + MAKE_LIKE_BASE_IMAGE).encode() + certificates).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "source-snov"
    archive = cache / f"stand-in-{recipe}.tar"
    if archive.exists():
        return archive
    _need_root("make a stand-in for the base image (SNOV_PULL_BASE=1 in the environment pulls the real one)")
    _install("debootstrap", "debootstrap")
    mirror = _debian_mirror()
    cache.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="snov-base-") as folder,
        tempfile.TemporaryDirectory(dir=cache) as unfinished,
    ):
        made = Path(unfinished) / archive.name
        script = ("sh", "-c", MAKE_STAND_IN, "sh", f"{folder}/system", mirror, MAKE_LIKE_BASE_IMAGE, str(made))
        _step(*_with_scratch(Path(folder), *script))
        for outdated in cache.glob("stand-in-*.tar"):
            outdated.unlink(missing_ok=True)
        made.rename(archive)
    return archive


def _debian_mirror() -> str:
    """The mirror from which this machine installs Debian's packages."""
    query = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian")
    # Apt knows it only if it has package lists.
    if not (addresses := _step(*query).split()):
        _step("apt-get", "--quiet", "update")
        addresses = _step(*query).split()
    if not addresses:
        raise Unavailable("apt knows no mirror of Debian to make a stand-in for the base image from")
    return addresses[0]
