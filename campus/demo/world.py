"""The state that the demo's scenes share: connections, clock, and decisions."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import grpc
from tandem.notify.v1 import notify_pb2
from tandem.notify.v1 import resources_pb2 as notify

from campus.client import Campus
from campus.demo.errors import DemoError
from campus.demo.narrator import CAMPUS_ZONE, Narrator
from campus.demo.tally import Tally
from campus.platform import Platform
from campus.services import Services
from campus.waiting import wait_for
from chassis.clock import SteeredClock

T = TypeVar("T")
R = TypeVar("R")

MONDAY = date(2026, 3, 2)
SUNDAY = datetime(2026, 3, 1, 18, 0, tzinfo=CAMPUS_ZONE)
BEGIN = SUNDAY - timedelta(weeks=1)
"""When the demo begins: one run is a week older than the others."""
PATIENCE = 120.0  # seconds that the platform has to apply an action


@dataclass
class World:
    """The people and objects of the demo, by their ids."""

    platform: Platform
    campus: Campus
    clock: SteeredClock
    narrator: Narrator
    tally: Tally
    random: random.Random
    runs: dict[str, str] = field(default_factory=dict)
    """Run ids by course code."""
    learners: dict[str, list[str]] = field(default_factory=dict)
    """The learners to enrol, by course code."""
    items: dict[str, str] = field(default_factory=dict)
    """Item ids by name."""
    rooms: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    """Session ids by course code; of the tutorials by title."""
    series: dict[str, str] = field(default_factory=dict)
    """Series ids by course code."""
    tutorials: dict[str, str] = field(default_factory=dict)
    """Ids of the tutorial groups by name."""
    questions: dict[str, str] = field(default_factory=dict)
    """Question ids by name."""
    room_urls: dict[str, str] = field(default_factory=dict)
    """To which URL of the meeting provider a learner's own link led."""
    groups: dict[str, set[str]] = field(default_factory=dict)
    """Learners by what the demo lets them do: present, partial, absent, full, half, none, ..."""
    behind_reasons: dict[str, list[tuple[str, float, float]]] = field(default_factory=dict)
    """Who fell behind: the reasons, each with its number and its limit."""
    waiting_list: list[str] = field(default_factory=list)
    """The learners of the lecture's waiting list before a seat came free, the first one first."""

    @property
    def staff(self) -> Services:
        """Return the services on behalf of the registrar's office."""
        return self.campus.calling_as("registrar", "registrar", "instructor", "operator", "service")

    def as_instructor(self, person: str) -> Services:
        """Return the services on behalf of an instructor."""
        return self.campus.calling_as(person, "instructor")

    def as_learner(self, learner: str) -> Services:
        """Return the services on behalf of a learner."""
        return self.campus.calling_as(learner, "learner")

    def inbox(self, person: str) -> list[notify.Message]:
        """Return a person's inbox, newest first."""
        request = notify_pb2.ListMessagesRequest(person_id=person, page_size=1000)
        return list(self.as_learner(person).notify.ListMessages(request).messages)

    def go_to(self, day: int, clock: str) -> None:
        """Set the clock to `clock` (HH:MM) on the campus, `day` days after that Sunday."""
        hour, minute = map(int, clock.split(":"))
        moment = (SUNDAY + timedelta(days=day)).replace(hour=hour, minute=minute)
        self.clock.steer(moment.astimezone(UTC))

    def all_at_once(self, action: Callable[[T], R], rows: list[T]) -> list[R]:
        """Do `action` for every row, eight at the same time; return the results in order."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(action, rows))

    def is_taken(
        self,
        action: Callable[[], object],
        refusal: grpc.StatusCode = grpc.StatusCode.FAILED_PRECONDITION,
    ) -> bool:
        """Do `action`; return False if it is refused so: a service does not know enough yet."""
        try:
            action()
        except grpc.RpcError as error:
            if error.code() is refusal:
                return False
            raise
        return True

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait until `holds()`. Raises DemoError if it takes longer than PATIENCE."""
        wait_for(what, holds, PATIENCE, DemoError)

    def pick(self, learners: set[str] | list[str], count: int) -> set[str]:
        """Return `count` of the learners, chosen with the demo's seed.

        The same learners give the same choice in every run. The learners in the room differ from
        run to run, because the first requests get the seats.
        """
        return set(self.random.sample(sorted(learners), count))
