"""The manifest has no misspelt keys, which the CDK silently ignores in most components."""

import importlib
import importlib.metadata
import inspect
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

import pytest
import yaml
from airbyte_cdk.sources.declarative.concurrent_declarative_source import get_declarative_component_schema
from airbyte_cdk.sources.declarative.parsers.manifest_reference_resolver import ManifestReferenceResolver

from source_snov.api.limits import MAX_SECONDS
from unit_tests._paths import PACKAGE, ROOT, SCHEMAS
from unit_tests._streams import MANIFEST

DEFINITIONS = get_declarative_component_schema()["definitions"]


def components(node: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every component of a resolved manifest, with its place."""
    if isinstance(node, Mapping):
        if isinstance(node.get("type"), str) and node["type"] in DEFINITIONS:
            yield path, node
        for key, value in node.items():
            # The schema of the configuration has its own `type` keys.
            if key != "connection_specification":
                yield from components(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from components(value, f"{path}/{index}")


def resolved() -> Mapping[str, Any]:
    whole: Mapping[str, Any] = ManifestReferenceResolver().preprocess_manifest(MANIFEST)
    return whole


def allowed_keys(component: Mapping[str, Any]) -> set[str]:
    if "class_name" in component:
        module, _, name = component["class_name"].rpartition(".")
        cls = getattr(importlib.import_module(module), name)
        # The CDK takes a retriever's router out of what is declared, for the stream.
        own = {"partition_router"} if component["type"] == "CustomRetriever" else set()
        return own | set(get_type_hints(cls)) & set(inspect.signature(cls).parameters)
    return set(DEFINITIONS[component["type"]]["properties"])


def unknown_keys(manifest: Mapping[str, Any]) -> list[str]:
    return [
        f"{path}/{key}"
        for path, component in components(manifest)
        for key in component
        if key not in allowed_keys(component) | {"type", "class_name", "$parameters"}
    ]


def test_every_key_of_every_component_is_known() -> None:
    assert unknown_keys(resolved()) == []


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (["streams", 1, "retriever", "requester"], "request_params"),
        (["streams", 0, "retriever", "requester"], "request_headers"),
        (["streams", 0, "retriever", "requester", "error_handler"], "skip_mising"),
        (["streams", 2], "primary_keys"),
        (["api_budget", "policies", 0, "rates", 0], "intervall"),
    ],
)
def test_a_misspelt_key_would_be_found(place: list[Any], key: str) -> None:
    manifest = resolved()
    node: Any = manifest
    for step in place:
        node = node[step]
    node[key] = 1
    assert any(unknown.endswith(f"/{key}") for unknown in unknown_keys(manifest))


def test_the_manifest_names_the_cdk_that_it_is_tested_with() -> None:
    assert MANIFEST["version"] == importlib.metadata.version("airbyte-cdk")


def test_a_stream_is_listed_by_a_reference_that_ends_in_its_name() -> None:
    """That is how a command finds the streams that it needs, and builds no others."""
    listed = [each["$ref"].rpartition("/")[2] for each in MANIFEST["streams"]]
    assert listed == [stream["name"] for stream in resolved()["streams"]]
    assert listed == [stream["$parameters"]["name"] for stream in resolved()["streams"]]


def test_every_stream_has_a_schema_file_and_every_schema_file_a_stream() -> None:
    names = {stream["name"] for stream in resolved()["streams"]}
    assert {path.stem for path in SCHEMAS.glob("*.json")} == names
    assert (ROOT / "schemas").resolve() == SCHEMAS


def test_the_host_of_the_api_is_named_once_outside_the_form() -> None:
    text = (PACKAGE / "manifest.yaml").read_text()
    config_field = MANIFEST["spec"]["connection_specification"]["properties"]["api_url"]
    assert config_field["default"] == "https://api.snov.io"
    assert text.count("https://api.snov.io") == 2


def test_every_request_has_time_limits() -> None:
    requesters = [node for _, node in components(resolved()) if node["type"] in ("HttpRequester", "CustomRequester")]
    assert len(requesters) > len(MANIFEST["streams"])
    assert all(0 < node["connect_timeout_in_seconds"] <= node["read_timeout_in_seconds"] for node in requesters)


def test_airbyte_waits_longer_than_the_longest_silence() -> None:
    """Without records and states: one page and its token with all retries, and 5,000 campaigns without a record."""
    policy, timeouts = MANIFEST["definitions"]["error_policy"], MANIFEST["definitions"]["timeouts"]
    response = MAX_SECONDS + timeouts["connect_timeout_in_seconds"]
    tries = len(policy["unavailable_waits"]) + 1
    request = policy["patience"] + 1.2 * sum(policy["unavailable_waits"]) + tries * response
    minute = 61
    campaigns = 5_000 / MANIFEST["spec"]["connection_specification"]["properties"]["requests_per_minute"]["default"]
    metadata = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
    assert 2 * request + campaigns * minute < metadata["maxSecondsBetweenMessages"] < 86_400
