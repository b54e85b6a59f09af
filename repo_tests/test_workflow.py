"""The GitHub workflow: its permissions, and its shell scripts, run as GitHub runs them."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from unit_tests._paths import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
# YAML reads the key `on` as true.
TRIGGERS = WORKFLOW[True]
TEST, PUBLISH = WORKFLOW["jobs"]["test"], WORKFLOW["jobs"]["publish"]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

FAKE_DOCKER = """#!/bin/sh
echo "$@" >> "$CALLS"
[ "$1" != login ] || cat >> "$CALLS"
"""


def run(step: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a step of the publish job."""
    [script] = [each["run"] for each in PUBLISH["steps"] if each.get("name") == step]
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"]} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_changes_are_tested_by_the_same_script_as_elsewhere() -> None:
    assert set(TRIGGERS) == {"push", "pull_request"}
    assert TRIGGERS["push"] == {"branches": ["main"], "tags": ["v*"]}
    assert TRIGGERS["pull_request"] is None
    assert [step["run"] for step in TEST["steps"] if "run" in step] == [".ci/run"]
    assert "if" not in TEST
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_only_tags_publish_and_only_what_passed() -> None:
    assert set(WORKFLOW["jobs"]) == {"test", "publish"}
    assert PUBLISH["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert PUBLISH["needs"] == "test"
    names = [step.get("name") for step in PUBLISH["steps"]]
    assert names == [
        None,
        "Check that the tag matches the version",
        "Check that a registry is set",
        "Log in",
        "Build and push",
        "Build the package",
        "Publish the package",
        "Make the release",
    ]
    assert not [step for step in PUBLISH["steps"] if {"if", "continue-on-error"} & set(step)]


def test_nothing_may_write_but_the_job_that_publishes() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in TEST
    # The release, the identity for the package index, and the image.
    assert PUBLISH["permissions"] == {"contents": "write", "id-token": "write", "packages": "write"}
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    assert re.findall(r"secrets\.\w+", text) == 2 * ["secrets.GITHUB_TOKEN"]
    checkouts = [step["with"] for job in (TEST, PUBLISH) for step in job["steps"] if "uses" in step]
    assert checkouts == [{"persist-credentials": False}] * 2


def test_what_others_wrote_is_pinned_by_commit() -> None:
    uses = [step["uses"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "uses" in step]

    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", use)] == []


def test_expressions_reach_the_shell_only_through_the_environment() -> None:
    """Otherwise a tag's name could inject shell code."""
    scripts = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]

    assert [script for script in scripts if "${{" in script] == []


def test_the_tag_of_the_version_passes() -> None:
    result = run("Check that the tag matches the version", TAG=f"v{VERSION}")

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("tag", [VERSION, f"v{VERSION}0", f"v{VERSION}-rc.1", "v", "v9.9.9", "vermouth", ""])
def test_any_other_tag_fails(tag: str) -> None:
    result = run("Check that the tag matches the version", TAG=tag)

    assert result.returncode == 1
    assert f"The tag is {tag}, but the version is {VERSION} in pyproject.toml" in result.stderr


@pytest.mark.parametrize("file", ["pyproject.toml", "metadata.yaml"])
@pytest.mark.parametrize("other", ["9.9.9", None], ids=["another", "none"])
def test_each_file_must_have_the_version(file: str, other: str | None, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "metadata.yaml"):
        text = (ROOT / name).read_text()
        if name == file:
            text = text.replace(VERSION, other) if other else text.replace(f"{VERSION}\n", "\n").replace(VERSION, "")
        (tmp_path / name).write_text(text)

    assert run("Check that the tag matches the version", tmp_path, TAG=f"v{VERSION}").returncode == 1


def test_without_a_registry_it_says_what_to_set() -> None:
    assert run("Check that a registry is set", REGISTRY="registry.example").returncode == 0
    missing = run("Check that a registry is set", REGISTRY="")

    assert missing.returncode == 1
    assert "Set the variable REGISTRY" in missing.stderr
    assert "`REGISTRY`" in (ROOT / "CONTRIBUTING.md").read_text()


def test_the_image_is_pushed_with_attestations_under_its_version(tmp_path: Path) -> None:
    docker, calls = tmp_path / "docker", tmp_path / "calls"
    docker.write_text(FAKE_DOCKER)
    docker.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "REGISTRY": "registry.example",
        "GITHUB_REPOSITORY": "Some-Org/source-snov",
        "GITHUB_ACTOR": "someone",
        "PASSWORD": "s3cret",
        "TAG": "v1.2.3",
    }
    for step in ("Log in", "Build and push"):
        assert run(step, **environment).returncode == 0

    image = "registry.example/some-org/source-snov"
    assert calls.read_text().splitlines() == [
        "login registry.example --username someone --password-stdin",
        "s3cret",
        "run --privileged --rm tonistiigi/binfmt --install arm64",
        "buildx create --driver docker-container --use",
        "buildx build --push --platform linux/amd64,linux/arm64 --provenance mode=max --sbom true "
        f"--tag {image}:1.2.3 --tag {image}:latest .",
        "buildx build --target sbom --output dist .",
    ]


def test_the_package_has_absolute_links_and_is_built_published_and_released(tmp_path: Path) -> None:
    """With stand-ins for the programs that need the network."""
    calls = tmp_path / "calls"
    for program in ("make", "gh", ".venv/bin/uv"):
        (tmp_path / program).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / program).write_text(f'#!/bin/sh\necho {Path(program).name} "$@" >> "$CALLS"\n')
        (tmp_path / program).chmod(0o755)
    for name in ("README.md", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "dist").mkdir()
    for name in ("a.whl", "a.tar.gz", "sbom.cdx.json"):
        (tmp_path / "dist" / name).touch()
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(calls),
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "some-org/source-snov",
        "TAG": "v1.2.3",
    }

    for step in ("Build the package", "Publish the package", "Make the release"):
        assert run(step, tmp_path, **environment).returncode == 0

    readme = (tmp_path / "README.md").read_text()
    own = "https://git.example/some-org/source-snov"
    assert f"]({own}/raw/v1.2.3/docs/report.png)" in readme
    assert f"[LICENSE]({own}/blob/v1.2.3/LICENSE)" in readme or f"[MIT]({own}/blob/v1.2.3/LICENSE)" in readme
    assert re.findall(r"\]\((?!https?://|#)[^)]*\)", readme) == []
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert project["urls"] == {"Homepage": own, "Changelog": f"{own}/blob/v1.2.3/CHANGELOG.md"}
    assert calls.read_text().splitlines() == [
        "make --silent install",
        "uv build --no-build-isolation --python .venv/bin/python --out-dir dist",
        "uv publish --trusted-publishing always dist/a.whl dist/a.tar.gz",
        "gh release create v1.2.3 --verify-tag --notes-file CHANGELOG.md dist/a.tar.gz dist/a.whl dist/sbom.cdx.json",
    ]


def test_no_host_of_a_registry_is_named() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()

    assert WORKFLOW["jobs"]["publish"]["env"]["REGISTRY"] == "${{ vars.REGISTRY }}"
    assert re.findall(r"\b[\w-]+\.(?:io|com|org|net)\b", text) == []


def test_steps_know_only_what_they_are_given() -> None:
    """Scripts use only GitHub's own variables, and those of the job's or step's environment."""
    for job in (TEST, PUBLISH):
        for step in job["steps"]:
            given: dict[str, Any] = job.get("env", {}) | step.get("env", {})
            script = step.get("run", "")
            used = set(re.findall(r"\$\{?([A-Z_]+)", script))
            assert used <= set(given) | {"GITHUB_ACTOR", "GITHUB_REPOSITORY", "GITHUB_SERVER_URL"}, step
