"""Friday, 19:00: a device that had no network sends what its learner studied on Wednesday.

It speaks xAPI 1.0.3 with the LRS, and keeps the times at which it happened. The run's policy
(`evidence_within`) lets these times count for the deadline of the catch-up.
"""

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tandem.progress.v1 import resources_pb2 as progress

from campus.demo.check import Check
from campus.demo.deliveries import finished, wait_for
from campus.demo.media import RECORDING_SECONDS
from campus.demo.recording import catch_ups
from campus.demo.study import ALL_OF_IT, PAUSED
from campus.demo.term import PHYSICS
from campus.demo.world import SUNDAY, World
from chassis.contracts.events import Event

_COMPLETED = "tandem.progress.catch_up.completed.v1"
_RECORDED = "tandem.progress.statements.recorded.v1"
_PLAYER = "https://w3id.org/xapi/video/extensions/"
_NAMESPACE = uuid.UUID("b0d5a9de-8a4c-5b57-9e0c-5d3f4f2f8f54")
_STUDIED_AT = (SUNDAY + timedelta(days=3, hours=2)).astimezone(UTC)
"""Wednesday, 20:00: the catch-up was due on Thursday at noon."""


def play(world: World) -> None:
    """Let the device of the offline learner find a network."""
    world.narrator.scene("Friday, 19:00: an offline pack syncs late")
    world.go_to(5, "19:00")
    learner = offline_learner(world)
    world.narrator.say(
        f"{learner} watched the recording on Wednesday, without a network. The catch-up counts as "
        f"{state(world)}."
    )
    before, amended = finished(world), world.tally.count("sessions.attendance.amended")
    send(world)
    world.until("the catch-up to be completed in time", lambda: state(world) == "COMPLETED in time")
    world.until(
        "the attendance to be amended",
        lambda: world.tally.count("sessions.attendance.amended") == amended + 1,
    )
    wait_for(world, "the message about the catch-up", before, 1)
    world.narrator.say(
        f"The device sends {len(_said(world))} xAPI statements to the LRS, with the times at which "
        f"it happened. They count by these, and the catch-up is {state(world)}."
    )
    send(world)
    world.narrator.say(
        "The device sends them again, as if the answer had been lost: nothing changes."
    )
    world.narrator.events(world.tally.new_events())


def offline_learner(world: World) -> str:
    """Return the learner who missed the lecture, and studies without a network."""
    (learner,) = world.groups["offline"]
    return learner


def state(world: World) -> str:
    """Return the state of the offline learner's catch-up, and whether it was completed in time."""
    (own,) = (row for row in catch_ups(world) if row.learner_id == offline_learner(world))
    name = progress.CatchUpState.Name(own.state).removeprefix("CATCH_UP_STATE_")
    return f"{name} in time" if own.in_time else name


def send(world: World) -> None:
    """Send the device's statements."""
    world.campus.xapi(offline_learner(world), "statements", _said(world))


def _said(world: World) -> list[dict[str, Any]]:
    base, learner = world.campus.xapi_url, offline_learner(world)
    return statements(base, learner, world.runs[PHYSICS], world.items["recording"])


def statements(base: str, learner: str, run_id: str, item_id: str) -> list[dict[str, Any]]:
    """Return what a player reports at each pause, by xAPI's video profile.

    `base`: the URL of the LRS.
    """
    context = {
        "contextActivities": {"parent": [{"id": f"{base}/runs/{run_id}"}]},
        "extensions": {f"{_PLAYER}length": RECORDING_SECONDS},
    }
    return [
        {
            "id": str(uuid.uuid5(_NAMESPACE, f"{learner}/{number}")),
            "actor": {"account": {"homePage": base, "name": learner}},
            "verb": {"id": PAUSED},
            "object": {"id": f"{base}/items/{item_id}"},
            "context": context,
            "result": {"extensions": {f"{_PLAYER}played-segments": segments}},
            "timestamp": _at(number).isoformat(),
        }
        for number, segments in enumerate(ALL_OF_IT)
    ]


def _at(number: int) -> datetime:
    return _STUDIED_AT + timedelta(minutes=15 * number)


def check(world: World, events: Sequence[Event[Any]]) -> Iterator[Check]:
    """Yield the checks of the late statements."""
    learner = offline_learner(world)
    yield Check("the offline learner caught up in time", "COMPLETED in time", state(world))
    own = [each for each in events if getattr(each.data, "learner_id", "") == learner]
    yield Check(
        "the catch-up had counted as missed",
        [True],
        [each.data.was_missed for each in own if each.type == _COMPLETED],
    )
    ids = [each["id"] for each in _said(world)]
    yield Check("the LRS has each statement once", ids, _stored(world))
    yield Check(
        "the same statements, sent again, change nothing",
        1,
        sum(each.type == _RECORDED for each in own),
    )
    last = world.campus.xapi(learner, f"statements?statementId={ids[-1]}")
    yield Check(
        "the LRS answers a statement with its own time",
        _at(len(ids) - 1),
        datetime.fromisoformat(last["timestamp"]),
    )


def _stored(world: World) -> list[str]:
    """Return the ids of the statements that the LRS has by HTTP, in the order of their storing."""
    answer = world.campus.xapi(offline_learner(world), "statements?ascending=true")
    return [each["id"] for each in answer["statements"]]
