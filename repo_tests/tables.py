"""`make docs`: writes what follows from the manifest and the schemas: tables of pages, the example catalogs, and the
edition for the Connector Builder.

A table stands between marks such as `<!-- make docs: streams -->` and `<!-- /make docs: streams -->`. Its header and
the columns that no function here fills belong to the page: their prose is kept, and is TODO in a new row.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from airbyte_cdk.models import AirbyteStream, SyncMode

from benchmarks.tables import around
from builder.generate import FILE as EDITION
from builder.generate import STREAMS as EDITIONS
from builder.generate import text as edition
from repo_tests.costs import ASSUMED, COSTS, NEXT_MORNING, requests_of
from source_snov import SourceSnov
from unit_tests._names import SUGGESTED
from unit_tests._paths import ROOT
from unit_tests._streams import DECLARED, MANIFEST, key_of, path_of, schema

EXAMPLES = ROOT / "integration_tests"
SPEC = MANIFEST["spec"]["connection_specification"]
METRICS = schema("campaign_analytics")["properties"]

Row = Mapping[str, str]
"""The cells of a row by the title of their column."""


def generated() -> dict[Path, str]:
    """What each page and catalog should hold."""
    found = {}
    for name in (*TABLES, *COUNTED):
        text = (ROOT / name).read_text()
        for rows in TABLES.get(name, ()):
            before, old, after = around(f"make docs: {rows.__name__}", text)
            text = before + filled(old, list(rows())) + after
        for phrase in COUNTED.get(name, ()):
            old = re.sub(r"\\{\w+\\}", r"\\d+", re.escape(phrase))
            text, places = re.subn(old, phrase.format(every=len(DECLARED), edition=len(EDITIONS)), text)
            assert places == 1, f"{name} has to say once: {phrase}"
        found[ROOT / name] = text
    found[EDITION] = edition()
    every = catalog()
    for name, listed in (("configured", every), ("campaigns", every[:1])):
        text = json.dumps({"streams": listed}, indent=2, ensure_ascii=False)
        found[EXAMPLES / f"{name}_catalog.json"] = f"{text}\n"
    return found


def filled(old: str, rows: Sequence[Row]) -> str:
    """A table with these rows, each told by its first cell."""
    titles, rule, *lines = old.splitlines()
    columns = cells(titles)
    prose = {cells(line)[0]: dict(zip(columns, cells(line), strict=True)) for line in lines}
    every = [{**dict.fromkeys(columns, "TODO"), **prose.get(row[columns[0]], {}), **row} for row in rows]
    assert all(list(row) == columns for row in every), f"Columns were renamed: {titles}"
    return "\n".join([titles, rule, *(f"| {' | '.join(row.values())} |" for row in every)])


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def code(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def streams() -> Iterator[Row]:
    for stream in DECLARED:
        method = DECLARED[stream]["retriever"]["requester"]["http_method"]
        yield {
            **about(stream),
            "Primary key": code(key_of(stream)),
            "Requests of a sync": COSTS[stream].words if stream in COSTS else "[few](#how-requests-are-saved)",
            "Minutes for 100 campaigns": minutes(stream),
            "Endpoint": f"[`{method} {path_of(stream).replace('{}', '{id}')}`](https://snov.io/api)",
        }


def suggested() -> Iterator[Row]:
    yield from map(about, SUGGESTED)


def about(stream: str) -> Row:
    cursor = cursor_of(stream)
    return {
        "Stream": f"`{stream}`",
        "One record per": re.sub(r"^One record per |\.( .*)?$", "", schema(stream)["description"]),
        "Sync modes": "Full Refresh" + (f", Incremental (cursor `{cursor}`)" if cursor else ""),
        "Personal data": "yes" if personal_fields(stream) else "no",
    }


def cursor_of(stream: str) -> str | None:
    cursor: list[str] = discovered()[stream].default_cursor_field or []
    return cursor[0] if cursor else None


def minutes(stream: str) -> str:
    """At one request a second: of the first sync, and of the next morning's if it takes another time."""
    if stream not in COSTS:
        return "[measured](#performance-considerations)"
    both = [f"{COSTS[stream].requests(size) / 60:.1f}" for size in (ASSUMED, NEXT_MORNING)]
    return ", then ".join(dict.fromkeys(both))


def personal() -> Iterator[Row]:
    for stream in DECLARED:
        if names := personal_fields(stream):
            yield {"Stream": f"`{stream}`", "Fields": code(names)}


def personal_fields(stream: str) -> list[str]:
    return [name for name, field in fields_of(schema(stream)) if "Personal data." in field["description"]]


def fields_of(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every field with its dotted path, those of nested objects and of the objects in arrays included."""
    for name, field in schema.get("properties", {}).items():
        yield f"{prefix}{name}", field
        for inner in (field, field.get("items", {})):
            yield from fields_of(inner, f"{prefix}{name}.")


def configuration() -> Iterator[Row]:
    """The fields that the form shows, in its order."""
    sample = json.loads((EXAMPLES / "sample_config.json").read_text())
    for name, field in sorted(SPEC["properties"].items(), key=lambda item: item[1]["order"]):
        if not field.get("airbyte_hidden"):
            yield {
                "Key": f"`{name}`",
                "Title": field["title"],
                "Type": field["type"],
                "Default": "required" if name in SPEC["required"] else shown(field, "default"),
                "Example": shown(sample, name),
            }


def shown(values: Mapping[str, Any], name: str) -> str:
    return f"`{json.dumps(values[name])}`" if name in values else ""


def rates() -> Iterator[Row]:
    for name, field in METRICS.items():
        if name.endswith("_rate"):
            [whole] = re.findall(rf"^{name.removesuffix('_rate')} as a share of ([\w ]+)", field["description"])
            counts = [f"`{word}`" for word in whole.split() if word in METRICS]
            yield {"Rate": f"`{name}`", "Is a percentage of": " + ".join(counts)}


def counts() -> Iterator[Row]:
    for kind in ("Actions", "Distinct recipients"):
        unit = f"Unit: {kind.lower()}"
        yield {"Kind": kind, "Counts": code([name for name, field in METRICS.items() if unit in field["description"]])}
    yield {"Kind": "Rates"}


def paces() -> Iterator[Row]:
    default = SPEC["properties"]["requests_per_minute"]["default"]
    for campaigns in (10, 100, 1000):
        requests = requests_of(campaigns)
        minutes = {f"Minutes at {pace}": f"{requests / pace:.1f}" for pace in (default, 30)}
        yield {"Campaigns": f"{campaigns:,}", "Requests": f"{requests:,}", **minutes}


def six_oclock() -> Iterator[Row]:
    """What a sync of 300 campaigns takes, as docs/benchmarks.md has it."""
    page = (ROOT / "docs/benchmarks.md").read_text()
    first, mornings = ([*_measured(page, name)] for name in ("first", "mornings"))
    pace = SPEC["properties"]["requests_per_minute"]["default"]
    named = {
        "Next morning, 15 campaigns at work": mornings[0]["as it is"],
        "Next morning, all streams": mornings[1]["as it is"],
        "First, until the last month of all campaigns is there": first[0][
            "until the last 31 days of every campaign are complete"
        ],
        "First, all days": first[0]["until the end"],
        "First, with `daily_history_days` 90": first[1]["until the end"],
    }
    for name, requests in named.items():
        minutes = int(requests.replace(",", "")) / pace
        yield {"Sync": name, "Requests": requests, f"Minutes at {pace}": f"{minutes:.0f}"}


def _measured(page: str, part: str) -> Iterator[Row]:
    _, text, _ = around(f"bench {part}", page)
    titles, _, *lines = (cells(line) for line in text.splitlines() if line.startswith("|"))
    return (dict(zip(titles, line, strict=True)) for line in lines)


@cache
def discovered() -> dict[str, AirbyteStream]:
    """The connector's own streams, without custom reports."""
    config = {**json.loads((EXAMPLES / "sample_config.json").read_text()), "custom_reports": []}
    return {stream.name: stream for stream in SourceSnov().discover(logging.getLogger("airbyte"), config).streams}


def catalog() -> list[dict[str, Any]]:
    """Every stream the connector discovers: incremental where it can be, so that a state has its effect."""
    return [
        {
            "stream": {
                "name": stream.name,
                "json_schema": stream.json_schema,
                "supported_sync_modes": [mode.value for mode in stream.supported_sync_modes],
                "source_defined_primary_key": stream.source_defined_primary_key,
            },
            **(
                {"sync_mode": "incremental", "destination_sync_mode": "append_dedup"}
                if SyncMode.incremental in stream.supported_sync_modes
                else {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
            ),
        }
        for stream in discovered().values()
    ]


TABLES: dict[str, list[Callable[[], Iterator[Row]]]] = {
    "README.md": [suggested],
    "docs/snov.md": [configuration, streams, rates, counts, paces],
    "docs/personal-data.md": [personal],
    "docs/running/cron-airflow.md": [six_oclock],
}

COUNTED: dict[str, list[str]] = {
    "README.md": ["[{every} in all]"],
    "docs/running/README.md": ["{edition} of the {every} streams"],
    "docs/running/cloud.md": ["{edition} of the {every} streams", "| streams | {edition} | {every}, and"],
}
"""What the prose of a page says of the number of streams: of the connector, and of the edition for the Builder."""

if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
