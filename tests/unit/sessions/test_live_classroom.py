"""The pure core of the live channel: the tail, early and repeated entries, latest values, limits,
presence.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tandem.sessions.v1 import live_pb2

from chassis.edge.statuses import Exhausted
from services.sessions.domain.votes import Tally
from services.sessions.live import classroom as classrooms
from services.sessions.live.classroom import EARLY, TAIL, TAIL_BYTES, Classroom
from services.sessions.live.frames import Frame, Response, entry_frame
from services.sessions.live.limits import MOST_STREAMS, People, TokenBucket
from services.sessions.live.presence import EXPIRES, TELL_AGAIN, TOLD_PER_SECOND, Presences
from services.sessions.live.rooms import Room
from services.sessions.live.tallies import LONGEST_PAUSE, PAUSE, SHARE, pause_after
from services.sessions.usecases.tallies import LiveTally

ALL = 10 * TAIL
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def frame(number: int, text: str = "") -> Frame:
    """An entry with a number."""
    chat = live_pb2.ChatSent(text=text)
    return entry_frame(live_pb2.ClassEntry(session_id="s", number=number, chat=chat))


def numbers(frames: list[Frame]) -> list[int]:
    """The numbers of some frames."""
    return [Response.FromString(each.binary).entry.number for each in frames]


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11), max_size=8))
def test_any_order_and_repeats(order: list[int], again: list[int]) -> None:
    """Entries that come in any order, some of them twice, are held each once, in order."""
    room = Classroom("s", 0)
    for number in [*order[:6], *again, *order[6:]]:
        room.take(number, frame(number))
        held = numbers(room.after(0, ALL))
        assert held == [*range(1, room.newest + 1)]
    assert room.newest == 11


def test_a_gap_waits_until_it_is_certain() -> None:
    """An entry after a gap waits; when it is certain that nothing is between, it is taken."""
    room = Classroom("s", 4)
    assert not room.take(7, frame(7))
    assert (room.newest, room.after(4, ALL)) == (4, [])
    assert room.take(7, frame(7), certain=True)
    assert (room.newest, numbers(room.after(6, ALL))) == (7, [7])
    assert not room.holds(5)
    assert room.take(3, frame(3))
    assert room.newest == 7


def test_early_entries_are_bounded() -> None:
    """However many entries come early, a bounded number waits."""
    room = Classroom("s", 0)
    for number in range(3, EARLY + 100):
        room.take(number, frame(number))
    assert len(room._early) == EARLY


@given(st.lists(st.integers(0, TAIL_BYTES // 3), min_size=1, max_size=12))
def test_the_tail_is_bounded(sizes: list[int]) -> None:
    """The tail holds the newest entries: as many as its limits of number and bytes allow, and at
    least one.
    """
    room = Classroom("s", 0)
    for number, size in enumerate(sizes, 1):
        room.take(number, frame(number, "x" * size))
    held = room.after(0, ALL)
    assert held
    assert sum(len(each.binary) for each in held) <= TAIL_BYTES + len(held[-1].binary)
    assert numbers(held) == [*range(len(sizes) - len(held) + 1, len(sizes) + 1)]


def test_a_position_is_held_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is further behind than the tail reaches must read elsewhere."""
    monkeypatch.setattr(classrooms, "TAIL", 3)
    room = Classroom("s", 0)
    for number in range(1, 8):
        room.take(number, frame(number))
    assert [room.holds(each) for each in range(8)] == [False] * 4 + [True] * 4
    assert numbers(room.after(5, ALL)) == [6, 7]
    assert numbers(room.after(4, 2)) == [5, 6]


def test_the_latest_value_counts() -> None:
    """Who looks gets each value that changed since, once, the newest only; staff get their own."""
    room, woken = Classroom("s", 0), []
    room.enter(lambda: woken.append(1))
    all_, staff, newer = frame(1), frame(2), frame(3)
    room.tell("presence", all_, staff)
    room.tell("tally", newer)
    assert [*room.news(0, for_staff=False)] == [all_, newer]
    assert [*room.news(0, for_staff=True)] == [staff, newer]
    seen = room.revision
    assert not [*room.news(seen, for_staff=False)]
    room.tell("tally", all_)
    assert [*room.news(seen, for_staff=False)] == [all_]
    assert len(woken) == 3


def tally(subject_id: str, *counts: int, at: datetime = NOW) -> LiveTally:
    """A tally that staff alone sees the counts of."""
    voters = sum(counts)
    return LiveTally("s", subject_id, at, Tally(voters), Tally(voters, counts))


def votes(frames: Iterable[Frame]) -> list[tuple[str, int, list[int]]]:
    """The votes in some frames: of what, how many voted, and for what."""
    found = [Response.FromString(each.binary).tally for each in frames]
    return [(each.subject_id, each.voters, [*each.counts]) for each in found]


def test_votes_are_told_when_they_change() -> None:
    """Each tally that is new or changed is told once, to staff with its counts; who comes later is
    not told of what is over.
    """
    room = Room(Classroom("s", 0))
    room.tell_tallies([tally("a", 1, 2), tally("b", 0, 0)])
    assert votes(room.classroom.news(0, for_staff=False)) == [("a", 3, []), ("b", 0, [])]
    assert votes(room.classroom.news(0, for_staff=True)) == [("a", 3, [1, 2]), ("b", 0, [0, 0])]
    seen = room.classroom.revision
    room.tell_tallies([tally("a", 1, 2, at=NOW + timedelta(seconds=1)), tally("b", 0, 1)])
    assert votes(room.classroom.news(seen, for_staff=True)) == [("b", 1, [0, 1])]
    room.tell_tallies([tally("b", 0, 1)])
    assert votes(room.classroom.news(0, for_staff=False)) == [("b", 1, [])]


@given(st.floats(0, 100))
def test_reading_votes_takes_little_of_the_time(seconds: float) -> None:
    """A pause is half a second, or nine times as long as the read, but at most five seconds."""
    pause = pause_after(seconds)
    assert PAUSE <= pause <= LONGEST_PAUSE
    assert pause == LONGEST_PAUSE or pause >= SHARE * seconds


def test_a_bucket_fills() -> None:
    """A bucket gives what is in it, tells how long to wait for more, and fills up to its size."""
    at = 0.0
    bucket = TokenBucket(2.0, 3.0, lambda: at)
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]
    at = 0.5
    assert [bucket.take(), bucket.take()] == [0, 0.5]
    at = 100.0
    assert [bucket.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_streams_are_counted() -> None:
    """A person's streams and those of all are limited, and a place that comes free can be taken."""
    people = People(MOST_STREAMS + 1)
    with people.one("bea"):
        pass
    held: list[Any] = [people.one("ada") for _ in range(MOST_STREAMS)]
    for each in held:
        each.__enter__()
    with pytest.raises(Exhausted, match="you have"), people.one("ada"):
        pass
    with people.one("bea"), pytest.raises(Exhausted, match="members"), people.one("cat"):
        pass
    for each in held:
        each.__exit__(None, None, None)
    assert people.streams == 0


def test_who_comes_back_finds_the_own_limits() -> None:
    """A person who leaves and joins again has no more commands than before; who has rested is
    forgotten.
    """
    at = 0.0
    people = People(MOST_STREAMS)
    with people.one("ada") as busy, people.one("bea") as quiet:
        busy.commands = TokenBucket(1.0, 1.0, lambda: at)
        assert not busy.wait(1)
    busy.bytes = TokenBucket(1.0, 1.0)
    people.forget()
    with people.one("ada") as back, people.one("bea") as other:
        assert back is busy
        assert other is not quiet
        assert back.wait(0)
    at = 1.0
    people.forget()
    with people.one("ada") as rested:
        assert rested is not busy


def test_people_of_all_replicas() -> None:
    """People of all replicas count once, and those of a silent replica no longer."""
    presences = Presences()
    assert presences.changed({"ada"}, 0.0) == ["ada"]
    assert presences.changed({"ada"}, 1.0) is None
    presences.note("other", ["ada", "bea"], 1.0)
    assert presences.changed({"ada"}, 2.0) == ["ada", "bea"]
    assert presences.changed({"ada"}, 2.0 + EXPIRES) == ["ada"]


def test_a_large_class_is_told_less_often() -> None:
    """While thousands join, the news of who is there come as often as so many members can be sent;
    nobody is missing in the last one.
    """
    presences = Presences()
    people = {f"learner-{number}" for number in range(4 * TOLD_PER_SECOND)}
    assert presences.changed(people, 0.0) == sorted(people)
    for at in (1.0, 2.0, 3.9):
        assert presences.changed(people | {"ada"}, at) is None
    assert presences.changed(people | {"ada"}, 4.0) == sorted(people | {"ada"})
    assert presences.changed(people | {"ada"}, 8.0) is None


def test_presence_is_told_again() -> None:
    """A replica tells the others when its people change, and again after a while."""
    presences = Presences()
    assert presences.has_to_tell({"ada"}, 0.0)
    assert not presences.has_to_tell({"ada"}, 1.0)
    assert presences.has_to_tell({"ada", "bea"}, 1.0)
    assert presences.has_to_tell({"ada", "bea"}, 1.0 + TELL_AGAIN)
