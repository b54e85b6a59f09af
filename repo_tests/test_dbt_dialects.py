"""The dbt package's SQL for databases that cannot be run here: Snowflake and BigQuery.

dbt's adapters for them are not installed. So the tests render the models with the package's own macros, and with
stand-ins, modelled on those adapters, for the few dbt functions that they call. sqlglot then parses the result in the
database's dialect, and resolves each column. Snowflake's also runs in fakesnow, which emulates Snowflake in DuckDB. The
real databases are not tested.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from graphlib import TopologicalSorter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import fakesnow
import pytest
import snowflake.connector
import sqlglot
import yaml
from jinja2 import Environment
from sqlglot import expressions
from sqlglot.optimizer.qualify import qualify

from unit_tests._names import CORE, STREAMS
from unit_tests._paths import DBT_PROJECT, SCHEMAS

DIALECTS: Final = ("snowflake", "bigquery")

LOADED: Final[dict[str, dict[str, str]]] = {
    "snowflake": {"integer": "NUMBER", "number": "NUMBER", "string": "VARCHAR", "boolean": "BOOLEAN", "json": "VARIANT",
                  "date-time": "TIMESTAMP_TZ", "date": "DATE"},
    "bigquery": {"integer": "INT64", "number": "NUMERIC", "string": "STRING", "boolean": "BOOL", "json": "JSON",
                 "date-time": "TIMESTAMP", "date": "DATE"},
}  # fmt: skip
"""Column types of the loaded tables, by the type in the stream's schema."""

TYPES: Final = {
    "snowflake": {"string": "varchar", "bigint": "bigint", "boolean": "boolean", "timestamp": "timestamp_ntz"},
    "bigquery": {"string": "string", "bigint": "int64", "boolean": "bool", "timestamp": "timestamp"},
}
"""The results of dbt.type_… in each adapter."""

DATEADD: Final = {
    "snowflake": "dateadd({part}, {number}, {day})",
    "bigquery": "datetime_add(cast({day} as datetime), interval {number} {part})",
}
DATEDIFF: Final = {
    "snowflake": "datediff(day, {first}, {last})",
    "bigquery": "datetime_diff(cast({last} as datetime), cast({first} as datetime), day)",
}


class Returned(Exception):
    """Carries the result of `return` in a macro, which in dbt is not limited to text."""


class CompilerError(Exception):
    pass


class Table(str):
    """A table that is called like its stream."""

    database, schema = "db", "public"

    @property
    def identifier(self) -> str:
        return str(self)


class Project:
    """The package as dbt sees it with a database's adapter; `loaded` are the streams with tables."""

    def __init__(self, dialect: str, loaded: Collection[str], variables: Mapping[str, Any] | None = None) -> None:
        self.dialect, self.loaded, self.variables = dialect, loaded, variables or {}
        self.environment = Environment(extensions=["jinja2.ext.do"])
        self.macros: dict[str, Callable[..., Any]] = {}
        names = {
            "snov": SimpleNamespace(),
            "dbt": self.dbt(),
            "adapter": SimpleNamespace(
                dispatch=self.dispatch, quote=self.quote, get_columns_in_relation=self.columns_of
            ),
            "execute": True,
            "exceptions": SimpleNamespace(raise_compiler_error=refuse),
            "api": SimpleNamespace(Relation=SimpleNamespace(create=lambda identifier, **where: Table(identifier))),
            "load_relation": lambda table: table if table in loaded else None,
            "ref": lambda package, model: model,
            "return": give_back,
            "source": lambda _, stream: Table(stream),
            "var": lambda name, default=None: self.variables.get(name, default),
        }  # fmt: skip
        self.environment.globals.update(names)
        for path in sorted((DBT_PROJECT / "macros").glob("*.sql")):
            module = self.environment.from_string(path.read_text().replace("{% test ", "{% macro ")).module
            for name, macro in vars(module).items():
                if callable(macro) and not name.startswith("_"):
                    self.macros[name] = caught(macro)
                    setattr(names["snov"], name, self.macros[name])

    def dbt(self) -> SimpleNamespace:
        types = {f"type_{name}": lambda value=value: value for name, value in TYPES[self.dialect].items()}
        return SimpleNamespace(
            **types,
            dateadd=lambda part, number, day: DATEADD[self.dialect].format(part=part, number=number, day=day),
            datediff=lambda first, last, _: DATEDIFF[self.dialect].format(first=first, last=last),
        )

    def dispatch(self, name: str, package: str) -> Callable[..., Any]:
        assert package == "snov"
        return self.macros.get(f"{self.dialect}__{name}") or self.macros[f"default__{name}"]

    def quote(self, name: str) -> str:
        return f"`{name}`" if self.dialect == "bigquery" else f'"{name}"'

    def columns_of(self, stream: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name, dtype=dtype) for name, dtype in table(self.dialect, stream).items()]

    def render(self, model: Path) -> str:
        return self.environment.from_string(model.read_text()).render()


def caught(macro: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return macro(*arguments, **named)
        except Returned as returned:
            return returned.args[0]

    return call


def give_back(value: Any) -> None:
    raise Returned(value)


def refuse(message: str) -> None:
    raise CompilerError(message)


def table(dialect: str, stream: str) -> dict[str, str]:
    """The columns of a loaded table, with their types; Snowflake's are in capitals."""
    fields = json.loads((SCHEMAS / f"{stream}.json").read_text())["properties"]
    columns = {name: LOADED[dialect][kind(field)] for name, field in fields.items()}
    columns["_airbyte_extracted_at"] = LOADED[dialect]["date-time"]
    return {name.upper() if dialect == "snowflake" else name: dtype for name, dtype in columns.items()}


def kind(field: Mapping[str, Any]) -> str:
    types = field["type"] if isinstance(field["type"], list) else [field["type"]]
    found = next(one for one in types if one != "null")
    return "json" if found in ("array", "object") else field.get("format", found)


def models() -> Iterator[Path]:
    """The models, each after those it reads."""
    paths = {path.stem: path for path in (DBT_PROJECT / "models").rglob("*.sql")}
    reads = {
        name: {read for read in re.findall(r"'(\w+)'", path.read_text()) if read in paths}
        for name, path in paths.items()
    }
    yield from (paths[name] for name in TopologicalSorter(reads).static_order())


def described() -> dict[str, list[str]]:
    """The columns that each model's description lists."""
    files = [yaml.safe_load(path.read_text()) for path in (DBT_PROJECT / "models").rglob("*.yml")]
    return {
        model["name"]: sorted(column["name"] for column in model["columns"])
        for file in files
        for model in file.get("models", [])
    }


@pytest.mark.parametrize("loaded", [STREAMS, CORE], ids=["all streams", "core only"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_model_parses_and_finds_its_columns(dialect: str, loaded: Collection[str]) -> None:
    project = Project(dialect, loaded)
    schema: dict[str, dict[str, str]] = {stream: table(dialect, stream) for stream in loaded}
    wanted = described()
    for model in models():
        tree = sqlglot.parse_one(project.render(model), read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
        assert not list(tree.find_all(expressions.Command)), f"sqlglot does not understand {model.stem}"
        found = qualify(tree, dialect=dialect, schema=schema, validate_qualify_columns=True)
        names = [column.lower() for column in found.named_selects]
        assert sorted(names) == wanted[model.stem], model.stem
        schema[model.stem] = dict.fromkeys(found.named_selects, "unknown")
        for join in tree.find_all(expressions.Join):
            # BigQuery supports an outer join only with an equality.
            assert not join.side or join.args["on"].find(expressions.EQ), f"{model.stem}: {join}"


REPLIES: Final = """
    INSERT INTO campaign_replies (campaign_id, contact, reply_type, received_at, replies, _airbyte_extracted_at)
    SELECT 1, 'pat@example.com', 'linkedinMessage', '2026-01-01 12:00:00+02:00', parse_json('[
        {"subject": "", "message": "Yes", "received_at": "2026-01-01T10:00:00Z"},
        {"subject": "", "message": "When?", "received_at": "2026-01-02T10:00:00Z"}
    ]'), '2026-01-03 00:00:00+00:00'
    UNION ALL SELECT 1, 'kim@example.com', 'email', '2026-01-01 14:30:00+02:00', NULL, '2026-01-03 00:00:00+00:00'
"""
WARM_UP: Final = """
    INSERT INTO warm_ups (id, status, email_account)
    SELECT 301, 'active', parse_json('{"id": 55001, "email_from": "ana@example.com"}')
"""


def test_snowflakes_models_run_in_fakesnow() -> None:
    project = Project("snowflake", STREAMS)
    with fakesnow.patch(), snowflake.connector.connect(database="db", schema="public") as connection:
        cursor = connection.cursor()
        for stream in STREAMS:
            columns = ", ".join(f'"{name}" {dtype}' for name, dtype in table("snowflake", stream).items())
            cursor.execute(f"CREATE TABLE {stream} ({columns})")
        cursor.execute(REPLIES)
        cursor.execute(WARM_UP)

        for model in models():
            cursor.execute(f"CREATE TABLE {model.stem} AS {project.render(model)}")

        replies = cursor.execute("""
            SELECT position, replied_at, channel, reply_number, subject, message FROM snov__reply_feed ORDER BY position
        """).fetchall()
        warm_ups = cursor.execute("SELECT sender_email_id, sender_email FROM stg_snov__warm_ups").fetchall()
    assert replies == [
        (1, datetime(2026, 1, 2, 10), "linkedin", 2, None, "When?"),
        (2, datetime(2026, 1, 1, 12, 30), "email", 1, None, None),
        (3, datetime(2026, 1, 1, 10), "linkedin", 1, None, "Yes"),
    ]
    assert warm_ups == [(55001, "ana@example.com")]


def test_a_missing_list_of_campaigns_is_named() -> None:
    project = Project("snowflake", set(STREAMS) - {"campaigns"})
    with pytest.raises(CompilerError, match="Sync the stream campaigns,"):
        project.render(DBT_PROJECT / "models" / "staging" / "stg_snov__campaigns.sql")


def test_nothing_of_one_database_stands_in_a_model() -> None:
    for model in models():
        assert "target.type" not in model.read_text()
        assert "::" not in model.read_text()
