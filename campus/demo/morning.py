"""Monday morning: reminders; the meeting provider fails, until the lecture's room is there."""

from campus.demo import meeting
from campus.demo.deliveries import finished, wait_for
from campus.demo.term import ONLINE_OF_PHYSICS, PHYSICS, instructor
from campus.demo.world import World

PLENTY = 1_000
"""More calls than the platform makes until the provider answers again."""
AWAY = "503"


def play(world: World) -> None:
    """Wait for the reminders; let the provider fail until the instructor is told of it."""
    world.narrator.scene("Monday morning: a meeting provider that fails")
    _reminders(world)
    _fail(world)
    _warn(world)
    _recover(world)
    _join(world)
    world.narrator.events(world.tally.new_events())


def _reminders(world: World) -> None:
    expected = len(world.groups["classroom"] | world.groups["online"])
    before = finished(world)
    world.go_to(1, "08:00")
    wait_for(world, "the reminders", before, 2 * expected)
    world.narrator.say(f"{expected} learners get a reminder, in the app and by mail.")


def _fail(world: World) -> None:
    """Half an hour before the lecture its room is to be made."""
    provider = meeting.provider(world)
    provider.control("fault", next=AWAY, times=PLENTY)
    world.go_to(1, "08:31")
    world.until("the provider to be asked", lambda: provider.faults_left() < PLENTY)
    learner = ONLINE_OF_PHYSICS[0]
    status = meeting.open_link(world, learner).status_code
    world.narrator.say(
        f"The platform asks the meeting provider for the lecture's room, and is answered {AWAY}. "
        f"{learner}, who is early, gets {status} and a page that looks again by itself."
    )


def _warn(world: World) -> None:
    """Ten minutes before the lecture its instructor is told."""
    before = finished(world)
    world.go_to(1, "08:51")
    wait_for(world, "the message about the missing room", before, 2)
    world.narrator.say(f'The room is still not there. The instructor is told: "{_told(world)}".')


def _recover(world: World) -> None:
    before = finished(world)
    meeting.provider(world).control("fault/end")
    world.until("the room", lambda: world.tally.count("sessions.meeting.made") == 1)
    wait_for(world, "the message about the room", before, 2)
    world.narrator.say(
        f'The provider answers again. The next try makes the room: "{_told(world)}".'
    )


def _told(world: World) -> str:
    """Return the title of the instructor's newest message."""
    return world.inbox(instructor(PHYSICS))[0].title


def _join(world: World) -> None:
    """Let two learners open their links."""
    for learner in ONLINE_OF_PHYSICS[:2]:
        world.room_urls[learner] = meeting.room_url(world, learner)
    one, other = ONLINE_OF_PHYSICS[:2]
    world.narrator.say(
        f"{one} and {other} open their links. Each leads to a signed URL of its own."
    )
