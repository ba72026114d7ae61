"""A resync of recordings: copies are whole again, and what staff did since stays."""

from google.protobuf.message import Message
from tandem.library.v1 import library_pb2

from chassis.contracts import events
from chassis.contracts.events import Event
from services.library.worker import subscriptions
from tests.integration.library.shelves import RUN, Shelves, enrolled
from tests.integration.library.test_session_recordings import attached, readable, withdrawn


def resync(shelves: Shelves, state: Message, sequence: int) -> None:
    """Apply an event of a resync."""
    handle, kind = subscriptions()[0].resync, events.event_type(type(state))
    assert handle is not None
    told = Event("", kind, "", shelves.clock.at, "", "", sequence, "", state, resync="resync-1")
    shelves.database.transact(lambda store: handle(store, [told]))


def give(shelves: Shelves, item_id: str) -> None:
    """Staff give an item to the run."""
    item = shelves.item(item_id)
    shelves.staff.UpdateItem(
        library_pb2.UpdateItemRequest(
            item_id=item_id,
            metadata=item.metadata,
            runs=library_pb2.RunIds(run_ids=[RUN]),
        )
    )


def test_what_staff_gave_since_stays(shelves: Shelves) -> None:
    """A film was withdrawn, and another replaced; then staff gave both to the run to read. A resync
    of what is known takes nothing back.
    """
    gone, film, cut = shelves.available(), shelves.available(), shelves.available()
    shelves.hear(enrolled("ada"), attached(gone, film))
    shelves.hear(withdrawn(gone, left=(film,)), attached(cut, replaced=(film,)))
    for item_id in (gone, film):
        give(shelves, item_id)
    for sequence in (10, 11):
        resync(shelves, attached(cut, replaced=(gone, film)), sequence=sequence)
        assert readable(shelves, gone, film, cut) == [True, True, True]
    shelves.hear(withdrawn(cut, left=()), sequences=[12])
    resync(shelves, withdrawn(gone, film, cut), sequence=13)
    assert readable(shelves, gone, film, cut) == [True, True, False]


def test_what_the_library_missed_is_taken_back(shelves: Shelves) -> None:
    """A withdrawal was lost, or the whole shelf: who learns in the run reads it no more."""
    first, second = shelves.available(run_ids=[RUN]), shelves.available(run_ids=[RUN])
    shelves.hear(enrolled("ada"), attached(first, second))
    resync(shelves, attached(second, replaced=(first,)), sequence=10)
    assert readable(shelves, first, second) == [False, True]
    shelves.database.mongo["shelves"].delete_many({})
    resync(shelves, withdrawn(first, second), sequence=10)
    assert readable(shelves, first, second) == [False, False]
