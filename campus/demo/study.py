"""Tuesday: of the absent learners, some watch all of the recording, some half, some nothing."""

import uuid

from tandem.library.v1 import library_pb2
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress

from campus.demo.deliveries import finished, wait_for
from campus.demo.media import RECORDING_SECONDS
from campus.demo.statements import said
from campus.demo.term import PHYSICS
from campus.demo.world import World
from campus.upload import read_range

PAUSED = "https://w3id.org/xapi/video/verbs/paused"
_NAMESPACE = uuid.UUID("6f1c1c1e-6f0a-5d0e-9a3c-0d5f3a1f7b11")


def play(world: World) -> None:
    """Let the absent learners study the recording."""
    world.narrator.scene("Tuesday: absent learners study the recording")
    before = finished(world)
    world.go_to(2, "10:00")
    absent = world.groups["absent"] - world.groups["offline"]
    world.groups["full"] = world.pick(absent, len(absent) * 3 // 5)
    world.groups["half"] = world.pick(absent - world.groups["full"], len(absent) // 4)
    world.groups["none"] = absent - world.groups["full"] - world.groups["half"]
    world.all_at_once(
        lambda learner: _watch(world, learner, ALL_OF_IT), sorted(world.groups["full"])
    )
    world.all_at_once(
        lambda learner: _watch(world, learner, _TEN_TIMES), sorted(world.groups["half"])
    )
    world.narrator.say(
        f"{len(world.groups['full'])} watch the whole recording, some minutes twice. "
        f"{len(world.groups['half'])} watch the first twenty minutes ten times. "
        f"{len(world.groups['none'])} watch nothing. Of one, who has no network, nothing is known."
    )
    partial = sorted(world.groups["partial"])
    world.all_at_once(lambda learner: _watch(world, learner, _MISSED_PARTS), partial)
    world.narrator.say(
        f"{len(partial)} who were there for a quarter of an hour watch the parts that they missed."
    )
    full = len(world.groups["full"]) + len(partial)
    world.until(
        "the catch-ups to be completed",
        lambda: (
            world.tally.count("progress.catch_up.completed") == full
            and world.tally.count("sessions.attendance.amended") == full
        ),
    )
    # The clock has also come near the deadline of the reading, of which everyone is told.
    everyone = len(world.learners[PHYSICS])
    world.until(
        "the deadline of the reading",
        lambda: world.tally.count("progress.due.approaching") == everyone,
    )
    messages = full + 2 * everyone
    wait_for(world, "the messages about the catch-ups and the reading", before, messages)
    world.narrator.say(
        f"{full} are caught up: ABSENT and PARTIAL become CAUGHT_UP. A minute watched ten times "
        "counts once."
    )
    world.narrator.say(
        f"All {everyone} learners of PHYS-101 were told: the reading is due today at 23:59."
    )
    world.narrator.events(world.tally.new_events())


# What a player reports at each pause: the played segments so far, in seconds (xAPI video profile).
ALL_OF_IT = [
    "0[.]900",
    "0[.]900[,]840[.]1700",
    f"0[.]900[,]840[.]1700[,]1690[.]{RECORDING_SECONDS}",
]
# They were there from minute 5 to 20 of the class, and the recording begins in minute 2.
_MISSED_PARTS = ["0[.]180", f"0[.]180[,]1080[.]{RECORDING_SECONDS}"]
_TEN_TIMES = ["[,]".join(["0[.]1200"] * times) for times in range(1, 11)]


def _watch(world: World, learner: str, reports: list[str]) -> None:
    services = world.as_learner(learner)
    link = services.library.GetReadUrl(
        library_pb2.GetReadUrlRequest(item_id=world.items["recording"], reader_id=learner)
    )
    read_range(link.url, 0, 1023)
    statements = [_statement(world, learner, number, text) for number, text in enumerate(reports)]
    services.progress.RecordStatements(progress_pb2.RecordStatementsRequest(statements=statements))


def _statement(world: World, learner: str, number: int, segments: str) -> progress.Statement:
    return said(
        world,
        learner,
        PAUSED,
        PHYSICS,
        id=str(uuid.uuid5(_NAMESPACE, f"{learner}/{number}/{segments}")),
        item_id=world.items["recording"],
        video=progress.VideoExtensions(length=RECORDING_SECONDS, played_segments=segments),
    )
