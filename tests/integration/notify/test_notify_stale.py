"""Mail that waits is not sent to who is not concerned any more when its turn comes."""

from typing import Any

from tandem.catalog.v1 import events_pb2 as catalog
from tandem.types.v1 import types_pb2

from services.notify.domain.enums import DeliveryState
from services.notify.domain.messages import LEFT, NOT_EXPECTED
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_sending import server_at
from tests.integration.notify.world import HOUR, SELF_PACED, World

LEARNERS = ("alone", "gone", "stays")


def left(world: World, learner: str) -> Any:
    """The event that a learner withdrew."""
    return catalog.EnrolmentWithdrawn(enrolment_id=f"r1-{learner}", run_id="r1", learner_id=learner)


def alone(world: World, learner: str) -> Any:
    """The event that a learner studies alone from now on."""
    return catalog.EnrolmentModeChanged(
        enrolment_id=f"r1-{learner}",
        run_id="r1",
        learner_id=learner,
        from_mode=types_pb2.ATTENDANCE_MODE_CLASSROOM,
        to_mode=SELF_PACED,
    )


def test_reminders_and_changes_of_classes_follow_the_roster(world: World) -> None:
    """A reminder and a move that are queued go to who is still expected; the log says why the
    others get no mail, and their inboxes keep what they were told.
    """
    world.people(*LEARNERS, "grace")
    world.run(*LEARNERS)
    world.schedule(25 * HOUR, "s1")
    world.schedule(48 * HOUR, "s2")
    world.clock.at += 1.5 * HOUR
    world.remind()
    world.tell(world.moved(46.5 * HOUR, 72 * HOUR, "s2"))
    world.broadcast()
    world.hear("notify.rosters", world.event(alone(world, "alone")))
    world.hear("notify.rosters", world.event(left(world, "gone")))
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert len(script.texts) == 3  # both to who stays, and the move to who teaches
    failed = world.mails_in(DeliveryState.FAILED)
    assert sorted((each.person_id, each.error) for each in failed) == [
        *[("alone", NOT_EXPECTED)] * 2,
        *[("gone", LEFT)] * 2,
    ]
    assert world.notified().count("alone") == 2
