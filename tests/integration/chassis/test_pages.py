"""Lists in pages."""

from typing import Any

import pytest

from chassis.data.migrations import Migration, adding
from chassis.data.pages import Page, find_page
from chassis.data.store import Store
from chassis.errors import Invalid


class SampleStore(Store):
    service = "catalog"
    migrations = (Migration(1, "rows", adding({"rows": []})),)


@pytest.fixture
def rows(make_database: Any) -> Any:
    collection = make_database(SampleStore).mongo["rows"]
    collection.insert_many([{"_id": f"{n:02d}", "rank": n % 3} for n in range(10)])
    return collection


@pytest.mark.parametrize("size", [1, 3, 4, 10, 11])
@pytest.mark.parametrize("direction", [1, -1])
def test_every_row_is_told_once_in_order(rows: Any, size: int, direction: int) -> None:
    """Page by page, whatever the size, the whole list comes in its order."""
    order, token, seen = [("rank", direction), ("_id", 1)], "", []
    while True:
        page, token = find_page(rows, {}, order, Page(size, token))
        seen += page
        if not token:
            break
    assert seen == list(rows.find().sort(order))


def test_a_row_that_comes_in_between_moves_no_other(rows: Any) -> None:
    """A page starts after the last row of the page before, not at a count."""
    first, token = find_page(rows, {}, [("_id", 1)], Page(4))
    rows.insert_one({"_id": "00a", "rank": 0})
    second, _ = find_page(rows, {}, [("_id", 1)], Page(4, token))
    assert [row["_id"] for row in first + second] == [f"{n:02d}" for n in range(8)]


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "e30=",
        "W10=",
        "ééé",
        "WzEsMl0=",
        "W3siJGd0IjogIiJ9XQ==",  # [{"$gt": ""}]
        "W3siJG9pZCI6ICJ4In1d",  # [{"$oid": "x"}]
    ],
)
def test_a_token_that_is_not_ours_is_refused(rows: Any, token: str) -> None:
    """A guessed, cut or crafted token is a fault of the field page_token."""
    with pytest.raises(Invalid, match="page_token"):
        find_page(rows, {}, [("_id", 1)], Page(4, token))
