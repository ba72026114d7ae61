"""Who may read which items, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.library.domain.entitlements import Reader, looks_after, may_read, runs_that_count
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
ITEM = Item(
    id="i1",
    kind=ItemKind.PDF,
    metadata=Metadata(title="Motion"),
    state=ItemState.AVAILABLE,
    run_ids=("r1",),
    uploaded_by="curie",
    created_at=NOW,
    promised=Rendition(name="original", media_type="application/pdf", size=9, sha256="ab" * 32),
)
RUNS = st.lists(st.sampled_from(["r1", "r2", "r3"]), unique=True).map(tuple)
READERS = st.builds(Reader, id=st.sampled_from(["ada", "curie", ""]), learns_in=RUNS, staff_of=RUNS)
ITEMS = st.builds(
    replace,
    st.just(ITEM),
    run_ids=RUNS,
    access=st.sampled_from(Access),
    not_before=st.sampled_from([None, NOW - HOUR, NOW, NOW + HOUR]),
)


def test_a_learner_reads_what_a_run_of_theirs_has() -> None:
    """The item belongs to the run itself, or to the run's path."""
    ada = Reader(id="ada", learns_in=("r1", "r2"))
    assert may_read(ITEM, ada, NOW, named=False)
    assert may_read(replace(ITEM, run_ids=()), ada, NOW, named=True)
    assert not may_read(replace(ITEM, run_ids=("r3",)), ada, NOW, named=False)
    assert not may_read(ITEM, Reader(id="ada"), NOW, named=False)


def test_who_uploaded_an_item_reads_it() -> None:
    """Whatever the runs; nobody uploaded an item whose uploader is unknown."""
    assert may_read(ITEM, Reader(id="curie"), NOW, named=False)
    assert not may_read(replace(ITEM, uploaded_by=""), Reader(id=""), NOW, named=False)


def test_an_embargo_ends_at_its_instant() -> None:
    """Not a moment before."""
    ada = Reader(id="ada", learns_in=("r1",))
    closed = replace(ITEM, not_before=NOW, access=Access.ALL)
    assert not may_read(closed, ada, NOW - timedelta(microseconds=1), named=False)
    assert may_read(closed, ada, NOW, named=False)


@given(ITEMS, READERS, st.booleans())
def test_an_embargo_takes_from_learners_alone(item: Item, reader: Reader, named: bool) -> None:
    """During it one reads exactly what one looks after; after it, what one read without it."""
    if item.not_before and item.not_before > NOW:
        assert runs_that_count(item, reader, NOW) == reader.staff_of
        assert may_read(item, reader, NOW, named=named) is looks_after(item, reader, named=named)
    else:
        free = replace(item, not_before=None)
        assert may_read(item, reader, NOW, named=named) is may_read(free, reader, NOW, named=named)


@given(ITEMS, READERS, st.booleans())
def test_an_item_for_all_takes_from_nobody(item: Item, reader: Reader, named: bool) -> None:
    """Who reads it when it is for its runs, reads it when it is for all; nobody sees more of it
    before it is AVAILABLE.
    """
    for_runs, for_all = replace(item, access=Access.RUNS), replace(item, access=Access.ALL)
    if may_read(for_runs, reader, NOW, named=named):
        assert may_read(for_all, reader, NOW, named=named)
    assert looks_after(for_runs, reader, named=named) is looks_after(for_all, reader, named=named)
