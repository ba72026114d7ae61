"""Until when answers of the LRS are consistent, while statements are stored."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.progress.store import ProgressStore
from services.progress.store_announcements import storing
from services.progress.xapi.consistency import LATELY, Consistency
from tests.integration.progress.classroom import Classroom
from tests.integration.progress.lrs import Lrs, said


class Seconds:
    """A clock that a test sets."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_what_was_consistent_lately_is_not_asked_again(
    classroom: Classroom, seconds: Seconds
) -> None:
    """For a second it stays as it was read last; then, and where a query needs it, it is read."""
    consistency = Consistency(classroom.database, seconds)
    first = consistency.lately()
    classroom.clock.forward(seconds=10)
    seconds.at += LATELY
    assert consistency.lately() == first
    now = consistency.now()
    assert consistency.lately() == now > first
    classroom.clock.forward(seconds=10)
    seconds.at += LATELY + 0.001
    assert consistency.lately() > now


def test_answers_tell_when_they_were_stored(lrs: Lrs) -> None:
    """Last-Modified is the newest statement's stored time; every answer tells until when it is
    consistent, not before what it returns.
    """
    (id_,) = lrs.post(said())
    lrs.clock.forward(seconds=2)
    for parameters in ({"statementId": id_}, {}):
        answer = lrs.ask("GET", parameters)
        assert answer.headers["Last-Modified"] == "Mon, 02 Mar 2026 08:00:00 GMT"
        through = answer.headers["X-Experience-API-Consistent-Through"]
        assert through == "2026-03-02T08:00:01.999Z"


def test_nothing_is_consistent_that_may_still_be_stored(lrs: Lrs) -> None:
    """While a unit of work is about to store, answers are consistent until before it began, and
    show nothing later; whoever goes on from there misses nothing.
    """
    lrs.clock.forward(seconds=1)
    begun, go_on = threading.Event(), threading.Event()
    late = lrs.clock.now()

    def slowly(store: ProgressStore) -> None:
        begun.set()
        assert go_on.wait(60)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(storing, lrs.database, slowly)
        assert begun.wait(60)
        lrs.clock.forward(seconds=1)
        (id_,) = lrs.post(said())
        assert lrs.page()["statements"] == []
        through = lrs.database.reader().consistent_through()
        assert through < late
        go_on.set()
        slow.result(60)
    assert lrs.ids(since=through.isoformat()) == [id_]
    assert lrs.database.mongo["storing"].count_documents({}) == 0


def test_who_follows_by_consistent_through_misses_nothing(lrs: Lrs) -> None:
    """Six threads store, and the clock goes on; a reader goes on from each answer's header, and has
    all statements at the end, each once.
    """
    stored: list[str] = []
    seen: list[str] = []

    def store(_: int) -> None:
        lrs.clock.forward(milliseconds=1)
        stored.extend(lrs.post(said()))

    def follow(since: str) -> str:
        lrs.clock.forward(milliseconds=1)
        answer = lrs.ask("GET", {"since": since, "ascending": "true"})
        page = json.loads(answer.body)
        seen.extend(each["id"] for each in page["statements"])
        assert not page["more"]
        return answer.headers["X-Experience-API-Consistent-Through"]

    since = "2026-03-02T07:00:00Z"
    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(store, number) for number in range(80)]
        while not all(each.done() for each in running):
            since = follow(since)
        for each in running:
            each.result()
    follow(since)
    assert sorted(seen) == sorted(stored)
    assert len(set(seen)) == 80
