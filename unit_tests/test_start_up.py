"""What each command imports, which is most of what it takes before the first request.

How long that is, `make bench` measures.
"""

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest
from airbyte_cdk.models import ConnectorSpecificationSerializer
from airbyte_cdk.test.entrypoint_wrapper import _run_command

from source_snov import SourceSnov
from source_snov.quick_import import quick_import
from source_snov.source import DeclaredSource
from unit_tests._helpers import config

DISCOVERED = {"client_id": "user-1", "client_secret": "s3cret-of-user-1"}


def run(*arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules it imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "source_snov", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_spec_prints_what_the_cdk_makes_of_the_manifest_without_importing_it() -> None:
    printed, modules = run("spec")
    message = json.loads(printed)
    assert message["type"] == "SPEC"
    declared = DeclaredSource(config(), only={"campaigns"})
    assert ConnectorSpecificationSerializer.load(message["spec"]) == declared.spec(declared.logger)
    assert packages(modules).isdisjoint({"airbyte_cdk", "requests", "pydantic"})


def test_spec_with_an_option_is_the_cdks_and_says_the_same() -> None:
    [message] = _run_command(SourceSnov(), ["spec", "--debug"]).spec_messages
    printed, _ = run("spec")
    assert message.spec == ConnectorSpecificationSerializer.load(json.loads(printed)["spec"])


def test_a_command_does_not_import_what_it_has_no_use_for(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(DISCOVERED))
    _, modules = run("discover", "--config", str(path))
    assert "airbyte_cdk" in packages(modules)
    # boto3 itself is looked for, and not found.
    assert packages(modules).isdisjoint({"botocore", "s3transfer"})


def test_what_is_left_out_is_there_again_for_others() -> None:
    attributes_doc = pytest.importorskip("attributes_doc")
    described = attributes_doc.get_attributes_doc
    before = sys.modules.pop("boto3", None)
    try:
        with quick_import():
            assert attributes_doc.get_attributes_doc(DeclaredSource) == {}
            assert not gc.isenabled()
            with pytest.raises(ImportError):
                import boto3  # noqa: F401
        assert gc.isenabled()
        assert attributes_doc.get_attributes_doc is described
        assert "boto3" not in sys.modules
    finally:
        if before:
            sys.modules["boto3"] = before
