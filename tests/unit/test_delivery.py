"""How the project is built and deployed: samconfig.toml and the workflow for GitHub Actions."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def samconfig() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    found: dict[str, Any] = workflow["jobs"]
    return found


def test_each_environment_says_everything(samconfig: dict[str, Any]) -> None:
    environments = {name: each for name, each in samconfig.items() if name != "version"}

    assert environments.keys() == {"default", "dev", "prod"}
    for environment in environments.values():
        assert environment["validate"]["parameters"]["lint"] is True
        deploy = environment["deploy"]["parameters"]
        assert deploy["capabilities"] == "CAPABILITY_IAM"
        assert deploy["resolve_s3"] is True
    names = [each["global"]["parameters"]["stack_name"] for each in environments.values()]
    assert len(set(names)) == 3


def test_a_person_looks_at_what_changes_in_prod(samconfig: dict[str, Any], jobs: dict[str, Any]) -> None:
    assert samconfig["prod"]["deploy"]["parameters"]["confirm_changeset"] is True
    assert jobs["deploy-prod"]["environment"] == "prod", "whose reviewers approve"
    assert jobs["deploy-prod"]["needs"] == "end-to-end"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_action_is_pinned_by_its_hash_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: *(.+)", path.read_text())

    assert used
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_only_who_deploys_gets_credentials_and_none_are_stored(jobs: dict[str, Any]) -> None:
    for name, job in jobs.items():
        deploys = name in {"deploy-dev", "end-to-end", "deploy-prod"}
        assert ("id-token" in job.get("permissions", {})) == deploys, name
        assert ("environment" in job) == deploys, name
    assert not [path for path in WORKFLOWS if "secrets." in path.read_text()]


def test_nothing_is_deployed_from_a_pull_request_or_before_all_is_tested(jobs: dict[str, Any]) -> None:
    assert jobs["deploy-dev"]["if"] == "github.event_name == 'push'"
    assert set(jobs["deploy-dev"]["needs"]) == {"test", "audit", "build"}


def test_what_is_tested_in_dev_is_what_goes_to_prod(jobs: dict[str, Any]) -> None:
    for name in ("deploy-dev", "deploy-prod"):
        assert any("download-artifact" in step.get("uses", "") for step in jobs[name]["steps"])
        assert not any("build" in step.get("run", "") for step in jobs[name]["steps"])


@pytest.mark.parametrize("vulnerable", ["requirements.txt", "requirements-dev.txt", None])
def test_the_audit_of_dependencies_can_fail(jobs: dict[str, Any], vulnerable: str | None, tmp_path: Path) -> None:
    assert any(step.get("run") == "make audit" for step in jobs["audit"]["steps"])
    audit = tmp_path / "bin" / "pip-audit"
    audit.parent.mkdir()
    audit.write_text(f'#!/bin/sh\ncase "$*" in *--strict*"--requirement {vulnerable}") exit 1;; esac\n')
    audit.chmod(0o755)

    run = subprocess.run(["make", f"--old-file={tmp_path}", f"CHECKS={tmp_path}", "audit"], cwd=ROOT, check=False)  # noqa: S603, S607 - our own words

    assert (run.returncode != 0) == bool(vulnerable)
