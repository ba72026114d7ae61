"""Formatting requirements (xAPI 1.0.3, part 2, section 2.2)."""

import json
from collections.abc import Iterator

import pytest

from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.data.cases import (
    BOTH,
    GONE,
    LEAST,
    NESTED,
    WHOLE,
    Case,
    Cases,
    Json,
    Path,
    changed,
    each_requirement,
    everywhere,
    requires,
)
from tests.conformance.xapi.data.conftest import Lrs

_OF_A_KIND = ("parent", "grouping", "category", "other")
_LANGUAGE_MAPS = ("display", "name", "description")


def refused(number: str, place: str, what: str, statement: Json) -> Iterator[Case]:
    """Cases for a statement that both versions refuse."""
    yield from (Case(number, place, what, statement, False, version) for version in BOTH)


def nulls() -> Iterator[Case]:
    """A null in place of each value."""
    for name, statement, path, _ in everywhere():
        yield from refused("XAPI-00001", name, "null", changed(statement, path, None))


def missing() -> Iterator[Case]:
    """Each required property is absent."""
    for number, name in (
        ("XAPI-00003", "actor"),
        ("XAPI-00004", "verb"),
        ("XAPI-00005", "object"),
    ):
        yield from refused(number, "statement", f"no {name}", changed(WHOLE, (name,), GONE))


def wrong_types() -> Iterator[Case]:
    """A value of another type in place of each value."""
    for name, statement, path, value in everywhere():
        if path[-1] in _OF_A_KIND:
            continue  # an activity, or an array of some
        for wrong in _wrong(value):
            other = changed(statement, path, wrong)
            yield from refused("XAPI-00006", name, json.dumps(wrong), other)


def _wrong(value: Json) -> tuple[Json, ...]:
    if isinstance(value, bool):
        return ("true", 1)
    if isinstance(value, int | float):
        return (str(value), True)
    if isinstance(value, str):
        return (12345, {"key": "x"})
    return ("x", 7)


def other_case() -> Iterator[Case]:
    """Each key in another case."""
    for name, statement, path, value in everywhere():
        *before, key = path
        if isinstance(key, int) or any(step in _LANGUAGE_MAPS for step in before[-1:]):
            continue  # language tags are the same in any case
        other = changed(changed(statement, path, GONE), (*before, key.swapcase()), value)
        yield from refused("XAPI-00008", name, key.swapcase(), other)


def unknown_keys() -> Iterator[Case]:
    """A key more in each object of the specification."""
    for name, statement, path, value in everywhere():
        if isinstance(value, dict) and not _has_any_key(path, value):
            more = changed(statement, (*path, "more"), 1)
            yield from refused("XAPI-00010", name, "more", more)
    yield from refused("XAPI-00010", "statement", "more", {**WHOLE, "more": 1})


def _has_any_key(path: Path, value: Json) -> bool:
    return path[-1] == "extensions" or "en-US" in value


ENUMERATED = [
    *requires(
        "XAPI-00009", "actor", refused=[{"objectType": "agent", "openid": "https://a.example"}]
    ),
    *requires(
        "XAPI-00009", "group", refused=[{"objectType": "GROUP", "openid": "https://a.example"}]
    ),
    *requires(
        "XAPI-00009", "activity", refused=[{"objectType": "activity", "id": "https://a.example"}]
    ),
    *requires(
        "XAPI-00009",
        "definition",
        refused=[
            {"interactionType": kind}
            for kind in (
                *("true-faLse", "Choice", "fill-iN", "long-fiLl-in", "matchIng"),
                *("perfOrmance", "seqUencing", "liKert", "nUmeric", "Other"),
            )
        ],
    ),
]
FORMATS = [
    *requires("XAPI-00007", "uuid", refused=["", "39e24cc469af4b01a8241fdc6ea8a3af", "x"]),
    *requires("XAPI-00007", "iri", refused=["", "a b", "http://a b"]),
    *requires("XAPI-00007", "timestamp", refused=["", "yesterday"]),
    *requires("XAPI-00007", "duration", refused=["", "an hour"]),
    *requires("XAPI-00007", "language", refused=["", "a12345"]),
    *requires("XAPI-00007", "agent", refused=[{"mbox": ""}, {"openid": ""}, {"mbox_sha1sum": ""}]),
    *requires("XAPI-00011", "iri", refused=["uni.example/a", "/a/1", "//uni.example/a", "://x"]),
    *requires("XAPI-00011", "agent", refused=[{"openid": "ana.example"}]),
    *requires(
        "XAPI-00013",
        "language map",
        taken=[{"de-CH-1996": "x"}, {"zh-Hans-CN": "x", "x-own": "y"}, {"i-klingon": "x"}],
        refused=[
            {"a12345": "x"},
            {"something": "x"},
            {"de-419-DE": "x"},
            {"en_US": "x"},
            {"": "x"},
        ],
    ),
]


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("statement", [WHOLE, NESTED, LEAST], ids=["whole", "nested", "least"])
def test_the_statements_that_cases_change_are_taken(
    lrs: Lrs, statement: Json, version: Version
) -> None:
    """Without a change, the statements of all cases are taken, so that each is refused for its
    change alone.
    """
    assert lrs.takes(statement, version)


@each_requirement([*nulls(), *missing(), *wrong_types(), *other_case(), *unknown_keys()])
def test_structure(lrs: Lrs, cases: Cases) -> None:
    """No null, no missing, no wrong type, no other case and no other key is taken."""
    assert cases.contradicted_by(lrs) == []


@each_requirement([*ENUMERATED, *FORMATS])
def test_formats(lrs: Lrs, cases: Cases) -> None:
    """Texts of a form are taken in this form alone, and enumerated ones in their case."""
    assert cases.contradicted_by(lrs) == []


@each_requirement([*requires("XAPI-00001", "extensions", taken=[{"https://uni.example/e": None}])])
def test_nulls_of_extensions(lrs: Lrs, cases: Cases) -> None:
    """Extensions may be null."""
    assert cases.contradicted_by(lrs) == []


@pytest.mark.parametrize("version", BOTH)
def test_xapi_00002_numbers_keep_their_precision(lrs: Lrs, version: Version) -> None:
    """XAPI-00002: numbers come back with more than the precision of 32 bits."""
    score = {"min": 0.12123434, "raw": 12.125, "max": 45.45678901234}
    statement = {**LEAST, "result": {"score": score}}
    assert lrs.returned(statement, version)["result"]["score"] == score


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1,",
        b"null",
        b'"statement"',
        json.dumps(LEAST).encode()[:-1],
        json.dumps(LEAST).encode() + b"}",
        json.dumps(LEAST).replace('"', "'").encode(),
    ],
)
def test_xapi_00014_only_json_is_taken(lrs: Lrs, body: bytes, version: Version) -> None:
    """XAPI-00014: what is no JSON object is refused."""
    assert not lrs.takes_bytes(body, version)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("encoding", "taken"), [("utf-8", True), ("latin-1", False), ("utf-16", False)]
)
def test_xapi_00015_strings_are_utf_8(
    lrs: Lrs, encoding: str, taken: bool, version: Version
) -> None:
    """XAPI-00015: strings are in UTF-8."""
    statement = {**LEAST, "result": {"response": "für"}}
    body = json.dumps(statement, ensure_ascii=False).encode(encoding)
    assert lrs.takes_bytes(body, version) is taken
