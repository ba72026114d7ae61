"""Reading JSON of strangers."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import Invalid
from services.progress.domain.xapi.parsing import MAX_DEPTH, parse_json
from tests.unit.progress.xapi.examples import WHOLE, Json, json_values


def test_a_statement_is_read_as_it_is() -> None:
    """JSON in UTF-8 becomes the same values, pairs of surrogates become their character."""
    assert parse_json(json.dumps(WHOLE).encode()) == WHOLE
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert parse_json('"é"'.encode()) == "é"


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "column 1"),
        (b'{"a": 1,}', "line 1, column"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', 'the key "c" is there twice'),
        (b"NaN", "NaN"),
        (b"-Infinity", "Infinity"),
        (b"1e999", "beyond the range"),
        (b"9" * 5000, "digits"),
        (b'"\xff"', "byte 1"),
        ('"é"'.encode("utf-16"), "UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "column 1"),
        (b'"\\ud800"', "surrogate"),
        (b'{"a": {"\\udfff": 1}}', "surrogate"),
        (b"[" * 100_000, "levels"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "levels"),
    ],
)
def test_other_bytes_are_refused_with_their_place(raw: bytes, told: str) -> None:
    """What is not strict JSON is refused, and the error tells what and where."""
    with pytest.raises(Invalid) as refusal:
        parse_json(raw, "statements")
    [violation] = refusal.value.violations
    assert violation.field == "statements"
    assert told in violation.wrong


def test_the_deepest_allowed_is_read() -> None:
    """As many levels as allowed are read."""
    assert parse_json(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)


@given(raw=st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Any bytes give a value or Invalid, and no other exception."""
    with contextlib.suppress(Invalid):
        json.dumps(parse_json(raw))


texts = st.sampled_from(["", "a", "b", '":', '\\":', "\\u0022:", " :", "é"])
keyed_values = st.recursive(
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts.map(json.dumps),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple) | st.lists(st.tuples(texts, inner), max_size=4)
    ),
    max_leaves=8,
)


def written(value: object, space: str) -> str:
    """A value as JSON: a list of pairs is an object, whose keys may be there twice."""
    if isinstance(value, tuple):
        return "[" + ",".join(written(each, space) for each in value) + "]"
    if isinstance(value, list):
        members = (f"{json.dumps(key)}{space}:{written(each, space)}" for key, each in value)
        return "{" + ",".join(members) + "}"
    return value if isinstance(value, str) else json.dumps(value)


def has_key_twice(value: object) -> bool:
    """Whether any object of a value has a key twice."""
    if isinstance(value, tuple):
        return any(has_key_twice(each) for each in value)
    if isinstance(value, list):
        keys = [key for key, _ in value]
        return len(set(keys)) < len(keys) or any(has_key_twice(each) for _, each in value)
    return False


@given(value=keyed_values, space=st.sampled_from(["", " ", "\n\t"]))
def test_a_key_twice_is_found_wherever_it_is(value: object, space: str) -> None:
    """A text is refused if an object in it has a key twice, whatever its strings hold, and else
    read exactly as the standard library reads it.
    """
    raw = written(value, space)
    if has_key_twice(value):
        with pytest.raises(Invalid, match="twice"):
            parse_json(raw.encode())
    else:
        found = parse_json(raw.encode())
        assert (found, repr(found)) == (json.loads(raw), repr(json.loads(raw)))


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**30])
def test_large_integers_are_read_exactly(number: int) -> None:
    """None becomes a double."""
    assert repr(parse_json(f"[{number}]".encode())) == f"[{number}]"


@given(value=json_values)
def test_any_json_is_read_back(value: Json) -> None:
    """Every finite JSON value of whole characters is read as it was written."""
    text = json.dumps(value)
    try:
        assert parse_json(text.encode()) == value
    except Invalid:
        assert "Infinity" in text or "\\ud" in text
