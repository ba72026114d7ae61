"""Who may read the items of a session's recording, and what becomes of those that are withdrawn."""

import itertools
from typing import Any

from tandem.catalog.v1 import events_pb2 as catalog
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.sessions.v1 import recordings_pb2
from tandem.types.v1 import types_pb2

from services.library import migrations
from tests.integration.library.shelves import RUN, Shelves
from tests.unit.library.examples import FILM

MOVIE: dict[str, Any] = {
    "content": FILM.read_bytes(),
    "kind": types_pb2.ITEM_KIND_RECORDING,
    "media_type": "video/mp4",
}


def parts(*item_ids: str) -> list[recordings_pb2.RecordedPart]:
    """The parts of a recording."""
    return [recordings_pb2.RecordedPart(item_id=each) for each in item_ids]


def attached(*item_ids: str, replaced: tuple[str, ...] = ()) -> sessions.RecordingAttached:
    """The session has these parts now."""
    return sessions.RecordingAttached(
        session_id="s1",
        run_id=RUN,
        item_id=item_ids[0],
        parts=parts(*item_ids),
        replaced_item_ids=replaced,
    )


def withdrawn(
    *item_ids: str, left: tuple[str, ...] = (), expired: bool = False
) -> sessions.RecordingWithdrawn:
    """Items were taken back."""
    return sessions.RecordingWithdrawn(
        session_id="s1",
        run_id=RUN,
        item_ids=item_ids,
        parts=parts(*left),
        reason="It shows a learner.",
        expired=expired,
    )


def enrolled() -> catalog.EnrolmentCreated:
    """Ada learns in the run."""
    return catalog.EnrolmentCreated(run_id=RUN, learner_id="ada")


def readable(shelves: Shelves, *item_ids: str) -> list[bool]:
    """Which items Ada may read."""
    return [shelves.may_read("ada", each) for each in item_ids]


def test_all_parts_and_their_texts_may_be_read(shelves: Shelves) -> None:
    """What was replaced or withdrawn may not."""
    first, second, cut, text = (shelves.available() for _ in range(4))
    both = attached(first, second)
    both.parts[0].transcript_item_id = text
    shelves.hear(enrolled(), both)
    assert readable(shelves, first, second, cut, text) == [True, True, False, True]
    shelves.hear(attached(first, cut))
    assert readable(shelves, first, second, cut, text) == [True, False, True, False]
    shelves.hear(withdrawn(cut, left=(first,)))
    assert readable(shelves, first, second, cut, text) == [True, False, False, False]


def test_the_newest_of_a_recording_counts(shelves: Shelves) -> None:
    """In each order of its events; the materials stay."""
    for number, order in enumerate(itertools.permutations(range(4))):
        happened: list[Any] = [
            attached("one"),
            attached("one", "other"),
            withdrawn("one", "slides", left=("other",)),
            sessions.SessionScheduled(run_id=RUN, material_item_ids=["slides"]),
        ]
        for each in happened:
            each.session_id = f"s{number}"
        shelves.hear(*(happened[each] for each in order), sequences=[100 + each for each in order])
    rows = shelves.database.mongo["shelves"].find()
    given = {row["_id"]: row["item_ids"] for row in rows}
    assert len(given) == 2 * 24
    for number in range(24):
        assert given[f"recording:s{number}"] == ["other"]
        assert given[f"session:s{number}"] == ["slides"]


def test_what_is_withdrawn_is_no_longer_the_run_s(shelves: Shelves) -> None:
    """Also where it was uploaded for the run; unless the path names it."""
    film, named = (shelves.available(run_ids=[RUN, "run-2"]) for _ in range(2))
    activity = catalog.PathPublished(run_id=RUN, version=1)
    activity.activities.add(id="a1", item_id=named)
    shelves.hear(enrolled(), activity, attached(film, named))
    shelves.hear(withdrawn(film, named))
    assert readable(shelves, film, named) == [False, True]
    found = shelves.staff.GetItem(library_pb2.GetItemRequest(item_id=film))
    assert list(found.run_ids) == ["run-2"]
    found = shelves.staff.GetItem(library_pb2.GetItemRequest(item_id=named))
    assert list(found.run_ids) == [RUN, "run-2"]


def test_what_is_replaced_is_no_longer_the_run_s(shelves: Shelves) -> None:
    """Also where it was uploaded for the run; when it takes its place again, it is readable, and
    news that come late change nothing of that.
    """
    film, cut = shelves.available(run_ids=[RUN, "run-2"]), shelves.available()
    shelves.hear(enrolled(), attached(film))
    instead = attached(cut, replaced=(film,))
    shelves.hear(instead, sequences=[10])
    assert readable(shelves, film, cut) == [False, True]
    found = shelves.staff.GetItem(library_pb2.GetItemRequest(item_id=film))
    assert list(found.run_ids) == ["run-2"]
    shelves.hear(attached(film, replaced=(cut,)), sequences=[11])
    shelves.hear(instead, sequences=[10])
    assert readable(shelves, film, cut) == [True, False]


def test_a_recording_that_nothing_else_uses_is_retired_when_it_expires(shelves: Shelves) -> None:
    """One that a teacher withdraws stays, and one that another session names."""
    alone, shared, taken = (shelves.available(**MOVIE, run_ids=[RUN]) for _ in range(3))
    other = sessions.RecordingAttached(session_id="s2", run_id="run-2", item_id=shared)
    shelves.hear(enrolled(), attached(alone, shared, taken), other)
    shelves.hear(withdrawn(taken, left=(alone, shared)))
    shelves.hear(withdrawn(alone, shared, expired=True))

    def state(item_id: str) -> "resources_pb2.ItemState.ValueType":
        return shelves.staff.GetItem(library_pb2.GetItemRequest(item_id=item_id)).state

    assert [state(each) for each in (alone, shared, taken)] == [
        resources_pb2.ITEM_STATE_RETIRED,
        resources_pb2.ITEM_STATE_AVAILABLE,
        resources_pb2.ITEM_STATE_AVAILABLE,
    ]


def test_recordings_of_an_older_version_get_shelves_of_their_own(shelves: Shelves) -> None:
    """So they can be withdrawn; the session's materials stay, and a second migration changes
    nothing.
    """
    film, slides = shelves.available(**MOVIE), shelves.available()
    old = {"_id": "session:s1", "run_id": RUN, "activity_id": "a1", "item_ids": [film, slides]}
    shelves.database.mongo["shelves"].insert_one(old)
    last = next(each for each in migrations.MIGRATIONS if each.number == 17)
    for _ in range(2):
        last.run(shelves.database.mongo)
    shelves.hear(enrolled())
    assert readable(shelves, film, slides) == [True, True]
    shelves.hear(withdrawn(film))
    assert readable(shelves, film, slides) == [False, True]
