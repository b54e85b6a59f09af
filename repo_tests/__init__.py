"""Tests of the repository around the connector: pages, image, workflow, benchmarks and dbt dialects."""
