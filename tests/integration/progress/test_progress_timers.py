"""Timers continue, whatever one document contains."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog

from chassis.testing import figure
from services.progress.timers import miss, reevaluate, release_materials
from services.progress.usecases import waiting
from tests.integration.progress.classroom import (
    ABSENT,
    BOOK,
    CLASS,
    DAY,
    RUN,
    Classroom,
    available,
    lecture,
    opened,
    path,
    recorded,
    task,
)

LEARNERS = ["ada", "bob", "cyd", "dan"]


def _absent_learners(classroom: Classroom) -> None:
    """Four learners were absent, and their catch-ups are past their due."""
    classroom.open(lecture(), learners=LEARNERS)
    classroom.hold_class(**dict.fromkeys(LEARNERS, ABSENT))
    classroom.hear("attendance", recorded())
    classroom.settle()
    classroom.clock.forward(days=4)


def _failures(timer: str) -> float:
    return figure("tandem_timer_failures_total", timer=f"progress.{timer}")


def _open_catch_ups(classroom: Classroom) -> list[str]:
    rows = classroom.database.mongo["catch_ups"].find({"state": "ASSIGNED"}).sort("_id")
    return sorted(row.get("learner_id", "nobody") for row in rows)


def test_a_learner_who_cannot_be_read_holds_up_no_other(classroom: Classroom) -> None:
    """The others' catch-ups are missed at their due, and a new path is held against them."""
    _absent_learners(classroom)
    run_states = classroom.database.mongo["standings"]
    run_states.update_one({"learner_id": "bob"}, {"$set": {"completed": 5}})
    failures = _failures("miss")
    miss(classroom.database)
    assert _open_catch_ups(classroom) == ["bob"]
    assert _failures("miss") == failures + 1
    classroom.hear("plans", path(lecture(), task(), version=2))
    reevaluate(classroom.database)
    reader = classroom.database.reader()
    asks = reader.plans(["run-1"])["run-1"].history.asks
    behind = reader.learners_behind("run-1", asks, most=9)
    assert [learner_id for _, learner_id in behind] == ["bob"]


@pytest.mark.parametrize(
    "damage",
    [
        {"$set": {"item_ids": 5}},
        {"$set": {"assigned_at": "yesterday"}},
        {"$unset": {"learner_id": 1}},
        {"$unset": {"run_id": 1, "owner": 1}},
    ],
)
def test_bad_catch_ups_hold_up_no_miss_and_the_next_pass_does_not_begin_with_them(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch, damage: Mapping[str, Any]
) -> None:
    """With chunks full of bad rows, all others are missed; a bad row is tried again later."""
    monkeypatch.setattr(waiting, "CHUNK", 2)
    _absent_learners(classroom)
    catch_ups = classroom.database.mongo["catch_ups"]
    rows = {row["learner_id"]: row for row in catch_ups.find()}
    bad = [rows["ada"]["_id"], rows["bob"]["_id"]]
    earlier = {"due": classroom.clock.now() - 3 * DAY}
    catch_ups.update_many({"_id": {"$in": bad}}, {"$set": earlier})
    catch_ups.update_many({"_id": {"$in": bad}}, damage)
    failures = _failures("miss")
    miss(classroom.database)
    assert len(_open_catch_ups(classroom)) == 2
    assert _failures("miss") == failures + 2
    assert classroom.database.reader().overdue_catch_ups(9) == []
    miss(classroom.database)
    assert _failures("miss") == failures + 2
    classroom.clock.forward(minutes=4)
    miss(classroom.database)
    assert _failures("miss") == failures + 4
    for name in ("ada", "bob"):
        catch_ups.replace_one({"_id": rows[name]["_id"]}, rows[name])
    classroom.clock.forward(minutes=4)
    miss(classroom.database)
    assert _open_catch_ups(classroom) == []
    assert _failures("miss") == failures + 4


def test_a_bad_class_holds_up_no_other(classroom: Classroom) -> None:
    """Of two classes that wait for recordings, the one that can be read waits no longer."""
    classroom.open(lecture(), learners=["ada"])
    classroom.hold_class(ada=ABSENT)
    sessions = classroom.database.mongo["sessions"]
    (good,) = sessions.find()
    bad = {**good, "_id": "bad", "run_id": "run-2", "ended_at": good["ended_at"] - DAY}
    sessions.insert_one({**bad, "material_item_ids": 5})
    failures = _failures("give_way")
    classroom.clock.forward(days=2)
    release_materials(classroom.database, DAY)
    assert {row["_id"]: bool(row["waited"]) for row in sessions.find()} == {
        CLASS: True,
        "bad": False,
    }
    assert _failures("give_way") == failures + 1
    release_materials(classroom.database, DAY)
    assert _failures("give_way") == failures + 1


def test_a_bad_item_update_or_run_holds_up_no_reevaluation(classroom: Classroom) -> None:
    """The oldest item update, and the runs first in turn, are bad; the others have their turns."""
    classroom.open(task(), learners=["ada"])
    mongo, past = classroom.database.mongo, datetime.now(UTC) - timedelta(hours=1)
    mongo["item_news"].insert_one({"_id": "bad", "told": 5, "again_at": past})
    mongo["plan_revisits"].insert_one({"_id": "bad", "changed_at": 5, "turn_at": past})
    classroom.hear("plans", catalog.RunOpened(run_id="run-2", title="Chemistry"))
    mongo["runs"].update_one({"_id": "run-2"}, {"$set": {"policy": 5}})
    mongo["plans"].update_one({"_id": "run-2"}, {"$set": {"tag": "unseen"}})
    mongo["plan_revisits"].update_one({"_id": "run-2"}, {"$set": {"turn_at": past}})
    classroom.hear("attendance", available(BOOK))
    classroom.hear("plans", opened(watched_share=0.5))
    failures = _failures("revisit")
    reevaluate(classroom.database)
    assert _failures("revisit") == failures + 3
    reader = classroom.database.reader()
    asks = reader.plans([RUN])[RUN].history.asks
    assert reader.learners_behind(RUN, asks, most=9) == []
    reevaluate(classroom.database, ahead=timedelta(minutes=5))
    assert _failures("revisit") == failures + 3
    assert {row["_id"] for row in mongo["plan_revisits"].find()} == {"bad", "run-2"}
    assert {row["_id"] for row in mongo["item_news"].find()} == {"bad"}
