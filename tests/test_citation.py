"""What is stated in two places is the same in both."""

from __future__ import annotations

import tomllib

from tests.conftest import REPOSITORY


def test_the_citation_has_the_version_and_the_licence_of_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    assert f"version: {project['version']}" in lines
    assert f"license: {project['license']}" in lines
