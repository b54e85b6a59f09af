"""Prepares each manifest only once: building a sync then takes a hundredth of a second instead of a fifth.

Resolving and validating give the same for the same manifest, streams and custom reports.
"""

import pickle
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
from airbyte_cdk.models import ConnectorSpecification
from airbyte_cdk.sources.declarative import concurrent_declarative_source

from source_snov import SourceSnov
from source_snov.declared_source import DeclaredSource

PARSE, RESOLVE, VALIDATE = (
    DeclaredSource._read_and_parse_yaml_file,
    DeclaredSource._pre_process_manifest,
    DeclaredSource._validate_source,
)
SPECIFY = SourceSnov.spec


def prepare_once(patch: pytest.MonkeyPatch) -> None:
    """Keeps what the CDK makes of the manifest."""
    made: dict[Any, bytes] = {}

    def kept(key: Any, make: Callable[[], Any]) -> Any:
        if key not in made:
            made[key] = pickle.dumps(make())
        # A copy, since the CDK changes it in place.
        return pickle.loads(made[key])

    def parse(self: DeclaredSource, path: str) -> Any:
        return kept(path, lambda: PARSE(self, path))

    def resolve(self: DeclaredSource, manifest: dict[str, Any]) -> Any:
        reports = repr(self._given.get("custom_reports"))
        return kept((pickle.dumps(manifest), frozenset(self._only), reports), lambda: RESOLVE(self, manifest))

    def validate(self: DeclaredSource) -> None:
        kept(("valid", pickle.dumps(self._source_config)), lambda: VALIDATE(self))

    def specify(self: SourceSnov, logger: Any) -> ConnectorSpecification:
        specification: ConnectorSpecification = kept("spec", lambda: SPECIFY(self, logger))
        return specification

    patch.setattr(DeclaredSource, "_read_and_parse_yaml_file", parse)
    patch.setattr(DeclaredSource, "_pre_process_manifest", resolve)
    patch.setattr(DeclaredSource, "_validate_source", validate)
    patch.setattr(SourceSnov, "spec", specify)
    schema = cache(concurrent_declarative_source.get_declarative_component_schema)
    patch.setattr(concurrent_declarative_source, "get_declarative_component_schema", schema)


def redefine(patch: pytest.MonkeyPatch, **definitions: Any) -> None:
    """Replaces definitions of the manifest; `a__b` is the `b` of `a`."""
    parse = DeclaredSource._read_and_parse_yaml_file

    def redefined(self: DeclaredSource, path: str) -> Any:
        return _with(parse(self, path), definitions)

    patch.setattr(DeclaredSource, "_read_and_parse_yaml_file", redefined)


def _with(manifest: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    for path, value in definitions.items():
        *parents, name = path.split("__")
        place = manifest["definitions"]
        for parent in parents:
            place = place[parent]
        place[name] = value
    return manifest
