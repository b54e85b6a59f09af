"""The documentation, the examples and the schemas agree with the connector."""

from __future__ import annotations

import ast
import json
import logging
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from airbyte_cdk.utils import AirbyteTracedException
from starlette.routing import Route

from repo_tests.costs import requests_of
from repo_tests.tables import METRICS, SPEC, cursor_of, discovered, fields_of, filled, generated
from sandbox.server import create_app
from sandbox.world.seeds import empty_account
from source_snov import SourceSnov
from source_snov.incremental.partitions import LOOKBACK_DAYS
from source_snov.records.figures import LONGER_URL, most_campaigns
from unit_tests._names import CORE, DAILY, SUGGESTED
from unit_tests._paths import ROOT
from unit_tests._streams import DECLARED, LISTS, MANIFEST, REPORTS, key_of, schema

PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/snov.md", "docs/personal-data.md", "sandbox/README.md"]
PAGES += ["docs/benchmarks.md", "docs/api-behaviour.md", "docs/guarantees.md"]
PAGES += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs/running").glob("*.md"))
STREAMS = list(DECLARED)
SCHEMAS = {stream: schema(stream) for stream in STREAMS}
LOCAL_TIMES = {("campaign_settings", "start_campaign_at"), ("campaign_settings", "complete_campaign_at")}
"""Times in the campaign's own zone, which the API gives without one."""
UNTYPED = {(stream, "links") for stream in ("email_opens", "email_clicks", "email_replies")}
"""Fields that are null in all of the API's samples: a list of anything."""
ANCHOR = re.compile(r'<FieldAnchor field="(\w+)">\n\n\*\*([^*]+)\*\*(.*?)</FieldAnchor>', re.DOTALL)
FIELDS = [(stream, name, field) for stream, schema in SCHEMAS.items() for name, field in fields_of(schema)]


def page(name: str) -> str:
    return (ROOT / name).read_text()


def section(name: str, heading: str) -> str:
    """What stands under a heading of a page, its own sub-sections included."""
    marks, _, title = heading.partition(" ")
    _, found, rest = page(name).partition(f"\n{marks} {title}\n")
    assert found, f"{name} has no section {heading!r}"
    return re.split(rf"\n#{{1,{len(marks)}}} ", rest)[0]


def tables(text: str) -> list[list[dict[str, str]]]:
    """The Markdown tables of a text; each row maps the column's title to the cell."""
    found = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE):
        titles, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
        found.append([dict(zip(titles, row, strict=True)) for row in rows])
    return found


def code(text: str) -> list[str]:
    """The names in a text that are written as code."""
    return re.findall(r"`([^`]+)`", text)


def is_optional(stream: str) -> bool:
    return bool(DECLARED[stream]["retriever"]["requester"]["error_handler"].get("optional"))


def number(text: str) -> float:
    return float(text.replace(",", ""))


def types(field: dict[str, Any]) -> list[str]:
    declared = field["type"]
    return declared if isinstance(declared, list) else [declared]


# Tables ---------------------------------------------------------------------------------------------------------------


def test_what_is_generated_is_fresh() -> None:
    assert [path.name for path, text in generated().items() if path.read_text() != text] == [], "run make docs"


def test_prose_in_a_table_is_kept_and_left_to_write_in_a_new_row() -> None:
    header = "| Name | Derived | Written |\n|:---|---:|---|\n"
    rows = [{"Name": name, "Derived": "new"} for name in ("kept", "added")]

    assert filled(f"{header}| gone | old | a |\n| kept | old | b |", rows) == (
        f"{header}| kept | new | b |\n| added | new | TODO |"
    )


# Streams --------------------------------------------------------------------------------------------------------------


def test_each_incremental_stream_is_discovered_with_a_cursor_of_its_schema() -> None:
    for stream in STREAMS:
        found, cursor = discovered()[stream], cursor_of(stream)
        assert ("incremental" in {mode.value for mode in found.supported_sync_modes}) == bool(cursor)
        assert cursor is None or cursor in SCHEMAS[stream]["properties"]


@pytest.mark.parametrize("stream", STREAMS)
def test_each_schema_says_what_a_record_is(stream: str) -> None:
    assert re.match(r"One record per .+\.( |$)", SCHEMAS[stream]["description"])


def test_the_suggested_streams_are_advised() -> None:
    advice = section("docs/snov.md", "## Supported Streams").partition("Choose ")[2].partition(" first")[0]

    assert set(CORE) < set(SUGGESTED) < set(STREAMS)
    assert code(advice) == SUGGESTED


def test_the_core_is_what_fails_and_all_else_is_optional() -> None:
    text = section("docs/snov.md", "### Optional streams").partition("fail when they cannot be read: ")[2]

    assert {stream for stream in STREAMS if stream not in REPORTS and not is_optional(stream)} == set(CORE) - {DAILY}
    assert sorted(code(text.partition(". ")[0])) == sorted(CORE)


# Personal data --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["docs/snov.md", "README.md"])
def test_the_page_on_personal_data_is_linked(name: str) -> None:
    assert re.search(r"\]\((docs/)?personal-data\.md\)", page(name))


# Configuration --------------------------------------------------------------------------------------------------------


def test_each_config_field_has_its_anchor_and_title_in_the_order_of_the_form() -> None:
    anchors = [(name, title) for name, title, _ in ANCHOR.findall(page("docs/snov.md"))]
    fields = sorted(SPEC["properties"].items(), key=lambda item: item[1]["order"])

    assert page("docs/snov.md").count("<FieldAnchor") == page("docs/snov.md").count("</FieldAnchor>") == len(anchors)
    assert anchors == [(name, field["title"]) for name, field in fields]


def test_each_anchor_says_whether_the_field_is_optional_its_default_and_its_range() -> None:
    for name, _, text in ANCHOR.findall(page("docs/snov.md")):
        field = SPEC["properties"][name]

        if not field.get("airbyte_hidden"):
            assert ("(optional" in text) == (name not in SPEC["required"]), name
        if "default" in field:
            default = field["default"] if isinstance(field["default"], str) else json.dumps(field["default"])
            assert re.search(rf"default `?{re.escape(default)}\b", text), name
        if "maximum" in field:
            assert f"from {field['minimum']} to {field['maximum']:,}" in " ".join(text.split()), name


# Metrics --------------------------------------------------------------------------------------------------------------


def test_a_rate_is_marked_as_inferred_in_the_docs_as_in_the_schema() -> None:
    [table] = tables(section("docs/snov.md", "## What each rate is a percentage of"))

    for row in table:
        name = code(row["Rate"])[0]
        assert ("inferred" in METRICS[name]["description"]) == (row["Source"] != "API reference"), name


def test_each_count_is_of_one_kind() -> None:
    for name, field in METRICS.items():
        if "integer" in types(field) and name != "campaign_id":
            assert len(re.findall("Unit: (?:actions|distinct recipients)", field["description"])) == 1, name


# Schemas --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stream", "name", "field"), FIELDS, ids=[f"{stream}.{name}" for stream, name, _ in FIELDS])
def test_each_field_of_a_schema_has_type_and_description(stream: str, name: str, field: dict[str, Any]) -> None:
    assert set(types(field)) - {"null"} < {"string", "integer", "number", "boolean", "object", "array"}
    assert len(set(types(field)) - {"null"}) == 1
    assert field["description"].endswith(".")
    if {"integer", "number"} & set(types(field)) and not re.search(r"(^|_|\.)id$", name):
        assert "Unit: " in field["description"], "the description names no unit"
    if name.endswith("_rate"):
        assert "number" in types(field)
    if name.endswith("_at") or field.get("format") == "date-time":
        zone = "without" if (stream, name) in LOCAL_TIMES else "with"
        assert (field.get("format"), field.get("airbyte_type")) == ("date-time", f"timestamp_{zone}_timezone")
        assert f"Unit: {'local ' if zone == 'without' else ''}date and time" in field["description"]


def test_the_exceptions_from_the_rules_of_schemas_are_in_the_schemas() -> None:
    fields = {(stream, name): field for stream, name, field in FIELDS}

    assert all(fields[place]["airbyte_type"] == "timestamp_without_timezone" for place in LOCAL_TIMES)
    assert {place for place, field in fields.items() if field.get("items") == {}} == UNTYPED


def test_nested_fields_are_looked_at_too() -> None:
    assert {("campaign_replies", "replies.message"), ("campaign_settings", "tracking.open")} <= {
        (stream, name) for stream, name, _ in FIELDS
    }


def objects_of(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema with all objects in it that have fields."""
    yield schema
    for field in schema.get("properties", {}).values():
        for inner in (field, field.get("items", {})):
            if "properties" in inner:
                yield from objects_of(inner)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_schema_is_open_and_its_key_is_never_null(stream: str) -> None:
    schema = SCHEMAS[stream]

    assert all(one["additionalProperties"] is True for one in objects_of(schema))
    for name in key_of(stream):
        field = schema["properties"][name]
        assert field["type"] in ("string", "integer")
        assert "rimary key" in field["description"]
        if name.endswith("_id") and name != "event_id":
            assert field["type"] == "integer"
        if name == "date":
            assert field["format"] == "date"


# Numbers --------------------------------------------------------------------------------------------------------------


def test_the_number_of_campaigns_that_one_request_about_a_sender_can_name_is_stated() -> None:
    fit = most_campaigns({"api_url": SPEC["properties"]["api_url"]["default"]}, [910_001], LONGER_URL)
    stated = re.findall(r"about (\d+) (?:fit|campaigns)", page("docs/snov.md"))
    assert stated
    assert {round(fit, -2)} == {int(number) for number in stated}


def test_the_lookback_in_the_code_is_the_default_of_the_form() -> None:
    assert SPEC["properties"]["lookback_days"]["default"] == LOOKBACK_DAYS
    assert f"look-back of {LOOKBACK_DAYS} days" in page("README.md")


def test_the_pace_has_the_numbers_of_the_manifest() -> None:
    text = " ".join(section("docs/snov.md", "### Pace").split())
    [rate] = MANIFEST["api_budget"]["policies"][0]["rates"]
    default = SPEC["properties"]["requests_per_minute"]["default"]
    policy = MANIFEST["definitions"]["error_policy"]

    assert f"at most {default} in any {rate['interval'].removeprefix('PT').removesuffix('S')} seconds" in text
    hundred, thousand = (round(requests_of(campaigns) / default) for campaigns in (100, 1000))
    assert f"about {hundred} minutes for 100, about {thousand} for 1,000" in text
    assert (policy["first_pause"], policy["longest_pause"]) == (60, 300)
    assert "1 minute, then 2, 4 and at most 5" in text
    assert f"After {policy['patience'] // 60} minutes of 429" in text


def test_the_error_table_has_the_waits_of_the_manifest() -> None:
    text = section("CONTRIBUTING.md", "## What each response leads to")
    policy = MANIFEST["definitions"]["error_policy"]
    *most, last = policy["unavailable_waits"]
    missing = policy["missing_waits"]
    docs = section("docs/snov.md", "## Limitations & Troubleshooting")

    assert f"{len(most) + 1} more tries after {', '.join(map(str, most))} and {last} s" in text
    assert f"{len(missing)} more tries, {missing[0]} s apart" in text
    assert f"would pass {policy['patience'] // 60} minutes" in text
    assert f"about {sum([*most, last]) // 60} minutes, with {len(most) + 2} tries" in docs
    assert f"(a 422: {len(missing) + 1} tries over {sum(missing)} seconds)" in docs


# Messages and modules -------------------------------------------------------------------------------------------------


def messages() -> Iterator[str]:
    """Every text in the connector's code and manifest, with `…` for what is filled in at run time."""
    for path in (ROOT / "source_snov").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                yield text_of(node)
    yield from told_to_users()


def pattern_of(documented: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part.strip()) for part in documented.split("…")), re.DOTALL)


def test_each_message_that_the_docs_explain_is_one_of_the_connectors() -> None:
    known = list(messages())
    table = tables(section("docs/snov.md", "## Limitations & Troubleshooting"))[0]
    documented = [text for row in table for text in code(row["Message"])]

    assert len(documented) >= len(table) > 0
    for text in documented:
        assert any(pattern_of(text).search(message) for message in known), f"no message reads {text!r}"


def text_of(node: ast.expr) -> str:
    """A text in the code, with `…` for what is filled in at run time."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def told_to_users() -> Iterator[str]:
    """The texts that fail a sync or a check, or warn. Not those put together from these and what the API said."""
    # What is wrong with a file is said with the next step, and is not in the table.
    for path in {*(ROOT / "source_snov").rglob("*.py")} - {ROOT / "source_snov" / "files.py"}:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "_problem":
                yield from (
                    text_of(part.value) for part in ast.walk(node) if isinstance(part, ast.Return) and part.value
                )
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            if name in ("config_error", "system_error", "logger.warning", "logger.error"):
                yield text_of(node.args[0])
            if name in ("AirbyteTracedException", "AirbyteConnectionStatus"):
                yield from (text_of(keyword.value) for keyword in node.keywords if keyword.arg == "message")
    for policy in ("error_policy", "token_error_policy"):
        for response_filter in MANIFEST["definitions"][policy]["response_filters"]:
            yield re.sub(r"{{.*?}}", "…", response_filter.get("error_message", ""))


def test_each_message_to_users_is_explained_in_the_docs() -> None:
    table = tables(section("docs/snov.md", "## Limitations & Troubleshooting"))[0]
    patterns = [pattern_of(text) for row in table for text in code(row["Message"])]
    texts = [text for text in told_to_users() if text.strip("… ") and not text.startswith(("… It said", "… …: "))]

    assert len(texts) > 20
    for text in texts:
        assert any(pattern.search(text) for pattern in patterns), f"no row explains {text!r}"


def test_each_python_module_has_its_row() -> None:
    _, table = tables(section("CONTRIBUTING.md", "## Python modules"))
    package = ROOT / "source_snov"
    modules = {str(path.relative_to(package)) for path in package.rglob("*.py") if path.name != "__init__.py"}
    rooms = {f"{path.name}/" for path in package.iterdir() if (path / "__init__.py").exists()}

    assert {name for row in table for name in code(row["Module"])} == modules | rooms


def test_the_sandboxs_page_names_each_path_that_it_serves() -> None:
    served = {route.path for route in create_app(empty_account(date.today())).routes if isinstance(route, Route)}
    [table] = tables(section("sandbox/README.md", "## What it serves"))
    named = {path.removeprefix("POST ") for row in table for path in code(row["Paths"])}

    assert named == {re.sub(r"{[^}]*}", "{id}", path) for path in served if not path.startswith("/_sandbox")}


def test_imports_point_down() -> None:
    rooms = ["records", "api", "incremental"]
    for place, room in enumerate(rooms):
        known = ["failures", *rooms[: place + 1]]
        for path in (ROOT / "source_snov" / room).glob("*.py"):
            imported = re.findall(r"^ *from source_snov(?:\.(\w+))?", path.read_text(), re.MULTILINE)
            assert set(imported) <= set(known), path


def test_each_behaviour_of_the_api_is_numbered_and_says_why_it_matters() -> None:
    behaviours = re.findall(
        r"^(\d+)\. (.*?)(?=^\d+\. |^##+ |^\| |\Z)",
        page("docs/api-behaviour.md").partition("## What can be read incrementally")[0],
        re.MULTILINE | re.DOTALL,
    )

    assert [int(position) for position, _ in behaviours] == list(range(1, len(behaviours) + 1))
    assert len(behaviours) > 20
    for position, text in behaviours:
        assert " ".join(text.split()).count("Why this matters: ") == 1, position


def test_the_table_of_what_can_be_read_incrementally_has_every_stream_but_lists() -> None:
    [table] = tables(section("docs/api-behaviour.md", "## What can be read incrementally"))
    rows = {stream: row for row in table for stream in code(row["Stream"])}

    assert set(rows) >= set(STREAMS) - set(LISTS)
    for stream, row in rows.items():
        cursor = cursor_of(stream)
        assert row["Status"].startswith(f"incremental by `{cursor}`" if cursor else "full refresh"), stream


# Versions -------------------------------------------------------------------------------------------------------------


def test_the_newest_version_is_the_same_everywhere() -> None:
    [newest, *_] = re.findall(r"^## (\d+\.\d+\.\d+) - (\S+)$", page("CHANGELOG.md"), re.MULTILINE)
    [table] = tables(section("docs/snov.md", "## Changelog"))

    assert list(table[0]) == ["Version", "Date", "Pull Request", "Subject"]
    assert (table[0]["Version"], table[0]["Date"]) == newest
    assert tomllib.loads(page("pyproject.toml"))["project"]["version"] == newest[0]
    assert yaml.safe_load(page("metadata.yaml"))["data"]["dockerImageTag"] == newest[0]
    assert set(re.findall(r"source-snov:(\d[\w.]*)", page("README.md"))) == {newest[0]}
    date.fromisoformat(newest[1])


def test_the_page_has_the_sections_airbyte_asks_for_in_its_order() -> None:
    headings = re.findall(r"^## (.+)$", page("docs/snov.md"), re.MULTILINE)
    required = [
        "Prerequisites",
        "Setup guide",
        "Supported sync modes",
        "Supported Streams",
        "Performance considerations",
        "Limitations & Troubleshooting",
        "IP allow list",
        "Changelog",
    ]

    assert page("docs/snov.md").startswith("# Snov.io\n\n<HideInUI>\n")
    assert [heading for heading in headings if heading in required] == required
    assert page("docs/snov.md").count("<HideInUI>") == page("docs/snov.md").count("</HideInUI>")
    assert {"#### For Airbyte Cloud", "#### For Airbyte Open Source"} <= set(page("docs/snov.md").splitlines())


# Links and commands ---------------------------------------------------------------------------------------------------


def anchors_of(path: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```$", "", path.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_relative_links_lead_to_a_file_and_a_heading(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page(name)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), target
        assert not anchor or anchor in anchors_of(path), target


@pytest.mark.parametrize("name", [*PAGES, "metadata.yaml", "acceptance-test-config.yml", "pyproject.toml"])
def test_no_link_is_unencrypted(name: str) -> None:
    assert re.findall(r"http://(?!127\.0\.0\.1|localhost)\S*", page(name)) == []


@pytest.mark.parametrize("name", PAGES)
def test_each_make_target_that_is_named_exists(name: str) -> None:
    named = set(re.findall(r"^\s*make ([a-z][\w-]*)", page(name), re.MULTILINE))
    named |= set(re.findall(r"`make ([a-z][\w-]*)", page(name)))
    targets = set(re.findall(r"^([a-z][\w-]*):(?!=)", page("Makefile"), re.MULTILINE))

    assert named <= targets
    if name == "README.md":
        assert {"demo", "verify", "test", "bench"} <= named


@pytest.mark.parametrize("name", PAGES)
def test_nothing_in_a_page_is_left_to_write(name: str) -> None:
    assert re.findall(r"\b(?:TODO|TBD|FIXME|XXX|[A-Z]+_OUTPUT)\b", page(name)) == []


# Examples -------------------------------------------------------------------------------------------------------------


def example(name: str) -> Any:
    return json.loads(page(f"integration_tests/{name}"))


def test_the_sample_configuration_shows_every_field_of_the_form() -> None:
    sample = example("sample_config.json")
    shown = {name for name, field in SPEC["properties"].items() if not field.get("airbyte_hidden")}

    jsonschema.Draft7Validator(SPEC, format_checker=jsonschema.FormatChecker()).validate(sample)
    assert set(sample) == shown


def test_the_readme_shows_the_sample_configuration() -> None:
    assert page("integration_tests/sample_config.json").strip() in page("README.md")


def test_the_readme_is_short() -> None:
    assert len(page("README.md").splitlines()) <= 170


def test_the_invalid_configuration_fits_the_form_and_is_refused_without_a_request() -> None:
    invalid = example("invalid_config.json")

    jsonschema.Draft7Validator(SPEC).validate(invalid)
    with pytest.raises(AirbyteTracedException, match=r"start_date .* is after end_date"):
        SourceSnov().check(logging.getLogger("airbyte"), invalid)


@pytest.mark.parametrize("name", ["sample_config.json", "invalid_config.json"])
def test_examples_hold_placeholders_only(name: str) -> None:
    config = example(name)

    assert (config["client_id"], config["client_secret"]) == ("your-api-user-id", "your-api-secret")
    assert all(owner.endswith("@example.com") for owner in config.get("campaign_owners", []))


# The guarantees -------------------------------------------------------------------------------------------------------


def test_each_guarantee_names_what_proves_it() -> None:
    proven = [row for table in tables(page("docs/guarantees.md")) for row in table]
    assert len(proven) > 20
    for row in proven:
        proofs = re.findall(r"`([^`]+)`", row["Proof"])
        assert proofs, row["Promise"]
        for proof in proofs:
            assert proof in TESTS or _is_make_target(proof), proof


def test_each_file_of_fault_tests_proves_something() -> None:
    text = page("docs/guarantees.md")
    assert [path.name for path in (ROOT / "fault_tests").glob("test_*.py") if f"/{path.name}::" not in text] == []


def _tests() -> Iterator[str]:
    for folder in ("unit_tests", "fault_tests", "integration_tests", "repo_tests", "sandbox/tests"):
        for path in sorted((ROOT / folder).glob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield f"{folder}/{path.name}::{node.name}"


def _is_make_target(command: str) -> bool:
    make, _, rest = command.partition(" ")
    return make == "make" and re.search(rf"^{re.escape(rest.split()[0])}:", page("Makefile"), re.MULTILINE) is not None


TESTS = frozenset(_tests())
