"""The pages under docs/running: their commands work, and their numbers and names match the connector."""

from __future__ import annotations

import ast
import configparser
import fcntl
import json
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from benchmarks.tables import around
from repo_tests.costs import requests_of
from repo_tests.tables import SPEC, discovered
from repo_tests.test_docs import STREAMS, code, number, page, section, tables
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from unit_tests._names import SUGGESTED
from unit_tests._paths import ROOT
from warehouse.load.sync import CREDENTIALS
from warehouse.load.warehouses import WAREHOUSES

FOLDER = ROOT / "docs/running"
NAMES = sorted(str(path.relative_to(ROOT)) for path in FOLDER.glob("*.md"))
SYNC_MODES = {
    "Full Refresh, Overwrite": "full_refresh_overwrite",
    "Incremental, Append": "incremental_append",
    "Incremental, Append + Deduped": "incremental_deduped_history",
}
"""The names in Airbyte's UI, and those in its API."""


def blocks(name: str) -> list[tuple[str, str]]:
    """The code blocks of a page, each with its language."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", page(name), re.MULTILINE | re.DOTALL)
    return [(language, textwrap.dedent(text)) for _, language, text in found]


def block(name: str, language: str, part: str) -> str:
    """The only block in this language that contains this text."""
    [found] = [text for written_in, text in blocks(name) if written_in == language and part in text]
    return found


def table_with(name: str, *titles: str) -> list[dict[str, str]]:
    """The only table of a page with these columns, which may be inside a list."""
    listed = tables(re.sub(r"^ +\|", "|", page(name), flags=re.MULTILINE))
    [found] = [table for table in listed if {*titles} <= {*table[0]}]
    return found


def bash(text: str) -> None:
    result = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def hcl(text: str) -> None:
    """Brackets are balanced, and every reference is declared."""
    bare = re.sub(r'"[^"\n]*"|#.*', "", text)
    while (shorter := re.sub(r"\(\s*[^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}", "", bare)) != bare:
        bare = shorter
    assert not re.search(r"[()\[\]{}]", bare)
    declared = set(re.findall(r'^resource "(\w+)" "(\w+)"', text, re.MULTILINE))
    assert set(re.findall(r"= (airbyte_\w+)\.(\w+)\.", text)) <= declared
    assert set(re.findall(r"\bvar\.(\w+)", text)) == set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))


CHECKS: dict[str, Callable[[str], Any]] = {
    "bash": bash,
    "hcl": hcl,
    "ini": lambda text: configparser.ConfigParser(interpolation=None).read_string(text),
    "json": json.loads,
    "python": ast.parse,
    "yaml": yaml.safe_load,
    "sql": lambda text: None,
    "text": lambda text: None,
}


@pytest.mark.parametrize("name", NAMES)
def test_each_block_of_code_can_be_read_in_its_language(name: str) -> None:
    for language, text in blocks(name):
        CHECKS[language](text)

    assert page(name).count("```") == 2 * len(blocks(name))


def test_the_table_of_ways_leads_to_every_page() -> None:
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", page("docs/running/README.md"))}

    assert {Path(name).name for name in NAMES} - {"README.md"} <= linked
    assert "docs/running/README.md" in page("README.md")


def test_the_image_has_the_version_of_the_package() -> None:
    version = tomllib.loads(page("pyproject.toml"))["project"]["version"]
    text = "\n".join(page(name) for name in NAMES)
    form = {row["Field"]: row["Value"] for row in table_with("docs/running/airbyte.md", "Field")}

    assert set(re.findall(r"source-snov:(\d[\w.]*)", text)) == {version}
    assert re.findall(r'docker_image_tag\s*= "(.*)"', text) == [version]
    assert code(form["Docker image tag"]) == [version]


# Streams and configuration --------------------------------------------------------------------------------------------


def advised() -> dict[str, str]:
    """The sync mode that the page on Airbyte recommends for each stream, as named in Airbyte's API."""
    rows = table_with("docs/running/airbyte.md", "Sync mode")
    return {code(row["Stream"])[0]: SYNC_MODES[row["Sync mode"]] for row in rows}


def test_the_advised_streams_are_the_suggested_ones_in_modes_they_have() -> None:
    modes = {stream: [mode.value for mode in found.supported_sync_modes] for stream, found in discovered().items()}

    assert list(advised()) == SUGGESTED
    for stream, mode in advised().items():
        assert mode.startswith(tuple(modes[stream]))
        assert mode.startswith("incremental") == ("incremental" in modes[stream]), stream


def test_terraform_has_the_same_streams_in_the_same_modes() -> None:
    text = block("docs/running/airbyte.md", "hcl", "airbyte_connection")

    assert dict(re.findall(r'name = "(\w+)", sync_mode = "(\w+)"', text)) == advised()


def test_terraform_sets_fields_that_the_form_has() -> None:
    text = block("docs/running/airbyte.md", "hcl", "airbyte_source")
    configured = set(re.findall(r"^\s*(\w+)\s*=", text.partition("jsonencode({")[2].partition("})")[0], re.MULTILINE))

    assert set(SPEC["required"]) <= configured <= set(SPEC["properties"])


def test_the_pipe_reads_the_suggested_streams() -> None:
    text = block("docs/running/docker.md", "bash", "STREAMS=")
    streams = text.partition("STREAMS='")[2].partition("'")[0]

    assert json.loads(streams) == SUGGESTED


@pytest.mark.parametrize("name", NAMES)
def test_scripts_name_streams_that_exist(name: str) -> None:
    for language, text in blocks(name):
        if language == "python":
            for names in re.findall(r"streams=(\[[^\]]*\])", text):
                assert set(ast.literal_eval(names)) <= set(STREAMS)


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_of_the_connector_fits_its_form(name: str) -> None:
    for language, text in blocks(name):
        if language == "json" and "client_id" in text:
            jsonschema.Draft7Validator(SPEC).validate(json.loads(text))


# Numbers --------------------------------------------------------------------------------------------------------------


def test_a_morning_and_the_last_month_fit_between_six_and_nine() -> None:
    text = section("docs/running/cron-airflow.md", "## Synced at 06:00, a dashboard at 09:00")
    pace = SPEC["properties"]["requests_per_minute"]["default"]
    [table] = tables(text)
    assert f"| Minutes at {pace} |" in text
    assert f"{3 * 60 * pace:,} requests" in text
    taken = {row["Sync"]: number(row["Requests"]) for row in table}
    assert min(taken.values()) > 0
    assert taken["Next morning, 15 campaigns at work"] * 3 < 3 * 60 * pace
    assert taken["First, until the last month of all campaigns is there"] < 40 * pace
    assert taken["First, with `daily_history_days` 90"] < 60 * pace


def test_what_the_connector_needs_is_what_was_measured() -> None:
    text = " ".join(section("docs/running/airbyte.md", "## Several accounts").split())
    [measured] = tables(around("bench speed", page("docs/benchmarks.md"))[1])
    largest = [row for row in measured if row[""] == "connector"][-1]

    assert f"{largest['peak memory (MiB)']} MiB at its peak for {largest['campaigns']} campaigns" in text
    assert f"{number(largest['CPU (s)']):.0f} seconds of processor time" in text
    assert f"their {requests_of(number(largest['campaigns'])):,.0f} requests" in text


# Commands -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def morning(tmp_path: Path) -> Path:
    """The page's morning.sh in a folder with its settings, and with a Python that only prints its arguments."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/postgres.env").write_text("POSTGRES_HOST=localhost\n")
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$POSTGRES_HOST: $*"\nexit "${ENDS_WITH:-0}"\n')
    script = tmp_path / "morning.sh"
    script.write_text(block("docs/running/cron-airflow.md", "bash", "flock"))
    for path in (python, script):
        path.chmod(0o755)
    return script


def started_by_cron(script: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run([script], env=bare, cwd="/", capture_output=True, text=True, timeout=30)


def test_a_successful_morning_is_silent_and_logged(morning: Path) -> None:
    result = started_by_cron(morning)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    said, ended = (morning.parent / "sync.log").read_text().splitlines()
    assert said == "localhost: warehouse/load/sync.py --to postgres --config secrets/config.json"
    assert ended.endswith(" exit code 0")


def test_a_failed_morning_says_where_to_find_the_reason(morning: Path) -> None:
    result = started_by_cron(morning, ENDS_WITH="1")

    assert result.returncode == 1
    assert result.stdout == f"The Snov.io sync exited with code 1; see the end of {morning.parent}/sync.log\n"


def test_a_morning_does_not_start_while_another_sync_runs(morning: Path) -> None:
    with (morning.parent / "main.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = started_by_cron(morning)

    assert result.returncode == 75
    assert "warehouse/load/sync.py" not in (morning.parent / "sync.log").read_text()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[tuple[Path, Sandbox]]:
    """A folder as after the first step of docs/running/plain.md, with the tests' own Python."""
    tools = tmp_path / ".venv-plain/bin"
    tools.mkdir(parents=True)
    for name, arguments in (("python", ""), ("source-snov", "-m source_snov ")):
        (tools / name).write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} {arguments}"$@"\n')
        (tools / name).chmod(0o755)
    (tmp_path / "secrets").mkdir()
    with Sandbox(seeds.sized_account(3), UNLIMITED) as sandbox:
        (tmp_path / "secrets/config.json").write_text(json.dumps(sandbox.config()))
        yield tmp_path, sandbox


def test_the_plain_command_is_read_with_a_state_that_is_kept(plain: tuple[Path, Sandbox]) -> None:
    folder, sandbox = plain
    name = "docs/running/plain.md"
    (folder / "read.sh").write_text(block(name, "bash", "#!/usr/bin/env bash"))
    (folder / "read.sh").chmod(0o755)

    def done(part: str) -> str:
        script = "set -o pipefail\n" + block(name, "bash", part)
        return subprocess.run(["bash", "-c", script], cwd=folder, check=True, capture_output=True, text=True).stdout

    done("discover")
    assert done("./read.sh") == "done\n"
    first = sandbox.count()
    shutil.move(folder / "out", folder / "before")
    assert done("./read.sh") == "done\n"
    assert sandbox.count() - first < first / 2
    streams = [json.loads(line) for line in (folder / "secrets/state.jsonl").read_text().splitlines()]
    assert len(streams) == len({line["state"]["stream"]["stream_descriptor"]["name"] for line in streams}) > 0
    assert re.fullmatch(r"\d+ days of campaigns\n", done("days of campaigns"))


def test_the_exit_codes_are_explained() -> None:
    rows = table_with("docs/running/cron-airflow.md", "Exit code")

    assert [row["Exit code"] for row in rows] == ["0", "1", "2", "75"]


@pytest.mark.parametrize("name", NAMES)
def test_each_option_of_the_sync_exists(name: str) -> None:
    known = (ROOT / "warehouse/load/sync.py").read_text()
    commands = re.findall(r"warehouse/load/sync\.py((?:[^\n`]|\\\n)*)", page(name))

    for option in {option for command in commands for option in re.findall(r"(?<!\S)--[a-z-]+", command)}:
        assert f'"{option}"' in known, option


@pytest.mark.parametrize("name", NAMES)
def test_each_variable_of_the_sync_exists(name: str) -> None:
    settings = [setting for warehouse in WAREHOUSES.values() for setting in warehouse.settings]
    named = set(re.findall(r"\b(?:SNOV|POSTGRES|SNOWFLAKE|BIGQUERY)_[A-Z_]+\b", page(name)))

    known = {*CREDENTIALS.values(), *(one.variable for one in settings), *(one.default for one in settings)}
    assert named <= known


def test_each_setting_of_a_warehouse_has_its_row_with_its_default() -> None:
    rows = table_with("docs/running/pyairbyte.md", "If not set")
    documented = [(code(row["`--to`"])[0], code(row["Variable"])[0], row["If not set"].strip("`")) for row in rows]

    assert documented == [
        (name, setting.variable, "must be set" if setting.default is None else setting.default)
        for name, warehouse in WAREHOUSES.items()
        for setting in warehouse.settings
    ]
    assert all(f"`{variable}`" in page("docs/running/pyairbyte.md") for variable in CREDENTIALS.values())
