"""The databases that PyAirbyte can load, and their settings in the environment."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airbyte.caches.base import CacheBase
    from sqlalchemy import URL

FOLDER: Final = Path(__file__).resolve().parent.parent.parent / ".tmp" / "cache"
"""Folder for PyAirbyte's files before it loads them."""

SCHEMA: Final = "snov_raw"
"""Default schema of the tables in a shared database."""


class SettingsMissing(Exception):
    """The environment lacks settings of a warehouse. The message names all of them."""


@dataclass(frozen=True)
class Setting:
    """A setting of a warehouse.

    variable: the environment variable. name: the argument of PyAirbyte's cache. default: None if it is required.
    """

    variable: str
    name: str
    default: str | None = None


@dataclass(frozen=True)
class Warehouse:
    """A database: its name for people, and PyAirbyte's class for it."""

    title: str
    cache: str
    settings: Sequence[Setting]

    def values(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The arguments of PyAirbyte's class, without empty ones. Raises SettingsMissing."""
        missing = [one.variable for one in self.settings if one.default is None and not environment.get(one.variable)]
        if missing:
            raise SettingsMissing(
                f"{self.title} needs {_listed(missing)}. Set {'it' if len(missing) == 1 else 'them'} in the "
                "environment and run this again; docs/running/pyairbyte.md explains each."
            )
        values = {one.name: environment.get(one.variable) or one.default or "" for one in self.settings}
        if problem := _problem(values):
            raise SettingsMissing(problem)
        return {name: value for name, value in values.items() if value}


WAREHOUSES: Final = {
    "postgres": Warehouse(
        "Postgres",
        "PostgresCache",
        [
            Setting("POSTGRES_HOST", "host"),
            Setting("POSTGRES_PORT", "port", "5432"),
            Setting("POSTGRES_DATABASE", "database"),
            Setting("POSTGRES_USER", "username"),
            Setting("POSTGRES_PASSWORD", "password"),
            Setting("POSTGRES_SCHEMA", "schema_name", SCHEMA),
        ],
    ),
    "snowflake": Warehouse(
        "Snowflake",
        "SnowflakeCache",
        [
            Setting("SNOWFLAKE_ACCOUNT", "account"),
            Setting("SNOWFLAKE_USER", "username"),
            Setting("SNOWFLAKE_PASSWORD", "password"),
            Setting("SNOWFLAKE_WAREHOUSE", "warehouse"),
            Setting("SNOWFLAKE_DATABASE", "database"),
            Setting("SNOWFLAKE_ROLE", "role"),
            Setting("SNOWFLAKE_SCHEMA", "schema_name", SCHEMA.upper()),
        ],
    ),
    "bigquery": Warehouse(
        "BigQuery",
        "BigQueryCache",
        [
            Setting("BIGQUERY_PROJECT", "project_name"),
            Setting("BIGQUERY_DATASET", "dataset_name", SCHEMA),
            Setting("BIGQUERY_CREDENTIALS", "credentials_path"),
            Setting("BIGQUERY_LOCATION", "dataset_location", "US"),
        ],
    ),
}
"""The databases besides DuckDB, which only needs a file."""


def settings_of(to: str, environment: Mapping[str, str], database: Path) -> tuple[str, Mapping[str, Any]]:
    """PyAirbyte's class for the warehouse `to`, and its arguments. `database` is DuckDB's file.

    Raises SettingsMissing. Does not import PyAirbyte, which takes seconds, so that missing settings are reported at
    once.
    """
    if to == "duckdb":
        return "DuckDBCache", {"db_path": database, "schema_name": "main"}
    return WAREHOUSES[to].cache, WAREHOUSES[to].values(environment)


def address_of(to: str, environment: Mapping[str, str]) -> URL:
    """Where SQLAlchemy finds the warehouse `to`, one of WAREHOUSES. Raises SettingsMissing."""
    from sqlalchemy import URL

    values = WAREHOUSES[to].values(environment)
    if to == "bigquery":
        query = {"credentials_path": values["credentials_path"], "location": values["dataset_location"]}
        return URL.create("bigquery", host=values["project_name"], query=query)
    who: dict[str, Any] = {name: values[name] for name in ("username", "password", "database")}
    if to == "snowflake":
        query = {name: values[name] for name in ("warehouse", "role")}
        return URL.create("snowflake", host=values["account"], query=query, **who)
    return URL.create("postgresql+psycopg2", host=values["host"], port=int(values["port"]), **who)


def opened(cache: str, settings: Mapping[str, Any]) -> CacheBase:
    """Connects to the warehouse. Raises SQLAlchemyError if that fails."""
    from airbyte import caches

    _keep_values()
    made: CacheBase = getattr(caches, cache)(**settings, cache_dir=FOLDER)
    return made


def _keep_values() -> None:
    """Has PyAirbyte, which loads Postgres through pandas, load each value as the connector wrote it.

    By itself, pandas takes phone numbers for numbers, and rounds IDs beside nulls to what a float can hold.
    """
    import pandas

    def as_written(file: Path, lines: bool = True) -> pandas.DataFrame:
        with gzip.open(file, "rt", encoding="utf-8") as rows:
            return pandas.DataFrame([json.loads(row) for row in rows], dtype=object)

    pandas.read_json = as_written


def _problem(values: Mapping[str, str]) -> str | None:
    port = values.get("port", "1")
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        return f"POSTGRES_PORT must be a number from 1 to 65535, not {port!r}. Correct it and run this again."
    path = values.get("credentials_path")
    if path and not Path(path).is_file():
        return (
            f"BIGQUERY_CREDENTIALS is {path}, and there is no such file. Set it to the path of a service account key."
        )
    return None


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
