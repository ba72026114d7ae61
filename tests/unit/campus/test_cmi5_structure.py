"""Course structures of cmi5 (section 13)."""

import json
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.cli import cli
from campus.cmi5_structure import NAMESPACES, activities_of
from chassis.errors import Invalid

AU = """<au id=" https://pub.example/1 " moveOn="CompletedAndPassed" masteryScore="0.85"
  launchMethod="OwnWindow"><title><langstring lang="en">Rocks</langstring></title>
  <description/><url>
    https://pub.example/1/start?x=1 </url><launchParameters>{"a":1}</launchParameters>
  <entitlementKey>key</entitlementKey></au>"""
PLAIN = """<au id="https://pub.example/2"><title><langstring>Soil</langstring></title>
  <url>https://pub.example/2</url></au>"""


def structure(*parts: str, namespace: str = NAMESPACES[0]) -> bytes:
    """Return a course structure with some parts."""
    course = '<course id="https://pub.example/course"/>'
    return (
        f'<courseStructure xmlns="{namespace}">{course}{"".join(parts)}</courseStructure>'.encode()
    )


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_units_become_activities_in_their_order(namespace: str, tmp_path: Path) -> None:
    """Those of inner blocks too, without white space at their ends (section 13.1), with the
    defaults of section 13.1.4; the command prints them as JSON.
    """
    file = tmp_path / "cmi5.xml"
    file.write_bytes(structure(f"<block><block>{AU}</block></block>", PLAIN, namespace=namespace))
    ran = CliRunner().invoke(cli, ["cmi5", "path", str(file)])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output)["activities"] == [
        {
            "id": "au-1",
            "title": "Rocks",
            "kind": "ACTIVITY_KIND_CHECKPOINT",
            "cmi5": {
                "publisher_id": "https://pub.example/1",
                "url": "https://pub.example/1/start?x=1",
                "launch_method": "LAUNCH_METHOD_OWN_WINDOW",
                "move_on": "MOVE_ON_COMPLETED_AND_PASSED",
                "mastery_score": 0.85,
                "launch_parameters": '{"a":1}',
                "entitlement_key": "key",
            },
        },
        {
            "id": "au-2",
            "title": "Soil",
            "kind": "ACTIVITY_KIND_ITEM",
            "cmi5": {
                "publisher_id": "https://pub.example/2",
                "url": "https://pub.example/2",
                "launch_method": "LAUNCH_METHOD_ANY_WINDOW",
                "move_on": "MOVE_ON_NOT_APPLICABLE",
            },
        },
    ]


def unit_at(url: str) -> bytes:
    """Return a course structure with one unit at a URL."""
    return structure(PLAIN.replace("https://pub.example/2</url>", f"{escape(url)}</url>"))


@pytest.mark.parametrize(
    "base", ["https://files.uni.example/geo", "https://files.uni.example/geo/"]
)
@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("start.html", "https://files.uni.example/geo/start.html"),
        ("a/../b/start.html?x=1&y=2#z", "https://files.uni.example/geo/b/start.html?x=1&y=2#z"),
        ("https://pub.example/2", "https://pub.example/2"),
    ],
)
def test_relative_urls_are_made_whole(base: str, told: str, url: str) -> None:
    """By the URL at which the package's files are served; whole ones stay (section 14.1)."""
    (found,) = activities_of(unit_at(told), base)
    assert found.cmi5.url == url


@pytest.mark.parametrize(
    "told",
    ["../start.html", "/start.html", "//evil.example/start.html", "//[", "javascript:alert(1)", ""],
)
def test_a_relative_url_stays_in_its_package(told: str) -> None:
    """What would lead elsewhere is refused."""
    with pytest.raises(Invalid, match="url"):
        activities_of(unit_at(told), "https://files.uni.example/geo")


@pytest.mark.parametrize(
    "base", ["files.uni.example", "ftp://x.example", "https://", "https://x?y", "https://["]
)
def test_a_base_url_is_a_folder(base: str) -> None:
    """The command tells what it would take."""
    with pytest.raises(Invalid, match="base_url"):
        activities_of(unit_at("start.html"), base)


def test_the_command_takes_a_base_url(tmp_path: Path) -> None:
    """Without it a relative URL is refused (section 14.2)."""
    file = tmp_path / "cmi5.xml"
    file.write_bytes(unit_at("start.html"))
    command = ["cmi5", "path", str(file)]
    assert CliRunner().invoke(cli, command).exit_code == 1
    ran = CliRunner().invoke(cli, [*command, "--base-url", "https://files.uni.example/geo"])
    (found,) = json.loads(ran.output)["activities"]
    assert found["cmi5"]["url"] == "https://files.uni.example/geo/start.html"


def test_all_faults_of_all_units_are_told() -> None:
    """Ids, titles, URLs, values of attributes, each with its unit."""
    bad = '<au moveOn="Perhaps" launchMethod="No" masteryScore="nan"><url>start.html</url></au>'
    with pytest.raises(Invalid) as refused:
        activities_of(structure(bad, PLAIN, PLAIN))
    assert {each.field for each in refused.value.violations} == {
        "au 1.id",
        "au 1.title",
        "au 1.url",
        "au 1.moveOn",
        "au 1.launchMethod",
        "au 1.masteryScore",
        "au 2.id",
        "au 3.id",
    }


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<a>",
        b"<courseStructure/>",
        b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        structure(),
        b'<?xml version="1.0" encoding="none"?><a/>',
    ],
)
def test_hostile_and_empty_files_are_refused(text: bytes) -> None:
    """No XML, no cmi5, entities, a DTD of elsewhere, no unit, an unknown encoding."""
    with pytest.raises(Invalid):
        activities_of(text)


@settings(max_examples=30)
@given(st.binary(max_size=200), st.integers(0, 600))
def test_any_bytes_are_read_or_refused(junk: bytes, place: int) -> None:
    """Random bytes within a structure never end in another error than Invalid; what is read has
    ids and URLs.
    """
    text = structure(AU, PLAIN)
    found = []
    with suppress(Invalid):
        found = activities_of(text[:place] + junk + text[place:])
    assert all(each.cmi5.publisher_id and each.cmi5.url for each in found)
