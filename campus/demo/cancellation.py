"""Monday, 11:00: the afternoon's class is cancelled; a reading takes its place."""

import grpc
from tandem.sessions.v1 import sessions_pb2

from campus.demo.deliveries import finished, wait_for
from campus.demo.term import HISTORY, PHYSICS, instructor
from campus.demo.world import World


def play(world: World) -> None:
    """Cancel the seminar, and wait until everyone has got the messages."""
    world.narrator.scene("Monday, 11:00: a class is cancelled")
    world.go_to(1, "11:00")
    before = finished(world)
    request = sessions_pb2.CancelSessionRequest(
        session_id=world.sessions[HISTORY],
        reason="the instructor is ill",
        substitute_item_id=world.items["history-reading"],
    )
    _not_theirs(world, request)
    teacher = world.as_instructor(instructor(HISTORY))
    teacher.sessions.CancelSession(request)
    people = len(world.learners[HISTORY]) + 1
    world.narrator.say("HIST-210 at 14:00 is cancelled. A reading replaces it.")
    wait_for(world, "the messages about the cancellation", before, 2 * people)
    world.narrator.say(f"{people} people get a message, in the app and by mail.")
    world.narrator.events(world.tally.new_events())


def _not_theirs(world: World, request: sessions_pb2.CancelSessionRequest) -> None:
    """Let an instructor of another course try."""
    world.narrator.say("The instructor of PHYS-101 tries to cancel the class of HIST-210.")
    stranger = world.as_instructor(instructor(PHYSICS))
    try:
        stranger.sessions.CancelSession(request)
    except grpc.RpcError as error:
        world.narrator.refused(str(error.details()))
