"""The Dockerfile and .dockerignore agree with the files they repeat facts from. Needs no Docker engine."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml

from unit_tests._paths import ROOT


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def final_stage() -> list[tuple[str, str]]:
    """The instructions that make the image itself."""
    found = instructions()
    last_from = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[last_from:]


def settings(name: str) -> dict[str, str]:
    """The values of the ENV or LABEL instructions of the final stage."""
    pairs = [pair for found, rest in final_stage() if found == name for pair in shlex.split(rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def metadata() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]
    return data


def copied_from_the_context() -> set[str]:
    copies = [shlex.split(rest) for name, rest in instructions() if name == "COPY" and "--from=" not in rest]
    return {source for *sources, _ in copies for source in sources}


def test_the_base_image_is_the_one_metadata_names_pinned_by_digest() -> None:
    name, default = instructions()[0]

    assert (name, default) == ("ARG", f"BASE_IMAGE={metadata()['connectorBuildOptions']['baseImage']}")
    assert re.search(r":[\d.]+@sha256:[0-9a-f]{64}$", default)
    # A stage based on another, or on scratch, pulls nothing.
    own = {rest.split()[-1] for name, rest in instructions() if name == "FROM" and " AS " in rest} | {"scratch"}
    assert {rest.split()[0] for name, rest in instructions() if name == "FROM"} - own == {"${BASE_IMAGE}"}
    assert final_stage()[0] == ("FROM", "${BASE_IMAGE}")


def test_both_entrypoints_are_the_installed_command() -> None:
    (entrypoint,) = [json.loads(rest) for name, rest in final_stage() if name == "ENTRYPOINT"]

    assert entrypoint == shlex.split(settings("ENV")["AIRBYTE_ENTRYPOINT"])
    assert entrypoint[0] in pyproject()["project"]["scripts"]


def test_the_image_does_not_run_as_root() -> None:
    assert [rest for name, rest in final_stage() if name == "USER"] == ["airbyte"]


def test_the_labels_carry_the_version_and_name_of_the_package() -> None:
    labels = settings("LABEL")
    version = pyproject()["project"]["version"]

    assert labels["io.airbyte.version"] == labels["org.opencontainers.image.version"] == version
    assert labels["io.airbyte.version"] == metadata()["dockerImageTag"]
    assert labels["io.airbyte.name"] == metadata()["dockerRepository"]


def test_the_build_sees_only_what_it_copies() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied_from_the_context()


def locks() -> list[str]:
    """The lock files that `make lock` writes."""
    return re.findall(r"\$\(LOCK\) --output-file (\S+)", (ROOT / "Makefile").read_text())


def pins(lock: str) -> list[str]:
    """Each pinned package of a file, with its digests."""
    return re.split(r"\n(?! )", (ROOT / lock).read_text().strip())


def pinned(lock: str) -> set[str]:
    return {pin.partition("==")[0] for pin in pins(lock)}


def test_the_image_has_the_versions_that_the_tests_run_with() -> None:
    tested, shipped = (
        {pin.split("==")[0]: re.split(r"==|\s", pin)[1] for pin in pins(lock)}
        for lock in ("requirements-dev.txt", "requirements.txt")
    )

    assert len(shipped) > 20
    assert shipped == {name: tested.get(name) for name in shipped}


def installing() -> list[str]:
    """The Dockerfile's commands that install packages."""
    commands = [command for name, rest in instructions() if name == "RUN" for command in rest.split("&&")]
    return [command for command in commands if re.search(r"-m pip .*\binstall\b", command)]


def test_what_builds_the_package_is_pinned() -> None:
    """The Dockerfile installs it from the development requirements, and then builds without the network."""
    [step] = [rest for name, rest in instructions() if name == "RUN" and "requirements-dev.txt" in rest]
    listed = {name for names in re.findall(r"/\^\(([a-z0-9|-]+)\)==/", step) for name in names.split("|")}
    backend = {re.split(r"[^A-Za-z0-9._-]", name)[0] for name in pyproject()["build-system"]["requires"]}

    assert backend <= listed <= pinned("requirements-dev.txt")


def test_what_lists_the_contents_is_pinned_with_what_checks_the_list() -> None:
    assert {"cyclonedx-bom", "jsonschema", "rfc3987-syntax"} <= pinned("image/lister.txt")
    assert [step for step in installing() if "/opt/lister/bin/python" in step and "--requirement lister.txt" in step]


def test_the_list_is_checked_when_it_is_complete() -> None:
    [commands] = [rest.split("&&") for name, rest in instructions() if name == "RUN" and "cyclonedx-py" in rest]

    assert [command.split()[1] for command in commands[1:]] == ["add_digests.py", "validate_list.py"]


def test_the_development_environment_does_not_get_what_slows_every_import_of_the_cdk() -> None:
    """The CDK imports jsonschema, which imports this package if it is installed: two to three seconds more for every
    test process and every measured sync. The image's lister needs it, and therefore has its own lock file.
    """
    assert "rfc3987-syntax" not in pinned("requirements-dev.txt")


def test_the_image_is_built_from_locked_files() -> None:
    assert {name for name in copied_from_the_context() if name.endswith(".txt")} <= set(locks())


@pytest.mark.parametrize("lock", locks())
def test_whatever_is_pinned_carries_its_digests_and_no_index_is_named(lock: str) -> None:
    pin = re.compile(r"[a-z0-9.-]+==[^\s;]+( ; [^\n\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+")

    assert [line for line in pins(lock) if not pin.fullmatch(line)] == []


def test_whatever_is_installed_is_compared_with_its_digest() -> None:
    assert len(installing()) == 4
    assert [step for step in installing() if "--require-hashes" not in step and "--no-index" not in step] == []
