"""Votes as the members of a class see them arrive, whatever way they came."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from tandem.sessions.v1 import polls_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.data.store import Database
from services.sessions.live import tallies as readers
from services.sessions.store import SessionsStore
from services.sessions.usecases import tallies
from tests.integration.processes import PATIENCE, eventually
from tests.integration.sessions.forum import Forum
from tests.integration.sessions.live.replicas import LiveSchool, Member
from tests.integration.sessions.test_polls import ask, close, vote
from tests.mongo import Commands

Poll = polls_pb2.Poll
Told = tuple[int, list[int]]
AFTERNOON = types_pb2.CivilTime(local="2026-03-02T16:00:00", zone="Europe/Dublin")


def told(member: Member, subject_id: str) -> Told | None:
    """The latest votes that a member was told: how many voted, and for what."""
    found = [each for each in member.all("tally") if each.subject_id == subject_id]
    return (found[-1].voters, [*found[-1].counts]) if found else None


def wait(member: Member, subject_id: str, *wanted: Told) -> None:
    """Wait until a member was told these votes last."""
    member.wait(lambda it: told(it, subject_id) in wanted, f"{wanted}")


def opened(live: LiveSchool, **changes: object) -> Poll:
    """A poll in the class, opened by the api."""
    return opened_in(live, live.session_id, **changes)


def opened_in(live: LiveSchool, session_id: str, **changes: object) -> Poll:
    """A poll in some class."""
    return ask(live.school, resources_pb2.Session(id=session_id), **changes)


def test_votes_by_the_api_reach_members_of_two_replicas(live: LiveSchool) -> None:
    """Votes in a poll that nobody told a replica of; below five voters the class sees how many
    voted, and staff of a named poll for what.
    """
    first, second = live.replica(), live.replica()
    ada, bea = live.member(first, "ada").joined(), live.member(second, "bea").joined()
    curie = live.member(first, "curie", "instructor").joined()
    poll = opened(live, named=True)
    for name, choice in (("ada", 1), ("bea", 2), ("cat", 2)):
        vote(live.school, poll, name, choice)
    for member in (ada, bea):
        wait(member, poll.id, (3, []))
    wait(curie, poll.id, (3, [1, 2]))
    live.school.enrol("dan", "eve")
    for name in ("dan", "eve"):
        vote(live.school, poll, name, 2)
    for member in (ada, bea, curie):
        wait(member, poll.id, (5, [1, 4]))
    assert all([*each.counts] in ([], [1, 4]) for each in ada.all("tally"))


def test_votes_for_questions_reach_members_of_two_replicas(live: LiveSchool) -> None:
    """Votes for a question of the agenda, before the worker counts them and after, and as they are
    taken back.
    """
    forum = Forum(live.school, "ada", "bea")
    ada = live.member(live.replica(), "ada").joined()
    bea = live.member(live.replica(), "bea").joined()
    question = forum.ask("ada", "Why is it so?", session_id=live.session_id)
    forum.vote("bea", question)
    for member in (ada, bea):
        wait(member, question.id, (2, [2]))
    forum.work()
    forum.vote("cat", question)
    for member in (ada, bea):
        wait(member, question.id, (3, [3]))
    forum.vote("bea", question, wanted=False)
    for member in (ada, bea):
        wait(member, question.id, (2, [2]))


def test_who_joins_later_is_told_what_is_still_open(live: LiveSchool) -> None:
    """Of a poll that is closed nobody is told votes any more."""
    replica = live.replica()
    ada = live.member(replica, "ada").joined()
    over, poll = opened(live, named=True), opened(live, named=True)
    for each in (over, poll):
        vote(live.school, each, "ada", 1)
        wait(ada, each.id, (1, []))
    close(live.school, over)
    [room] = replica.live.channel.rooms.all()
    eventually(lambda: over.id not in room.tallies, "it is known to be closed")
    bea = live.member(replica, "bea").joined()
    wait(bea, poll.id, (1, []))
    assert told(bea, over.id) is None


def test_a_slow_read_of_votes_hurts_nobody(
    live: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is slow to tell votes, members join, talk and get entries."""
    began, ends = threading.Event(), threading.Event()

    def slow(*_: object) -> list[tallies.LiveTally]:
        began.set()
        ends.wait(PATIENCE)
        return []

    monkeypatch.setattr(readers, "live_tallies", slow)
    replica = live.replica()
    ada = live.member(replica, "ada").joined()
    assert began.wait(PATIENCE)
    bea = live.member(replica, "bea").joined()
    bea.chat("One")
    ada.wait(lambda it: it.texts() == ["One"], "the text")
    ends.set()


def test_the_most_wanted_questions_of_each_agenda_are_told(
    live: LiveSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more questions than that the channel tells those that the worker found most wanted."""
    monkeypatch.setattr(tallies, "MOST_QUESTIONS", 2)
    forum = Forum(live.school, "ada", "bea")
    asked = [forum.ask("ada", text, session_id=live.session_id) for text in ("One", "Two", "Three")]
    forum.vote("bea", asked[2])
    forum.work()
    found = tallies.live_tallies(live.school.database.reader(), [live.session_id, "another"])
    assert [(each.subject_id, each.for_class.counts) for each in found] == [
        (asked[2].id, (2,)),
        (asked[0].id, (1,)),
    ]


@pytest.fixture
def watched(
    live: LiveSchool, stack: dict[str, str], commands: Commands
) -> Iterator[Database[SessionsStore]]:
    """The school's database by a client whose commands are noted."""
    url = stack["TANDEM_MONGO_URL"]
    client: MongoClient[dict[str, Any]]
    with MongoClient(url, tz_aware=True, event_listeners=[commands]) as client:
        name, clock = live.school.database.mongo.name, live.school.clock
        yield Database(client, name, SessionsStore, clock)


@pytest.fixture
def commands() -> Commands:
    """What was sent to MongoDB."""
    return Commands()


def test_the_votes_of_many_classes_are_read_at_once(
    live: LiveSchool, watched: Database[SessionsStore], commands: Commands
) -> None:
    """However many classes, polls and questions there are, a replica sends the same number of
    queries for their votes; merged questions count each learner once.
    """
    forum = Forum(live.school, "ada", "bea")
    held = [live.session_id, live.school.live(live.school.room("Lab"), starts=AFTERNOON).id]
    whys = []
    for session_id in held:
        opened_in(live, session_id)
        questions = [forum.ask("ada", text, session_id=session_id) for text in ("Why?", "Who?")]
        forum.vote("bea", questions[0])
        forum.vote("bea", questions[1])
        whys.append(questions[0])
    forum.merge(whys[0], whys[1])

    def queries(session_ids: list[str]) -> int:
        found = tallies.live_tallies(watched.reader(), session_ids)
        votes = {each.subject_id: each.for_class.voters for each in found}
        assert votes[whys[0].id] == 2
        return sum(len(commands.take(name)) for name in ("find", "aggregate", "distinct"))

    assert queries(held[:1]) == queries(held)
