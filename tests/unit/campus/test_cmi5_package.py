"""Packages of cmi5 (section 14.1)."""

import json
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campus.cli import cli
from campus.cmi5_package import NAME, structure_of
from campus.cmi5_structure import LARGEST, activities_of
from chassis.errors import Invalid
from tests.unit.campus.test_cmi5_structure import unit_at


def package(file: Path, **members: bytes) -> Path:
    """Write a ZIP with some members: `cmi5` is the course structure."""
    with ZipFile(file, "w", ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(NAME if name == "cmi5" else name, content)
    return file


def test_the_structure_of_a_package_is_read(tmp_path: Path) -> None:
    """The command takes the ZIP as it is, and makes its relative URLs whole."""
    file = package(tmp_path / "geo.zip", cmi5=unit_at("start.html"), start=b"<html/>")
    base = ["--base-url", "https://files.uni.example/geo"]
    ran = CliRunner().invoke(cli, ["cmi5", "path", str(file), *base])
    assert ran.exit_code == 0, ran.output
    (found,) = json.loads(ran.output)["activities"]
    assert found["cmi5"]["url"] == "https://files.uni.example/geo/start.html"


def test_a_package_without_a_structure_is_refused(tmp_path: Path) -> None:
    """The answer tells where it would have to be."""
    file = package(tmp_path / "geo.zip", start=b"<html/>")
    with pytest.raises(Invalid, match="at its root"):
        structure_of(file)


def test_a_structure_that_unpacks_to_very_much_is_refused(tmp_path: Path) -> None:
    """A few kilobytes that become tens of megabytes are not read to their end."""
    file = package(tmp_path / "geo.zip", cmi5=b" " * (3 * LARGEST))
    assert len(structure_of(file)) == LARGEST + 1
    with pytest.raises(Invalid, match="at most"):
        activities_of(structure_of(file))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=30), st.integers(0, 400), st.booleans())
def test_a_damaged_package_is_read_or_refused(
    tmp_path: Path, junk: bytes, place: int, replaced: bool
) -> None:
    """Whatever bytes are added or replaced, there is no other error than Invalid."""
    whole = package(tmp_path / "geo.zip", cmi5=unit_at("https://pub.example/2")).read_bytes()
    file = tmp_path / "damaged.zip"
    file.write_bytes(whole[:place] + junk + whole[place + replaced * len(junk) :])
    with suppress(Invalid):
        activities_of(structure_of(file))
