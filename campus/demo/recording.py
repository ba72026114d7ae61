"""Monday, 12:00: the recording arrives; each absence becomes a catch-up with a deadline."""

from google.protobuf.duration_pb2 import Duration
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from campus.demo import media
from campus.demo.deliveries import finished, wait_for
from campus.demo.sunday import available
from campus.demo.term import CATCH_UP_DAYS, PHYSICS, instructor
from campus.demo.world import World
from campus.upload import upload

OFFSET = 120
"""Seconds from the start of the class to the beginning of the recording."""


def play(world: World) -> None:
    """Upload and attach the recording, and wait for the catch-ups."""
    world.narrator.scene("Monday, 12:00: absences become catch-ups")
    before = finished(world)
    world.go_to(1, "12:00")
    teacher = world.as_instructor(instructor(PHYSICS))
    world.items["recording"] = upload(
        teacher,
        "Lecture: motion (recording)",
        media.recording(),
        types_pb2.ITEM_KIND_RECORDING,
        "video/mp4",
        run_ids=[world.runs[PHYSICS]],
    )
    teacher.sessions.AttachRecording(
        sessions_pb2.AttachRecordingRequest(
            session_id=world.sessions[PHYSICS],
            item_id=world.items["recording"],
            starts_at_offset=Duration(seconds=OFFSET),
        )
    )
    world.narrator.say(
        "The instructor uploads the recording, 40 minutes of video; it begins two minutes late."
    )
    world.until("the recording to be verified", lambda: available(world, "recording"))
    absent, partial = world.groups["absent"], world.groups["partial"]
    count = len(absent) + len(partial)
    world.until("the catch-ups", lambda: len(catch_ups(world)) == count)
    world.narrator.say(
        f"The library verifies the recording. {len(absent)} learners who missed it get a catch-up, "
        f"due in {CATCH_UP_DAYS} days. The {len(partial)} who left early get one of the part that "
        "they missed."
    )
    wait_for(world, "the messages about the catch-ups", before, 2 * count)
    world.narrator.events(world.tally.new_events())


def catch_ups(world: World) -> list[progress.CatchUp]:
    """Return every catch-up of the lecture's run."""
    answer = world.staff.progress.ListCatchUps(
        progress_pb2.ListCatchUpsRequest(run_id=world.runs[PHYSICS], page_size=1000)
    )
    return list(answer.catch_ups)
