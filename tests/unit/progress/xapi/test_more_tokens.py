"""Tokens of next pages."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.data.pages import write_token
from chassis.errors import Invalid
from services.progress.domain.xapi.cursors import LENGTH, cursor_of, first_after
from services.progress.domain.xapi.index_keys import Tag, key
from services.progress.domain.xapi.queries import Query
from services.progress.xapi import more_tokens

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
CLAUSES = ((key(Tag.VERB, "x:y"),), (key(Tag.AGENT, "a"), key(Tag.RELATED_AGENT, "a")))
AFTER = cursor_of(AT, b"123456", 7)


@pytest.mark.parametrize(
    "query",
    [
        Query((), after=AFTER),
        Query(CLAUSES, AT, AT, 7, True, "ids", True, AFTER),
    ],
)
def test_a_token_tells_its_query(query: Query) -> None:
    """All that a query has comes back."""
    assert more_tokens.read(more_tokens.write(query)) == query


@given(st.text(max_size=60) | st.lists(st.none() | st.text() | st.integers()).map(write_token))
def test_any_other_text_is_refused(token: str) -> None:
    """Whatever it is."""
    with pytest.raises(Invalid):
        more_tokens.read(token)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, "xy"),
        (0, ";".join(["00" * 16] * 9)),
        (1, 5),
        (3, 0),
        (3, 10**6),
        (3, True),
        (4, 1),
        (5, "xml"),
        (7, ""),
        (7, "00"),
    ],
)
def test_a_token_with_a_wrong_part_is_refused(place: int, value: object) -> None:
    """A key, a number of clauses, an instant, a limit, a direction, a format, a cursor."""
    values: list[object] = ["", None, None, 5, False, "exact", False, AFTER.hex()]
    assert more_tokens.read(write_token(values))
    values[place] = value
    with pytest.raises(Invalid):
        more_tokens.read(write_token(values))


def test_cursors_are_in_the_order_of_storing() -> None:
    """By instant first, then by the unit of work and the place in it; all of one length."""
    later = AT.replace(microsecond=1000)
    cursors = [
        cursor_of(AT, b"\xff" * 6, 1),
        cursor_of(AT, b"\xff" * 6, 2),
        cursor_of(later, b"\0" * 6, 0),
    ]
    assert cursors == sorted(cursors)
    assert {len(each) for each in cursors} == {LENGTH}
    assert cursors[1] < first_after(AT) <= cursors[2]
