"""The wheel, installed alone into a clean environment, as `pip install airbyte-source-snov` will do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from integration_tests.client import run, run_program
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from unit_tests._names import STREAMS
from unit_tests._paths import ROOT, SCHEMAS

PIP = ["-m", "pip", "--disable-pip-version-check", "-q"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("package")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    built = [sys.executable, *PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(built, check=True, capture_output=True, timeout=120)
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(folder: Path, wheel: Path) -> Path:
    """The commands of an environment with nothing but the wheel and what it requires, in the pinned versions."""
    pinned = re.sub(r"\s*\\\n\s*--hash=\S+", "", (ROOT / "requirements.txt").read_text())
    (folder / "pinned.txt").write_text(pinned)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "clean")], check=True, timeout=120)
    commands = folder / "clean" / "bin"
    install = [str(commands / "python"), *PIP, "install", "--no-compile", "--constraint", str(folder / "pinned.txt")]
    done = subprocess.run([*install, str(wheel)], capture_output=True, text=True, timeout=400)
    if done.returncode:
        pytest.skip(f"The packages that the wheel requires cannot be installed: {done.stderr[-300:]}")
    return commands


@pytest.fixture(scope="module")
def sandbox(folder: Path) -> Iterator[Sandbox]:
    with Sandbox(seeds.sized_account(3), UNLIMITED) as running:
        (folder / "config.json").write_text(json.dumps(running.config()))
        yield running


def said(commands: Path, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = run_program([str(commands / "source-snov"), *arguments], folder, {})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_wheel_has_the_connector_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        [about] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(about))
    assert {name.partition("/")[0] for name in names} == {"source_snov"}
    assert {Path(name).stem for name in names if "/schemas/" in name} == {path.stem for path in SCHEMAS.glob("*.json")}
    assert metadata["Name"] == "airbyte-source-snov"
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert set(metadata["Requires-Python"].split(",")) == set(supported.split(","))


def test_it_runs_alone(installed: Path, folder: Path, sandbox: Sandbox) -> None:
    [spec] = said(installed, folder, "spec")
    assert spec["spec"]["connectionSpecification"]["required"] == ["client_id", "client_secret"]
    checked = said(installed, folder, "check", "--config", "config.json")
    assert checked[-1]["connectionStatus"]["status"] == "SUCCEEDED"
    [catalog] = [m["catalog"] for m in said(installed, folder, "discover", "--config", "config.json") if "catalog" in m]
    streams = {stream["name"]: stream for stream in catalog["streams"]}
    assert set(streams) == set(STREAMS)
    selected = {"stream": streams["campaigns"], "sync_mode": "full_refresh", "destination_sync_mode": "append"}
    (folder / "catalog.json").write_text(json.dumps({"streams": [selected]}))
    messages = said(installed, folder, "read", "--config", "config.json", "--catalog", "catalog.json")
    ids = {message["record"]["data"]["id"] for message in messages if message["type"] == "RECORD"}
    assert ids == set(sandbox.account.campaigns)


PYAIRBYTE = """
import json, sys
import airbyte
source = airbyte.get_source("source-snov", local_executable=sys.argv[1], config=json.load(open("config.json")))
source.check()
source.select_streams(["campaigns", "campaign_progress"])
result = source.read(airbyte.caches.DuckDBCache(db_path="package.duckdb"))
print({name: len(list(rows)) for name, rows in result.streams.items()})
"""


def test_pyairbyte_runs_it(installed: Path, folder: Path, sandbox: Sandbox) -> None:
    done = run(folder, "-c", PYAIRBYTE, str(installed / "source-snov"))

    assert done.returncode == 0, done.stderr[-2000:]
    number = len(sandbox.account.campaigns)
    assert done.stdout.splitlines()[-1] == str({"campaigns": number, "campaign_progress": number})
