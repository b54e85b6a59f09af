"""The imports of each command, which take most of the time before the first request.

`make bench` measures that time.
"""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from airbyte_cdk.models import ConnectorSpecificationSerializer
from airbyte_cdk.sources.declarative.interpolation.jinja import JinjaInterpolation
from airbyte_cdk.test.entrypoint_wrapper import _run_command

from source_snov import SourceSnov
from source_snov.declared_source import DeclaredSource
from unit_tests._helpers import config


def run(*arguments: str) -> tuple[str, set[str]]:
    """The output of a command, and the modules that it imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "source_snov", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_spec_prints_the_cdks_specification_without_importing_the_cdk() -> None:
    printed, modules = run("spec")
    message = json.loads(printed)
    assert message["type"] == "SPEC"
    declared = DeclaredSource(config(), only={"campaigns"})
    assert ConnectorSpecificationSerializer.load(message["spec"]) == declared.spec(declared.logger)
    assert packages(modules).isdisjoint({"airbyte_cdk", "requests", "pydantic"})


def test_spec_with_an_option_runs_the_cdk_and_prints_the_same() -> None:
    [message] = _run_command(SourceSnov(), ["spec", "--debug"]).spec_messages
    printed, _ = run("spec")
    assert message.spec == ConnectorSpecificationSerializer.load(json.loads(printed)["spec"])


@pytest.mark.skipif(sys.version_info >= (3, 11, 8), reason="for older versions of Python, which fail otherwise")
def test_templates_are_parsed_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    under_way: list[str] = []
    seen: list[int] = []

    def slowly(text: str) -> str:
        under_way.append(text)
        time.sleep(0.01)
        seen.append(len(under_way))
        under_way.remove(text)
        return text

    monkeypatch.setattr("ast.literal_eval", slowly)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: JinjaInterpolation().eval("{{ config['a'] }}" + name, {"a": "b"}), "abcdefgh"))
    assert seen == [1] * 8
