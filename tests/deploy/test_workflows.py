"""The workflows, as their checkers see them; none has run on these machines."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import output_of

WORKFLOWS = sorted((Path(__file__).parents[2] / ".github/workflows").glob("*.yml"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> Any:
    """Give one of the workflows. The word `on` is a boolean in YAML 1.1."""
    path: Path = request.param
    return yaml.safe_load(path.read_text("utf-8"))


def _steps(workflow: Any) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job.get("steps", ())


def test_actionlint_has_nothing_to_say() -> None:
    """Each word of each workflow is known, and each expression is one."""
    assert output_of("actionlint", "-shellcheck=", "-pyflakes=", *WORKFLOWS) == ""


def test_zizmor_has_nothing_to_say(root: Path) -> None:
    """No workflow can be made to do what it shouldn't, as far as can be read from it."""
    output_of("zizmor", "--offline", "--no-progress", "--persona=pedantic", root / ".github")


def test_actions_are_pinned_by_hash(workflow: Any) -> None:
    """An action is named by a full commit, and the same one by the same commit everywhere."""
    for step in _steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
    pins = {
        pin for path in WORKFLOWS for pin in re.findall(r"uses: (.+@.+)", path.read_text("utf-8"))
    }
    names = [pin.split("@")[0] for pin in pins]
    assert len(names) == len(set(names)) > 1
    assert all(re.search(r" # v\d+\.\d+\.\d+$", pin) for pin in pins)


def test_a_job_may_no_more_than_it_says(workflow: Any) -> None:
    """Without a word a job may nothing; each names what it may, and ends in time."""
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["permissions"], name
        assert "uses" in job or job["timeout-minutes"] <= 60, name
        writes = {what for what, may in job["permissions"].items() if may == "write"}
        assert not writes or workflow["name"] == "Release", name
        assert "contents" not in writes or name == "page"


def test_all_supported_pythons_are_tested(root: Path) -> None:
    """The matrix has the versions that the package says it is for."""
    text = (root / "pyproject.toml").read_text("utf-8")
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    tests = yaml.safe_load((root / ".github/workflows/test.yml").read_text("utf-8"))
    assert tests["jobs"]["test"]["strategy"]["matrix"]["python"] == named


def test_the_secrets_of_a_release_are_none(root: Path) -> None:
    """A release needs no secret but the token that every run has."""
    for path in WORKFLOWS:
        assert "secrets." not in path.read_text("utf-8")
    release = yaml.safe_load((root / ".github/workflows/release.yml").read_text("utf-8"))
    pypi = release["jobs"]["pypi"]
    assert pypi["environment"] == "pypi"
    assert pypi["permissions"] == {"id-token": "write"}


def test_the_image_says_where_its_sources_are(root: Path) -> None:
    """A release's image has the address of the repository that it was built from."""
    release = yaml.safe_load((root / ".github/workflows/release.yml").read_text("utf-8"))
    (build,) = (step for step in release["jobs"]["image"]["steps"] if step.get("id") == "build")
    address = "${{ github.server_url }}/${{ github.repository }}"
    assert build["with"]["labels"].strip() == f"org.opencontainers.image.source={address}"


def test_the_release_is_of_its_tag(root: Path) -> None:
    """The workflow's command checks the tag that it runs for."""
    release = yaml.safe_load((root / ".github/workflows/release.yml").read_text("utf-8"))
    commands = [step.get("run") for step in release["jobs"]["packages"]["steps"]]
    assert 'make release-check ARGS="--tag $GITHUB_REF_NAME"' in commands
    said = output_of("make", "-n", "-C", root, "release-check", "ARGS=--tag v1.2.3")
    assert said.splitlines()[-2].endswith("deploy/release/check.py dist --tag v1.2.3")
