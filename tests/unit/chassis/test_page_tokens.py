"""Page tokens that strangers made."""

import base64
import json
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.data.pages import Page, find_page
from chassis.errors import Invalid


class Rows:
    """A collection that takes every query that MongoDB's driver could send."""

    def find(self, query: dict[str, Any], _fields: Any, session: Any) -> "Rows":
        bson.encode(query)
        return self

    def sort(self, _: Any) -> "Rows":
        return self

    def limit(self, _: int) -> "Rows":
        return self

    def batch_size(self, _: int) -> list[Any]:
        return []


def takes(token: str) -> bool:
    """Whether it is accepted as a token. Raises every error other than a refusal."""
    rows: Any = Rows()
    try:
        find_page(rows, {}, [("_id", 1)], Page(4, token))
    except Invalid:
        return False
    return True


def token_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"[{10**29}]",
        '["\\ud800"]',
        '[{"$numberDecimal": "zz"}]',
        '[{"$date": 1e300}]',
        '[{"$date": {"$numberLong": "9999999999999999999"}}]',
        '[{"$regularExpression": {"pattern": "(", "options": ""}}]',
        "[" * 700,
        "[" * 100_000,
    ],
)
def test_a_crafted_token_is_refused(text: str) -> None:
    """JSON that MongoDB can't hold, or that is no plain value, is a fault of page_token."""
    assert not takes(token_of(text))


KINDS = ("oid", "date", "numberDecimal", "numberLong", "binary", "uuid", "timestamp", "code", "gt")
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([f"${kind}" for kind in KINDS]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.text() | st.text().map(token_of) | VALUES.map(lambda v: token_of(json.dumps([v]))))
def test_any_text_is_a_token_or_a_refusal(token: str) -> None:
    """Any input is a place in the list, or refused."""
    assert takes(token) in {True, False}
