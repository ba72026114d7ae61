"""What the use cases need."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from services.notify.domain.enums import AttendanceMode, Kind
from services.notify.domain.messages import Delivery, Mail, Message, Notification
from services.notify.domain.notices import Text
from services.notify.domain.people import Enrolment, Person, Replica
from services.notify.domain.preferences import CategoryPreference, Chosen
from services.notify.domain.sessions import Broadcast, Chunk, Reminder, Session

C = TypeVar("C", bound=Replica)


class Batch(Protocol):
    """Deliveries that one sender has claimed."""

    @property
    def claim(self) -> str:
        """Its name."""

    @property
    def ids(self) -> tuple[Any, ...]:
        """Of the deliveries."""


class Texts(Protocol):
    """Puts notices into words."""

    def write(
        self, kind: Kind, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        """The notice in the language nearest to `language` (BCP 47), instants told in `zone`."""


class Store(Protocol):
    """One unit of work's view of notify's data."""

    now: datetime

    def new_id(self) -> str:
        """A fresh UUIDv7."""

    def record_event(self, *happened: object) -> None:
        """Let others know once the unit of work is committed."""

    # Copies of others' data

    def replicas(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """The copies of one class (Person, Run, Path, Item) that are known, by id."""

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Keep copies of one class, new or changed."""

    def people(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """Those that are known, by id."""

    def enrolments(self, enrolment_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Those that are known, by id."""

    def put_enrolments(self, enrolments: Iterable[Enrolment]) -> None:
        """Keep enrolments, new or changed."""

    def learners(
        self, run_id: str, modes: Iterable[AttendanceMode], after: str, most: int
    ) -> list[str]:
        """Ids of enrolled learners with one of these modes, in order, from after `after` on."""

    def enrolments_of(
        self, places: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Enrolment]]:
        """What is known of learners in runs, by (run, learner); of no run, nothing."""

    def learners_between(
        self, run_id: str, modes: Iterable[AttendanceMode], after: str, upto: str
    ) -> list[str]:
        """Ids of enrolled learners with one of these modes, from after `after` to `upto`."""

    def lock_rosters(self, run_ids: Iterable[str]) -> None:
        """Be alone, among all units of work, with who is told in these runs."""

    # Sessions, reminders and broadcasts

    def session_by_id(self, session_id: str) -> Session | None:
        """A session by its id."""

    def sessions(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """Those that are known, by id."""

    def put_session(self, session: Session) -> None:
        """Keep a session, new or changed."""

    def reminder(self, reminder_id: str) -> Reminder | None:
        """A reminder by its id."""

    def reminders(self, session_id: str) -> list[Reminder]:
        """The reminders of a session that wait."""

    def put_reminders(self, session_id: str, reminders: Sequence[Reminder]) -> None:
        """Keep these reminders of a session, and no others of it."""

    def remove_reminder(self, reminder_id: str) -> None:
        """Forget a reminder."""

    def broadcast(self, broadcast_id: str) -> Broadcast | None:
        """A broadcast by its id."""

    def put_broadcast(self, broadcast: Broadcast) -> None:
        """Keep a broadcast, new or changed."""

    def broadcasts_since(self, run_ids: Iterable[str], since: datetime) -> list[Broadcast]:
        """The broadcasts of these runs from `since` on."""

    def add_chunk(self, chunk: Chunk) -> None:
        """Let a part of a run be told by the next worker that has time."""

    def chunk(self, chunk_id: str) -> Chunk | None:
        """A part that is to be told, by its id."""

    def remove_chunk(self, chunk_id: str) -> None:
        """A part is told."""

    # Messages and deliveries

    def chosen(self, person_ids: Iterable[str]) -> dict[str, Chosen]:
        """What people chose to hear; nobody who chose nothing."""

    def choose(self, person_id: str, wanted: Sequence[CategoryPreference]) -> None:
        """Keep a choice; categories that are not named stay."""

    def existing_messages(self, message_ids: Iterable[str]) -> set[str]:
        """Which of these messages exist."""

    def next_numbers(self, person_ids: Sequence[str]) -> list[int]:
        """The next place in the inbox of each; a person may be named more than once."""

    def add_notifications(self, notifications: Sequence[Notification]) -> None:
        """Keep new messages and their deliveries."""

    def messages(self, person_id: str, message_ids: Iterable[str]) -> list[Message]:
        """Those of these messages that are in the person's inbox."""

    def mark_read(self, message_ids: Iterable[str]) -> None:
        """Mark those of these messages that are unread as read now."""

    def unread(self, person_id: str) -> int:
        """How many messages of a person's inbox are unread."""

    def claimed(self, batch: Batch) -> list[Delivery]:
        """The deliveries that a batch still has."""

    def begin_sending(self, delivery_ids: Sequence[str]) -> None:
        """Mark deliveries as perhaps on their way."""

    def finish(self, deliveries: Sequence[Delivery]) -> None:
        """Keep deliveries that are handed over or given up."""

    def queue_again(self, due: Mapping[Delivery, datetime]) -> None:
        """Keep deliveries that are to be tried again, each not before an instant (the system's)."""

    def give_back(self, delivery_ids: Sequence[str]) -> None:
        """Let others have deliveries that were not tried."""

    def mails(self, deliveries: Sequence[Delivery]) -> dict[str, Mail]:
        """The mails of deliveries by delivery, to the people's present addresses."""
