"""Resyncs of the library's items: copies of them become whole again, whatever happens meanwhile."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.resync.resyncs import ResyncState
from services.library.domain import verification, versions
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition
from services.library.domain.verification import Found
from services.library.originals import ORIGINALS
from services.library.sources import SOURCES
from services.library.store import LibraryStore
from services.library.usecases.items import retired_event
from tests.deep import DEEP
from tests.integration.resync.copying import Copying, Owner

KEEPERS = {
    "sessions": "sessions.recordings",
    "progress": "progress.attendance",
    "notify": "notify.rosters",
}
ITEMS = [f"item-{number}" for number in range(5)]
FILE = Rendition(name="original", media_type="video/mp4", size=1, sha256="0" * 64)


@pytest.fixture
def items(copying: Copying) -> Copying:
    """The library as the owner."""
    database = copying.copiers["library"].database
    return replace(copying, owner=Owner(database, SOURCES, ORIGINALS))


def change(copying: Copying, choice: random.Random) -> None:
    """Do something with an item that may be done with it."""
    copying.owner.database.transact(partial(_change, choice=random.Random(choice.random())))


def _change(store: LibraryStore, choice: random.Random) -> None:
    item_id = choice.choice(ITEMS)
    found = store.items([item_id])
    item = found[0] if found else _uploaded(item_id)
    acts: dict[ItemState, list[Callable[[], tuple[Item, object]]]] = {
        ItemState.VERIFYING: [
            lambda: verification.available(item, _found(choice), store.now),
            lambda: verification.failed(item, "torn", store.now),
        ],
        ItemState.AVAILABLE: [
            lambda: _retitled(item, f"Title {choice.random()}", store.now),
            lambda: _retired(item, choice.choice(["", "old"]), store.now),
        ],
    }
    if item.state in acts:
        after, event = choice.choice(acts[item.state])()
        store.put_item(after)
        store.record_event(event)


def _found(choice: random.Random) -> Found:
    return Found(FILE.size, FILE.sha256, [FILE.media_type], float(choice.randrange(5_000)))


def _uploaded(item_id: str) -> Item:
    return Item(
        id=item_id,
        kind=ItemKind.VIDEO,
        metadata=Metadata(title="Film"),
        state=ItemState.VERIFYING,
        created_at=datetime.now(UTC),
        access=Access.ALL,
        promised=FILE,
    )


def _retitled(item: Item, title: str, now: datetime) -> tuple[Item, object]:
    after = replace(item, metadata=replace(item.metadata, title=title))
    return after, versions.updated(after, now)


def _retired(item: Item, reason: str, now: datetime) -> tuple[Item, object]:
    after = replace(item, state=ItemState.RETIRED, failure=reason, retired_at=now)
    return after, retired_event(after, now)


@settings(
    max_examples=30 if DEEP else 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(st.sampled_from(["change", "change", "relay", "send", "work off"]), max_size=15),
    keeper=st.sampled_from(sorted(KEEPERS)),
)
def test_copies_of_items_are_whole_after_a_resync_in_any_order(
    items: Copying, seed: int, steps: list[str], keeper: str
) -> None:
    """Also if items are made available, refused, renamed and retired meanwhile."""
    choice = random.Random(seed)
    for _ in range(12):
        change(items, choice)
    items.relay()
    items.lose_news()
    items.copiers[keeper].lose()
    (done,) = items.resync_amid(keeper, [KEEPERS[keeper]], steps, choice, partial(change, items))
    assert (done.state is ResyncState.REFUSED) == (not done.sent)
    items.relay()
    items.work_off(keeper)
    assert items.differences(keeper) == {}


def test_items_reach_one_subscription_only(items: Copying) -> None:
    """Other subscriptions that take items get none, and people's get nothing of items at all."""
    choice = random.Random(1)
    for _ in range(20):
        change(items, choice)
    items.owner.database.mongo["outbox"].delete_many({})
    done = items.resync("sessions.recordings")
    assert done.state is ResyncState.DONE
    assert items.count("sessions.recordings") == sum(each.events for each in done.sent) > 0
    assert items.count("notify.rosters") == 0
    assert items.resync("notify.people").state is ResyncState.REFUSED
    assert set(items.differences("sessions")) == {"items"}
    items.work_off("sessions")
    assert items.differences("sessions") == {}
