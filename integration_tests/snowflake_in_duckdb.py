"""Syncs two streams through PyAirbyte's Snowflake cache into fakesnow, a Snowflake in DuckDB, and prints the tables.

It cannot run all of PyAirbyte's SQL. Three parts stand in for it here, and so are not proven: settings of the session,
`PUT` to a table's stage with `COPY INTO` from it, and several statements in one. Nor can it describe a table to
SQLAlchemy, as an incremental sync needs. What is left is the settings, connection, schema, state, types of the columns,
values in them, and the exchange of a table for its successor.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import fakesnow
from sqlalchemy import text

from examples.connector import Words, connector
from examples.sync import sync
from examples.warehouses import opened, settings_of

# isort: split
from airbyte._processors.sql.snowflake import SnowflakeSqlProcessor
from snowflake.sqlalchemy.snowdialect import SnowflakeDialect

ENVIRONMENT = {f"SNOWFLAKE_{name}": "SNOV" for name in ("ACCOUNT", "USER", "PASSWORD", "WAREHOUSE", "DATABASE", "ROLE")}
STREAMS = {"campaigns": "ID", "campaign_analytics": "CAMPAIGN_ID, EMAILS_SENT"}

execute = SnowflakeSqlProcessor._execute_sql


def load(self: Any, files: list[Path], stream_name: str, batch_id: str) -> str:
    """In place of PUT and COPY INTO."""
    table: str = self._create_table_for_loading(stream_name=stream_name, batch_id=batch_id)
    types = {name: str(kind) for name, kind in self._get_sql_column_definitions(stream_name).items()}
    columns = ", ".join(map(self._quote_identifier, types))
    values = ", ".join(f"PARSE_JSON(:{name})" if kind == "VARIANT" else f":{name}" for name, kind in types.items())
    insert = text(f"INSERT INTO {self._fully_qualified(table)} ({columns}) SELECT {values}")
    with self.get_sql_connection() as connection:
        for file in files:
            with gzip.open(file, "rt") as lines:
                for row in map(json.loads, lines):
                    connection.execute(
                        insert,
                        {
                            name: json.dumps(row.get(name)) if kind == "VARIANT" else row.get(name)
                            for name, kind in types.items()
                        },
                    )
    return table


def execute_each(self: Any, sql: Any) -> Any:
    """In place of several statements in one."""
    if not isinstance(sql, str):
        return execute(self, sql)
    results = [execute(self, statement) for statement in filter(str.strip, sql.split(";"))]
    return results[-1]


SnowflakeDialect._get_server_version_info = lambda self, connection: (9, 0, 0)
SnowflakeSqlProcessor._init_connection_settings = lambda self, connection: None
SnowflakeSqlProcessor._execute_sql = execute_each
SnowflakeSqlProcessor._write_files_to_new_table = load

with fakesnow.patch():
    cache = opened(*settings_of("snowflake", ENVIRONMENT, Path()))
    source = connector(json.loads(Path(sys.argv[1]).read_text()), Words())
    # The second time, the tables are there already and are exchanged.
    for _ in range(2):
        sync(source, cache, list(STREAMS))
    with cache.processor.get_sql_connection() as connection:
        tables = {
            name: [list(row) for row in connection.execute(text(f"SELECT {columns} FROM SNOV_RAW.{name}"))]
            for name, columns in STREAMS.items()
        }
print(json.dumps(tables))
