"""Syncs two full refresh streams through PyAirbyte's Snowflake cache into fakesnow, which emulates Snowflake in DuckDB,
and prints the tables.

fakesnow cannot run all of PyAirbyte's SQL. Three parts are replaced here, and so not tested: session settings, `PUT` to
a table's stage with `COPY INTO` from it, and several statements in one. It also cannot describe a table to SQLAlchemy,
which an incremental sync needs. This tests settings, connection, schema, state, column types, values, and the swap of a
table for its successor.
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

from warehouse.load.connector import Messages, connector
from warehouse.load.sync import sync
from warehouse.load.warehouses import opened, settings_of

# isort: split
from airbyte._processors.sql.snowflake import SnowflakeSqlProcessor
from snowflake.sqlalchemy.snowdialect import SnowflakeDialect

ENVIRONMENT = {f"SNOWFLAKE_{name}": "SNOV" for name in ("ACCOUNT", "USER", "PASSWORD", "WAREHOUSE", "DATABASE", "ROLE")}
COLUMNS = {"campaigns": "ID", "prospect_lists": "ID, CONTACTS"}

execute = SnowflakeSqlProcessor._execute_sql


def load(self: Any, files: list[Path], stream_name: str, batch_id: str) -> str:
    """Replaces PUT and COPY INTO."""
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
    """Replaces several statements in one."""
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
    source = connector(json.loads(Path(sys.argv[1]).read_text()), Messages())
    # The second time, the tables exist already and are swapped.
    for _ in range(2):
        sync(source, cache, list(COLUMNS))
    with cache.processor.get_sql_connection() as connection:
        tables = {
            name: [list(row) for row in connection.execute(text(f"SELECT {columns} FROM SNOV_RAW.{name}"))]
            for name, columns in COLUMNS.items()
        }
print(json.dumps(tables))
