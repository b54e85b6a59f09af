"""The edition for the Connector Builder fills the connector's tables, on the Builder's CDK and on the pinned one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
import yaml
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, read

from builder.catalog_entry import entry
from builder.generate import CDK, EVENT_LISTS, FILE, LEFT_OUT, STREAMS, text
from integration_tests.client import run
from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.furnishing import furnish
from unit_tests._helpers import Clock, records
from unit_tests._helpers import sync as of_the_connector
from unit_tests._names import STREAMS as ALL_STREAMS
from unit_tests._paths import ROOT, SCHEMAS
from unit_tests.conftest import clock
from unit_tests.test_manifest import components, unknown_keys
from unit_tests.test_reports import evening

__all__ = ["clock"]

DAYS: Final = 40

CHANGING: Final = {"checked_at", "prospect_id"}
"""Fields that are new with every read."""

RUN: Final = "from airbyte_cdk.cli.source_declarative_manifest import run; run()"

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    account = seeds.sized_account(6)
    furnish(account, 7)
    with Sandbox(account, UNLIMITED) as running:
        yield running


@pytest.fixture(autouse=True)
def _clean(sandbox: Sandbox) -> Iterator[None]:
    sandbox.clear()
    yield
    sandbox.clear_faults()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox) -> Path:
    made = tmp_path_factory.mktemp("builder")
    (made / "manifest.yaml").write_text(yaml.safe_dump(manifest(sandbox)))
    (made / "config.json").write_text(json.dumps(config(sandbox)))
    return made


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Builder's CDK."""
    target = tmp_path_factory.mktemp("cdk")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-deps", "--no-compile"]
    listed = ["--require-hashes", "--requirement", str(ROOT / "builder" / "requirements.txt"), "--target", str(target)]
    done = subprocess.run([*pip, *listed], capture_output=True, text=True, timeout=240)
    if done.returncode:
        pytest.skip(f"The Builder's CDK cannot be installed: {done.stderr[-300:]}")
    return target


def manifest(sandbox: Sandbox) -> dict[str, Any]:
    """The edition, asking the sandbox."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text().replace("https://api.snov.io", sandbox.url))
    return found


def config(sandbox: Sandbox, **further: Any) -> dict[str, Any]:
    own = sandbox.config()
    start = sandbox.account.today - timedelta(days=DAYS)
    credentials = {name: own[name] for name in ("client_id", "client_secret")}
    given = {**credentials, "requests_per_minute": 6000, "start_date": str(start), **further}
    return {name: value for name, value in given.items() if value is not None}


def edition(sandbox: Sandbox, *streams: str, state: Sequence[Any] = (), **further: Any) -> EntrypointOutput:
    """What it reads in this process, whether it fails or not."""
    catalog = CatalogBuilder()
    for stream in streams:
        mode = "incremental_sync" in declared(stream)
        catalog = catalog.with_stream(stream, SyncMode.incremental if mode else SyncMode.full_refresh)
    given, selected = config(sandbox, **further), catalog.build()
    source = ConcurrentDeclarativeSource(
        catalog=selected, config=given, state=list(state), source_config=manifest(sandbox)
    )
    return read(source, given, selected, list(state), expecting_exception=True)


def declared(stream: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(FILE.read_text())["definitions"]["streams"][stream]
    return found


def the_connectors(sandbox: Sandbox, *streams: str) -> Rows:
    start = config(sandbox)["start_date"]
    output = of_the_connector(*streams, whole_config={**sandbox.config(), "start_date": start})
    assert not output.errors
    return {stream: records(output, stream) for stream in streams}


def rows_in(stdout: str) -> Rows:
    found: Rows = defaultdict(list)
    for line in stdout.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            found[message["record"]["stream"]].append(message["record"]["data"])
    return found


def same(rows: Sequence[Mapping[str, Any]], stream: str) -> set[str]:
    """The rows in one form, each once, without what is new with every read."""
    # The API makes these up for every response; twins among events have a number only in the connector.
    changing = CHANGING | {"list_prospects": {"id"}, "campaign_recipients_activity": {"event_id"}}.get(stream, set())
    return {json.dumps(_plain(row, changing), sort_keys=True) for row in rows}


def _plain(value: Any, changing: set[str]) -> Any:
    if isinstance(value, dict):
        # The CDK leaves out nulls of which there are more in expressions.
        return {
            name: _plain(each, changing) for name, each in value.items() if each is not None and name not in changing
        }
    if isinstance(value, list):
        return [_plain(each, changing) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


# The file ------------------------------------------------------------------------------------------------------------


def test_the_file_is_what_the_manifest_and_the_schemas_give() -> None:
    assert FILE.read_text() == text(), "run make docs"
    assert {*STREAMS, *LEFT_OUT} == {*ALL_STREAMS}
    assert not {*STREAMS} & {*LEFT_OUT}


def test_it_has_only_the_cdks_own_components_and_every_key_is_known() -> None:
    whole = yaml.safe_load(FILE.read_text())
    assert whole["version"] == CDK
    assert "class_name" not in FILE.read_text()
    assert not [component["type"] for _, component in components(whole) if component["type"].startswith("Custom")]
    streams = {**whole, "streams": list(whole["definitions"]["streams"].values())}
    assert unknown_keys(streams) == []


# The records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cdk", ["the pinned one", "the Builder's"])
def test_it_reads_the_connectors_records_on_both_cdks(
    sandbox: Sandbox, folder: Path, cdk: str, request: pytest.FixtureRequest
) -> None:
    path = {} if cdk == "the pinned one" else {"PYTHONPATH": str(request.getfixturevalue("older"))}
    version = run(folder, "-c", "from importlib.metadata import version as v; print(v('airbyte-cdk'))", **path)
    assert (version.stdout.strip() == CDK) == bool(path)
    given = ("--config", "config.json", "--manifest-path", "manifest.yaml")
    checked = run(folder, "-c", RUN, "check", *given, **path)
    assert '"status":"SUCCEEDED"' in checked.stdout, checked.stdout
    discovered = run(folder, "-c", RUN, "discover", *given, **path)
    [catalog] = [line for line in map(json.loads, discovered.stdout.splitlines()) if line["type"] == "CATALOG"]
    found = {stream["name"]: stream for stream in catalog["catalog"]["streams"]}
    assert list(found) == list(STREAMS)
    for name, stream in found.items():
        assert stream["json_schema"] == json.loads((SCHEMAS / f"{name}.json").read_text())
    (folder / "catalog.json").write_text(
        json.dumps(
            {
                "streams": [
                    {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"}
                    for stream in found.values()
                ]
            }
        )
    )

    done = run(folder, "-c", RUN, "read", *given, "--catalog", "catalog.json", **path)

    assert done.returncode == 0, done.stdout[-3000:]
    read_by_it, expected = rows_in(done.stdout), the_connectors(sandbox, *STREAMS)
    for stream in STREAMS:
        assert same(read_by_it[stream], stream) == same(expected[stream], stream), stream
        assert expected[stream], stream
    # Only twins, exact equals of another event, have IDs that the edition does not make.
    ids, known = ({row["event_id"] for row in rows["campaign_recipients_activity"]} for rows in (read_by_it, expected))
    assert ids < known
    assert len(known - ids) == len(expected["campaign_recipients_activity"]) - len(ids)


def test_the_next_sync_reads_the_last_days_only(sandbox: Sandbox) -> None:
    streams = ("campaign_analytics_daily", "campaign_recipients_activity", *EVENT_LISTS)
    first = edition(sandbox, *streams)
    before = len(sandbox.requests)

    second = edition(sandbox, *streams, state=[message.state for message in first.state_messages])

    assert not first.errors
    assert not second.errors
    days = {row["date"] for row in records(second, "campaign_analytics_daily")}
    today = sandbox.account.today
    # The look-back and today.
    assert min(days) >= str(today - timedelta(days=16))
    assert max(days) == str(today)
    assert len(sandbox.requests) - before < before / 2


def test_a_last_day_that_does_not_count_can_be_said(sandbox: Sandbox) -> None:
    expected = the_connectors(sandbox, "campaign_analytics_daily")["campaign_analytics_daily"]
    today = str(sandbox.account.today)
    left_out = replace(UNLIMITED, last_day_left_out=frozenset({"analytics"}))
    with Sandbox(sandbox.account, left_out) as other:
        wrong, right = (
            records(edition(other, "campaign_analytics_daily", **given), "campaign_analytics_daily")
            for given in ({}, {"last_day_counts": False})
        )

    assert not any(row["emails_sent"] for row in wrong)
    assert same(right, "campaign_analytics_daily") == same(
        [row for row in expected if row["date"] != today], "campaign_analytics_daily"
    )


def test_the_first_day_may_be_that_of_another_time_zone() -> None:
    made = evening(1)
    furnish(made, 7)
    with Sandbox(made, replace(UNLIMITED, day_offset_hours=-8)) as other:
        start = str(made.today - timedelta(60))
        # Without a start, totals begin with the campaign.
        for stream, given in (("campaign_analytics", None), ("campaign_analytics_daily", start)):
            found = records(edition(other, stream, start_date=given), stream)
            assert sum(row["first_emails"] for row in found) == 6
            expected = of_the_connector(stream, whole_config=other.config(start_date=given or ""))
            assert same(found, stream) == same(records(expected, stream), stream)


# Faults --------------------------------------------------------------------------------------------------------------

HTML: Final = "<html><body>Access denied</body></html>"


@pytest.mark.parametrize(
    "fault",
    [
        faults.answer(401, {"errors": ["Unauthorized"]}, path="/progress", times=1),
        faults.answer(429, {"errors": ["Too many requests"]}, path="/progress", times=1),
        faults.answer(502, HTML, path="/progress", times=1),
        faults.answer(200, HTML, path="/progress", times=1),
    ],
    ids=["an expired token", "429", "502", "a firewall's page"],
)
def test_what_passes_costs_no_record(sandbox: Sandbox, clock: Clock, fault: Any) -> None:
    sandbox.add_fault(fault)

    output = edition(sandbox, "campaign_progress")

    assert not output.errors
    assert len(records(output, "campaign_progress")) == len(sandbox.account.campaigns)


def test_a_campaign_that_is_gone_is_skipped(sandbox: Sandbox) -> None:
    gone = min(sandbox.account.campaigns)
    sandbox.add_fault(faults.answer(404, {"errors": ["Not found"]}, path=f"/{gone}/progress", times=None))

    output = edition(sandbox, "campaign_progress")

    assert not output.errors
    assert {row["campaign_id"] for row in records(output, "campaign_progress")} == {*sandbox.account.campaigns} - {gone}


@pytest.mark.parametrize(
    ("stream", "path", "fails"), [("warm_ups", "/v2/warm-up", False), ("campaign_progress", "/progress", True)]
)
def test_what_the_plan_lacks_is_left_out_unless_every_plan_has_it(
    sandbox: Sandbox, stream: str, path: str, fails: bool
) -> None:
    sandbox.add_fault(faults.answer(403, {"errors": ["Forbidden"]}, path=path, times=None))

    output = edition(sandbox, "pipelines", stream)

    assert bool(output.errors) == fails
    assert records(output, "pipelines")
    assert not records(output, stream)


@pytest.mark.parametrize("body", [{"success": False, "errors": ["No such filter"]}, {"error": "No such filter"}])
def test_an_error_with_status_200_fails_the_stream_with_the_apis_words(sandbox: Sandbox, body: Any) -> None:
    sandbox.add_fault(faults.answer(200, body, path="/v2/pipelines", times=None))

    output = edition(sandbox, "pipelines", "prospect_lists")

    assert any("No such filter" in message.trace.error.message for message in output.errors)
    assert records(output, "prospect_lists")


# The catalog ---------------------------------------------------------------------------------------------------------


VALIDATE: Final = """
import sys, yaml
from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 import ConnectorMetadataDefinitionV0
ConnectorMetadataDefinitionV0.model_validate(yaml.safe_load(open(sys.argv[1])))
"""


def test_the_entry_for_airbytes_catalog_is_what_airbytes_model_wants(folder: Path, older: Path) -> None:
    written = entry()

    [path] = [name for name in written if name.endswith("metadata.yaml")]
    for name, metadata in {"own": (ROOT / "metadata.yaml").read_text(), "entry": written[path]}.items():
        (folder / f"{name}.yaml").write_text(metadata)
        done = run(folder, "-c", VALIDATE, f"{name}.yaml", PYTHONPATH=str(older))
        assert done.returncode == 0, done.stderr[-1000:]
    assert written[f"{path.removesuffix('metadata.yaml')}manifest.yaml"] == FILE.read_text()
    page = written["docs/integrations/sources/snov.md"]
    for title in ("Prerequisites", "Setup guide", "Supported sync modes", "Supported streams", "Changelog"):
        assert f"## {title}\n" in page
    assert re.findall(r"^\| `(\w+)` \| .* \| (?:yes|no) \|$", page, re.MULTILINE) == list(STREAMS)


# The Builder, and PyAirbyte ------------------------------------------------------------------------------------------

BUILDER: Final = """
import json, sys
from airbyte_cdk.connector_builder.main import handle_request
print(handle_request(sys.argv[1:]))
"""


@pytest.mark.parametrize("cdk", ["the pinned one", "the Builder's"])
def test_the_builders_code_resolves_it_and_reads_a_page(
    sandbox: Sandbox, folder: Path, cdk: str, request: pytest.FixtureRequest
) -> None:
    path = {} if cdk == "the pinned one" else {"PYTHONPATH": str(request.getfixturevalue("older"))}
    limits = {"max_records": 100, "max_slices": 3, "max_pages_per_slice": 2}
    said = {}
    (folder / "state.json").write_text("[]")
    for command in ("resolve_manifest", "full_resolve_manifest", "test_read"):
        given = {
            **config(sandbox),
            "__injected_declarative_manifest": manifest(sandbox),
            "__command": command,
            "__test_read_config": limits,
        }
        (folder / "asked.json").write_text(json.dumps(given))
        stream = {"name": "campaign_replies", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
        selected = [{"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}]
        (folder / "one.json").write_text(json.dumps({"streams": selected if command == "test_read" else []}))
        done = run(
            folder, "-c", BUILDER, "read", "--config", "asked.json", "--catalog", "one.json", "--state", "state.json",
            **path,
        )  # fmt: skip
        messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"type":"RECORD"')]
        assert messages, done.stdout[-2000:] + done.stderr[-2000:]
        [said[command]] = [message["record"]["data"] for message in messages]

    for command in ("resolve_manifest", "full_resolve_manifest"):
        resolved = said[command]["manifest"]["streams"]
        assert [stream["name"] for stream in resolved] == list(STREAMS)
        assert "$ref" not in json.dumps(resolved)
    page = said["test_read"]["slices"][0]["pages"][0]
    assert page["response"]["status"] == 200
    assert not [log for log in said["test_read"]["logs"] if log["level"] == "ERROR"]


PYAIRBYTE: Final = """
import json, sys
import airbyte, yaml
source = airbyte.get_source(
    "source-snov", source_manifest=yaml.safe_load(open("manifest.yaml")), config=json.load(open("config.json"))
)
source.check()
source.select_streams(["campaigns", "campaign_replies", "warm_ups"])
source.read(airbyte.caches.DuckDBCache(db_path="edition.duckdb"))
"""


def test_pyairbyte_loads_it(sandbox: Sandbox, folder: Path) -> None:
    done = run(folder, "-c", PYAIRBYTE)

    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(folder / "edition.duckdb"), read_only=True) as connection:
        [(campaigns, started)] = connection.execute("SELECT count(*), count(started_at) FROM campaigns").fetchall()
        [(received, kind)] = connection.execute(
            "SELECT replies::JSON -> 0 ->> 'received_at', typeof(received_at) FROM campaign_replies LIMIT 1"
        ).fetchall()
    assert campaigns == len(sandbox.account.campaigns)
    assert started
    assert received.endswith("Z")
    assert kind.startswith("TIMESTAMP")
