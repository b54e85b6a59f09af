"""Where PyAirbyte can load the tables, and the settings that each of these places needs from the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airbyte.caches.base import CacheBase

FOLDER: Final = Path(__file__).resolve().parent.parent / ".tmp" / "cache"
"""For the files that PyAirbyte writes before it loads them."""

SCHEMA: Final = "snov_raw"
"""Where the tables go in a database that others use too."""


class SettingsMissing(Exception):
    """What a warehouse needs is not in the environment; the message names all of it."""


@dataclass(frozen=True)
class Setting:
    """One setting of a warehouse.

    variable: in the environment. name: of PyAirbyte's cache. default: None if it must be set; empty if it may be left.
    """

    variable: str
    name: str
    default: str | None = None


@dataclass(frozen=True)
class Warehouse:
    """A database: as people call it, and PyAirbyte's class for it."""

    title: str
    cache: str
    settings: Sequence[Setting]

    def values(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The settings for PyAirbyte's class, without those that are left empty. Raises SettingsMissing."""
        missing = [one.variable for one in self.settings if one.default is None and not environment.get(one.variable)]
        if missing:
            raise SettingsMissing(
                f"{self.title} needs {_listed(missing)}. Set {'it' if len(missing) == 1 else 'them'} in the "
                "environment and run this again; docs/running/pyairbyte.md says what each one is."
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
"""The databases beside DuckDB, which needs nothing but a file."""


def settings_of(to: str, environment: Mapping[str, str], database: Path) -> tuple[str, Mapping[str, Any]]:
    """PyAirbyte's class for the warehouse `to`, and what to make it with; `database` is DuckDB's file.

    Raises SettingsMissing. Needs no PyAirbyte, which takes seconds to import: what is missing is said at once.
    """
    if to == "duckdb":
        return "DuckDBCache", {"db_path": database, "schema_name": "main"}
    return WAREHOUSES[to].cache, WAREHOUSES[to].values(environment)


def opened(cache: str, settings: Mapping[str, Any]) -> CacheBase:
    """Connects to the warehouse. Raises SQLAlchemyError if that fails."""
    from airbyte import caches

    made: CacheBase = getattr(caches, cache)(**settings, cache_dir=FOLDER)
    return made


def _problem(values: Mapping[str, str]) -> str | None:
    port = values.get("port", "1")
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        return f"POSTGRES_PORT must be a number from 1 to 65535, not {port!r}. Correct it and run this again."
    path = values.get("credentials_path")
    if path and not Path(path).is_file():
        return f"BIGQUERY_CREDENTIALS names {path}, where there is no file: give the path of a service account's key."
    return None


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
