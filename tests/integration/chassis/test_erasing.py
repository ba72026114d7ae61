"""Erasing a person in a service's database, on a real MongoDB."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from bson.binary import Binary
from tandem.types.v1 import privacy_pb2

from chassis.data.store import Database, Store
from chassis.errors import NotFound
from chassis.jobs import Batch, GiveBack
from chassis.jobs.runner import Runner
from chassis.privacy import erasing as erasures
from chassis.privacy.erasing import SWEEPS, Request, erasing, request
from chassis.privacy.export import records
from chassis.privacy.holdings import (
    Deleted,
    Emptied,
    Holding,
    Kept,
    Rewritten,
    ending,
    of,
    with_text,
)
from chassis.privacy.rpcs import PersonalDataRpcs
from tests.conftest import MakeDatabase

ASKED = "tandem.sessions.question.asked.v1"


class OnlyTheChassis(Store):
    """A service that has nothing of its own."""

    service = "sessions"


def _censored(row: Mapping[str, Any], person_id: str) -> Mapping[str, Any]:
    said = [each for each in row["said"] if each["by"] != person_id]
    return {} if said == row["said"] else {"said": said}


def _holding(kind: str, disposal: Any, **more: Any) -> Holding:
    given = {"collection": kind, "what": kind, "query": of("who"), "disposal": disposal} | more
    return Holding(kind=kind, **given)


HOLDINGS = (
    _holding("gone", Deleted()),
    _holding("text", Emptied({"text": ""}, ("draft",)), query=with_text("text", "who")),
    _holding("threads", Rewritten(_censored), query=of("said.by")),
    _holding("kept", Kept("it is a record")),
)


class SystemClock:
    """The system's clock as the jobs see it, which a test moves."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC) + timedelta(seconds=5)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def database(make_database: MakeDatabase) -> Database[OnlyTheChassis]:
    return make_database(OnlyTheChassis)


@pytest.fixture
def filled(database: Database[OnlyTheChassis]) -> Database[OnlyTheChassis]:
    """Records of two people, of each kind."""
    for who in ("p", "q"):
        _add(database, who, 7)
    database.mongo["threads"].insert_one(
        {"said": [{"by": "p", "text": "mine"}, {"by": "q", "text": "theirs"}]}
    )
    return database


def _add(database: Database[OnlyTheChassis], who: str, count: int) -> None:
    for name in ("gone", "text", "kept"):
        rows = [{"who": who, "text": f"of {who}", "draft": 1} for _ in range(count)]
        database.mongo[name].insert_many(rows)


def _ask(database: Database[OnlyTheChassis], who: str = "p") -> None:
    asked = Request(who, database.clock.now(), "clerk", "request 17")
    database.transact(partial(request, asked=asked))


def _erasure(database: Database[OnlyTheChassis], who: str = "p") -> privacy_pb2.Erasure:
    rpcs = PersonalDataRpcs()
    rpcs._database, rpcs._holdings = database, HOLDINGS
    return rpcs.GetErasure(privacy_pb2.GetErasureRequest(person_id=who), None)


def _counts(database: Database[OnlyTheChassis]) -> dict[str, int]:
    return {each.kind: each.count for each in _erasure(database).records}


def test_ids_that_end_alike_are_not_mixed_up(database: Database[OnlyTheChassis]) -> None:
    """`p` is another person than `x:p`, and than `xp`, also where ids are made of theirs."""
    rows = database.mongo["codes"]
    rows.insert_many([{"_id": f"session:{who}"} for who in ("p", "x:p", "xp", "p.", "px")])
    found = [row["_id"] for row in rows.find(ending()(database.mongo, "p"))]
    assert found == ["session:p"]


def test_an_erasure_does_what_is_declared(filled: Database[OnlyTheChassis]) -> None:
    """Each kind is treated as declared, and counted; others keep what is theirs."""
    _ask(filled)
    assert Runner(filled, erasing("sessions", HOLDINGS), SystemClock()).run_due() == 1
    mongo = filled.mongo
    assert mongo["gone"].count_documents({"who": "p"}) == 0
    assert mongo["text"].count_documents({"who": "p", "text": "", "draft": None}) == 7
    assert mongo["threads"].find_one({}, {"_id": 0}) == {"said": [{"by": "q", "text": "theirs"}]}
    assert mongo["kept"].count_documents({"who": "p", "text": "of p"}) == 7
    for name in ("gone", "text", "kept"):
        assert mongo[name].count_documents({"who": "q", "text": "of q", "draft": 1}) == 7
    assert _counts(filled) == {"gone": 7, "text": 7, "threads": 1}
    (told,) = _erasure(filled).requested
    assert (told.by, told.reason) == ("clerk", "request 17")


def test_an_export_has_what_is_declared(filled: Database[OnlyTheChassis]) -> None:
    """All records of the person are told, kind by kind, and none of others."""
    found = [*records(filled.mongo, HOLDINGS, "p")]
    assert [kind for kind, _ in found] == ["gone"] * 7 + ["text"] * 7 + ["threads"] + ["kept"] * 7
    assert all(json.loads(record) for _, record in found)
    assert [*records(filled.mongo, HOLDINGS, "nobody")] == []


@pytest.mark.parametrize("person_id", ["", "$gt", ".*", '{"$ne": 1}', "p\x00", "q:", "ü" * 128])
def test_hostile_ids_find_nobody(filled: Database[OnlyTheChassis], person_id: str) -> None:
    """An id is never a part of a query: nothing is told, and nothing erased."""
    assert [*records(filled.mongo, HOLDINGS, person_id)] == []
    _ask(filled, person_id)
    assert Runner(filled, erasing("sessions", HOLDINGS), SystemClock()).run_due() == 1
    assert not _erasure(filled, person_id).records
    with pytest.raises(NotFound):
        _erasure(filled, "somebody else")


def test_a_killed_erasure_goes_on_and_counts_once(
    filled: Database[OnlyTheChassis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a process dies, the next one ends the work, and the numbers are exact."""
    monkeypatch.setattr(erasures, "AT_ONCE", 2)
    _ask(filled)
    real: Callable[..., None] = Batch.go_on
    for _ in range(3):  # each erases two parts of nine, and dies
        steps = iter(range(2))

        def go_on(batch: Batch, steps: Any = steps) -> None:
            if next(steps, None) is None:
                raise GiveBack("killed")
            real(batch)

        monkeypatch.setattr(Batch, "go_on", go_on)
        batch = Batch("", erasures.LANE, ("p",), {}, ("",), bool)
        with pytest.raises(GiveBack):
            erasures.sweep(filled, HOLDINGS, None, batch)
    monkeypatch.setattr(Batch, "go_on", real)
    Runner(filled, erasing("sessions", HOLDINGS), SystemClock()).run_due()
    assert _counts(filled) == {"gone": 7, "text": 7, "threads": 1}


def test_what_comes_late_is_erased_by_the_next_sweep(filled: Database[OnlyTheChassis]) -> None:
    """Each sweep erases what came since; after the last one nothing is due any more."""
    clock = SystemClock()
    runner = Runner(filled, erasing("sessions", HOLDINGS), clock)
    _ask(filled)
    began = clock.at
    for number, after in enumerate(SWEEPS):
        clock.at = began + after
        _add(filled, "p", 1)
        assert runner.run_due() == 1, number
        assert runner.run_due() == 0, number
        assert filled.mongo["gone"].count_documents({"who": "p"}) == 0
    assert _counts(filled)["gone"] == 7 + len(SWEEPS)
    assert not _erasure(filled).HasField("next_sweep_at")
    clock.at += timedelta(days=400)
    assert runner.run_due() == 0


def test_an_erasure_that_is_asked_for_again_begins_anew(
    filled: Database[OnlyTheChassis],
) -> None:
    """After a restored backup all is erased once more; the audit has both requests."""
    runner = Runner(filled, erasing("sessions", HOLDINGS), SystemClock())
    _ask(filled)
    runner.run_due()
    _add(filled, "p", 3)
    _ask(filled)
    assert runner.run_due() == 1
    assert filled.mongo["gone"].count_documents({"who": "p"}) == 0
    assert len(_erasure(filled).requested) == 2


def test_outbox_and_requests_forget(filled: Database[OnlyTheChassis]) -> None:
    """Events stay without what is personal; answers that name the person go, others stay."""
    answer = privacy_pb2.ErasureRequested(by="p").SerializeToString()
    other = privacy_pb2.ErasureRequested(by="pp").SerializeToString()
    filled.mongo["requests"].insert_many(
        [
            {"_id": "rpc:p:1", "answer": Binary(b"")},
            {"_id": "rpc:teacher:1", "answer": Binary(answer)},
            {"_id": "rpc:teacher:2", "answer": Binary(other)},
            {"_id": "rpc:teacher:p:3", "answer": Binary(other)},
        ]
    )
    bodies = [{"questionId": "1", "askerId": "p", "question": "?"},
              {"questionId": "2", "askerId": "q", "question": "?"}]  # fmt: skip
    filled.mongo["outbox"].insert_many(
        [
            {"_id": str(place), "key": str(place), "sequence": 1, "type": ASKED,
             "body": Binary(json.dumps(body).encode())}
            for place, body in enumerate(bodies)
        ]
    )  # fmt: skip
    _ask(filled)
    Runner(filled, erasing("sessions", HOLDINGS), SystemClock()).run_due()
    left = [row["_id"] for row in filled.mongo["requests"].find()]
    assert left == ["rpc:teacher:2", "rpc:teacher:p:3"]
    del bodies[0]["question"]
    rows = filled.mongo["outbox"].find().sort("_id")
    assert [json.loads(row["body"]) for row in rows] == bodies
    assert _counts(filled) | {"requests": 2, "outbox": 1} == _counts(filled)
