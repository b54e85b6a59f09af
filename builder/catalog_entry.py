"""`make catalog-entry`: the folder that a pull request to Airbyte's repository adds for the edition.

Written to `build/catalog-entry`, with paths as in that repository.
"""

from __future__ import annotations

import json
import shutil
import sys
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from builder.generate import CDK, FIRST_DAYS, STREAMS, edition, text

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / "build" / "catalog-entry"

CONNECTOR: Final = "airbyte-integrations/connectors/source-snov"
PAGE: Final = "docs/integrations/sources/snov.md"

FIRST_VERSION: Final = "0.0.1"
"""The catalog counts versions of its own."""

README: Final = """\
# Snov.io

This directory contains the manifest-only connector for Snov.io, `source-snov`.

For information about how to configure and use this connector within Airbyte, see [the connector's full
documentation](https://docs.airbyte.com/integrations/sources/snov).

The manifest is generated: change it in the project that it comes from, or here in the Connector Builder.
"""

ACCEPTANCE: Final[dict[str, Any]] = {
    "connector_image": "airbyte/source-snov:dev",
    "test_strictness_level": "low",
    "acceptance_tests": {
        "spec": {"tests": [{"spec_path": "manifest.yaml"}]},
        "connection": {"tests": [{"config_path": "secrets/config.json", "status": "succeed"}]},
        "discovery": {"tests": [{"config_path": "secrets/config.json"}]},
        "basic_read": {"tests": [{"config_path": "secrets/config.json"}]},
    },
}


def main() -> int:
    """Writes the folder and prints its path. Returns the exit code."""
    shutil.rmtree(TARGET, ignore_errors=True)
    for name, content in entry().items():
        path = TARGET / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")
    print(TARGET)
    return 0


def entry() -> dict[str, str]:
    """The files' contents, by path."""
    return {
        f"{CONNECTOR}/manifest.yaml": text(),
        f"{CONNECTOR}/metadata.yaml": _yaml(metadata()),
        f"{CONNECTOR}/icon.svg": (ROOT / "icon.svg").read_text(),
        f"{CONNECTOR}/README.md": README,
        f"{CONNECTOR}/acceptance-test-config.yml": _yaml(ACCEPTANCE),
        PAGE: page(),
    }


def metadata() -> dict[str, Any]:
    """The connector's metadata, as a manifest-only connector has it."""
    own: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text())
    data = own["data"]
    suggested = [name for name in data["suggestedStreams"]["streams"] if name in STREAMS]
    for name in ("remoteRegistries", "maxSecondsBetweenMessages"):
        data.pop(name, None)
    data |= {
        "dockerImageTag": FIRST_VERSION,
        "tags": ["cdk:low-code", "language:manifest-only"],
        "suggestedStreams": {"streams": suggested},
        # Airbyte's tools add the digest.
        "connectorBuildOptions": {"baseImage": f"docker.io/airbyte/source-declarative-manifest:{CDK}"},
        "connectorTestSuitesOptions": [
            {
                "suite": "acceptanceTests",
                "testSecrets": [
                    {
                        "name": "SECRET_SOURCE-SNOV__CREDS",
                        "fileName": "config.json",
                        "secretStore": {"type": "GSM", "alias": "airbyte-connector-testing-secret-store"},
                    }
                ],
            },
        ],
    }
    return own


def page() -> str:
    """The page of Airbyte's documentation."""
    whole = edition()
    fields = whole["spec"]["connection_specification"]["properties"]
    inputs = "\n".join(
        f"| `{name}` | `{field['type']}` | {field['title']}: {_plain(field['description'])} |"
        for name, field in fields.items()
    )
    rows = []
    for name in STREAMS:
        stream = whole["definitions"]["streams"][name]
        about = json.loads(files("source_snov").joinpath("schemas", f"{name}.json").read_text("utf-8"))["description"]
        paginated = "yes" if "paginator" in stream["retriever"] else "no"
        incremental = "yes" if "incremental_sync" in stream else "no"
        key = ".".join(stream["primary_key"])
        rows.append(f"| `{name}` | {_first_sentence(about)} | `{key}` | {paginated} | yes | {incremental} |")
    return f"""\
# Snov.io

This page contains the setup guide and reference information for the Snov.io source connector.

## Prerequisites

- A Snov.io account on a plan that includes the API.
- The API User ID and the API Secret, in Snov.io under **Account settings**, **API**.

## Setup guide

| Input | Type | Description |
|-------|------|-------------|
{inputs}

## Supported sync modes

Full refresh throughout, and incremental for the streams that say so below.

## Supported streams

| Stream | Content | Primary key | Paginated | Full refresh | Incremental |
|--------|---------|-------------|-----------|--------------|-------------|
{chr(10).join(rows)}

## Performance considerations

Snov.io allows 60 requests a minute for all integrations of an account. `campaign_analytics_daily` takes a request for
each campaign and day, by default of the last {FIRST_DAYS} days.

## Changelog

<details>
  <summary>Expand to review</summary>

| Version | Date | Pull Request | Subject |
|---------|------|--------------|---------|
| {FIRST_VERSION} | {date.today()} | | Initial release |

</details>
"""


def _plain(description: str) -> str:
    return description.replace("<b>", "**").replace("</b>", "**").replace("<code>", "`").replace("</code>", "`")


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".").replace("One record per ", "")


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120)


if __name__ == "__main__":
    sys.exit(main())
