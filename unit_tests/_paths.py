"""Paths in the repository, for tests and benchmarks."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "source_snov"
SCHEMAS = PACKAGE / "schemas"
DBT_PROJECT = ROOT / "warehouse" / "dbt_snov"
CONFIGURED_CATALOG = ROOT / "integration_tests" / "configured_catalog.json"
