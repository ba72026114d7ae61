"""Messages for digests, and what mails tell of them."""

from datetime import UTC, datetime
from email import message_from_string
from email.policy import default
from typing import Any

from services.notify.domain.enums import (
    Category,
    Channel,
    Frequency,
)
from services.notify.domain.preferences import CategoryPreference, ChannelFrequency
from tests.integration.notify.script import Script
from tests.integration.notify.world import World, text_of

MONDAY = datetime(2026, 5, 4, 9, tzinfo=UTC)
"""10:00 in Dublin."""


def often(frequency: Frequency, category: Category = Category.CATCH_UP) -> CategoryPreference:
    """E-mail this often, and the inbox."""
    inbox = ChannelFrequency(Channel.IN_APP, Frequency.IMMEDIATE)
    return CategoryPreference(category, (), (inbox, ChannelFrequency(Channel.EMAIL, frequency)))


def at(world: World, local: str) -> None:
    """Go on to a time of Dublin's summer (an hour before UTC)."""
    world.clock.at = datetime.fromisoformat(f"{local}+01:00").astimezone(UTC)


def assign(world: World, learner: str, *numbers: int) -> None:
    """Tell a learner of catch-ups, each of its own."""
    for number in numbers:
        assigned = world.assigned(learner, f"Lesson {number}.")
        assigned.catch_up_id, assigned.run_id = f"c-{learner}-{number}", "r1"
        world.tell(assigned)


def title_of(number: int) -> str:
    """What the message of a catch-up says of it."""
    return f"Lesson {number}."


def parsed(script: Script) -> list[Any]:
    """The mails that a server got."""
    return [message_from_string(each, policy=default) for each in script.texts]


def told_in(mail: Any, most: int) -> list[int]:
    """The numbers of the catch-ups that a mail tells of."""
    return [number for number in range(most) if title_of(number) in text_of(mail)]


def assign_all(world: World, people: Any, number: int) -> None:
    """Tell each of these people of a catch-up."""
    for each in people:
        assign(world, each, number)
