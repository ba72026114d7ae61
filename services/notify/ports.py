"""The interfaces that the use cases need."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from chassis.replicas import Replica
from services.notify.domain.bounces import Suppression
from services.notify.domain.enums import AttendanceMode
from services.notify.domain.invitations import CalendarNews
from services.notify.domain.messages import (
    Delivery,
    Digest,
    Message,
    Notification,
    S,
    Sent,
)
from services.notify.domain.notices import Text
from services.notify.domain.people import Enrolment, Person
from services.notify.domain.preferences import Choice
from services.notify.domain.sessions import Broadcast, Chunk, Reminder, Session
from services.notify.domain.values import Written
from services.notify.ports_devices import DevicesStore

C = TypeVar("C", bound=Replica)


class Batch(Protocol):
    """Deliveries that one worker has claimed to send."""

    @property
    def claim(self) -> str:
        """Return the name of the claim."""

    @property
    def ids(self) -> tuple[Any, ...]:
        """Return the ids of the deliveries."""


class Writer(Protocol):
    """Writes notices as text."""

    def write(
        self, kind: Written, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        """Return a notice, or a digest, in the language nearest to `language` (BCP 47), with
        instants in `zone`.

        Raises BadValues.
        """


class Texts(Writer, Protocol):
    """Writes notices as text, and as mails."""

    def write_mail(
        self, kind: Written, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        """Return a notice as `write` does, with its HTML. Raises BadValues."""

    def nearest(self, language: str) -> str:
        """Return the nearest language (BCP 47) that has texts."""


class Store(DevicesStore, Protocol):
    """One unit of work's view of notify's data."""

    now: datetime

    def new_id(self) -> str:
        """Return a new UUIDv7."""

    def record_event(self, *happened: object) -> None:
        """Record events, which are published after the unit of work is committed."""

    # Replicas of other services' data

    def replicas(self, cls: type[C], ids: Iterable[str]) -> dict[str, C]:
        """Return the known replicas of one class, by id."""

    def put_replicas(self, replicas: Sequence[Replica]) -> None:
        """Store replicas of one class, new or changed."""

    def people(self, person_ids: Iterable[str]) -> dict[str, Person]:
        """Return those that are known, by id."""

    def enrolments(self, enrolment_ids: Iterable[str]) -> dict[str, Enrolment]:
        """Return those that are known, by id."""

    def put_enrolments(self, enrolments: Iterable[Enrolment]) -> None:
        """Store enrolments, new or changed."""

    def learners(self, broadcast: Broadcast, most: int) -> list[str]:
        """Return the ids of the next up to `most` learners whom a broadcast is for, in order."""

    def enrolments_of(
        self, places: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], list[Enrolment]]:
        """Return the known enrolments by (run, learner)."""

    def modes_of(self, run_id: str, learner_ids: Iterable[str]) -> dict[str, set[AttendanceMode]]:
        """Return the modes in which learners are enrolled in a run; others are left out."""

    def learners_between(self, broadcast: Broadcast, after: str, upto: str) -> list[str]:
        """Return the ids of learners whom a broadcast is for, after `after` up to `upto`."""

    def lock_rosters(self, run_ids: Iterable[str]) -> None:
        """Lock the rosters of these runs against other units of work."""

    # Sessions, reminders and broadcasts

    def session_by_id(self, session_id: str) -> Session | None:
        """Return a session."""

    def sessions(self, session_ids: Iterable[str]) -> dict[str, Session]:
        """Return those that are known, by id."""

    def cancelled(self, session_ids: Iterable[str]) -> set[str]:
        """Return the ids of those that are known to be cancelled."""

    def put_session(self, session: Session) -> None:
        """Store a session, new or changed."""

    def reminder(self, reminder_id: str) -> Reminder | None:
        """Return a reminder."""

    def reminders(self, session_id: str) -> list[Reminder]:
        """Return the reminders of a session that are not sent yet."""

    def put_reminders(self, session_id: str, reminders: Sequence[Reminder]) -> None:
        """Store these reminders of a session, and delete its others."""

    def remove_reminder(self, reminder_id: str) -> None:
        """Delete a reminder."""

    def broadcast(self, broadcast_id: str) -> Broadcast | None:
        """Return a broadcast."""

    def put_broadcast(self, broadcast: Broadcast) -> None:
        """Store a broadcast, new or changed."""

    def broadcasts_since(self, run_ids: Iterable[str], since: datetime) -> list[Broadcast]:
        """Return the broadcasts of these runs since an instant."""

    def add_chunk(self, chunk: Chunk) -> None:
        """Add a chunk as a job, which the next free worker claims."""

    def chunk(self, chunk_id: str) -> Chunk | None:
        """Return a chunk that is to be notified."""

    def remove_chunk(self, chunk_id: str) -> None:
        """Delete a chunk."""

    def remove_question_digest(self, digest_id: str) -> None:
        """Delete a digest of questions."""

    def remove_fall_digest(self, digest_id: str) -> None:
        """Delete a digest of falls."""

    # Messages and deliveries

    def choices(self, person_ids: Iterable[str]) -> dict[str, Choice]:
        """Return the choice of each person; the defaults for a person without one."""

    def put_choice(self, choice: Choice) -> None:
        """Store a choice, new or changed."""

    def existing_messages(self, message_ids: Iterable[str]) -> set[str]:
        """Return those of these ids whose messages exist."""

    def next_numbers(self, person_ids: Sequence[str]) -> list[int]:
        """Return the next number in each person's inbox; a person may be named more than once."""

    def add_notifications(self, notifications: Sequence[Notification]) -> None:
        """Store new messages and their deliveries."""

    def messages_by_id(self, message_ids: Iterable[str]) -> dict[str, Message]:
        """Return messages, also those that are in no inbox."""

    def messages(self, person_id: str, message_ids: Iterable[str]) -> list[Message]:
        """Return those of these messages that are in the person's inbox."""

    def mark_read(self, message_ids: Iterable[str]) -> None:
        """Mark those of these messages that are unread as read now."""

    def unread(self, person_id: str) -> int:
        """Return the number of unread messages in a person's inbox."""

    def of_mail(self, mail_id: str) -> list[Delivery]:
        """Return what a mail told, by the id of its delivery or digest; empty: none is known."""

    def claimed(self, kind: type[S], batch: Batch) -> list[S]:
        """Return the deliveries, or digests, that the batch still holds."""

    def begin_sending(self, sent: Sequence[Sent], sent_to: Mapping[Delivery, str]) -> None:
        """Mark deliveries, or digests, as possibly sent. `sent_to`: the hashes of the addresses to
        which deliveries are sent, by themselves or with a digest.
        """

    def finish(self, sent: Sequence[Sent]) -> None:
        """Store deliveries, or digests, that were delivered or have failed."""

    def queue_again(self, due: Mapping[S, datetime]) -> None:
        """Store deliveries, or digests, to be tried again, each not before an instant by the
        system's clock.
        """

    def queue_in_own_lane(self, deliveries: Sequence[Delivery]) -> None:
        """Queue deliveries that wait in a lane of another channel in their own; due now."""

    def give_back(self, sent: Sequence[Sent]) -> None:
        """Give back deliveries, or digests, that were not tried, so that others can claim them."""

    def put_calendar_news(self, news: CalendarNews) -> None:
        """Store what calendars show since an event; it is deleted when no mail can wait for it."""

    def calendar_news(self, event_ids: Iterable[str]) -> dict[str, CalendarNews]:
        """Return what calendars show since these events, by event; of those that tell it."""

    # Digests and quiet hours

    def hold(self, until: Mapping[S, datetime]) -> None:
        """Store that deliveries, or digests, wait until an instant by the application's clock."""

    def release(self, kind: type[Sent], most: int) -> int:
        """Queue up to `most` deliveries, or digests, whose time has come; return how many."""

    def urgent_mail(self, person_ids: Iterable[str], since: datetime) -> list[Delivery]:
        """Return people's mails of urgent changes of classes that were queued after an instant."""

    def digests(self, digest_ids: Iterable[str]) -> dict[str, Digest]:
        """Return those that exist, by id."""

    def count_in_digests(self, changes: Mapping[Digest, int]) -> None:
        """Add to the numbers of deliveries that digests collect; a new digest begins with none.

        It conflicts with any other unit of work that changes, releases or sends one of them.
        """

    def collected(self, digests: Sequence[Digest]) -> list[Delivery]:
        """Return the deliveries that these digests have collected, and that are not finished."""

    def waiting(self, person_ids: Iterable[str]) -> list[Delivery]:
        """Return people's deliveries that wait for a digest, or for the end of quiet hours."""

    def put_waiting(self, deliveries: Sequence[Delivery]) -> None:
        """Store until when deliveries wait, and for which digest; those that wait no more are
        queued, and those that wait are not.
        """

    def suppressed(self, hashes: Iterable[str]) -> set[str]:
        """Return those of these hashes of addresses that get no mail."""

    def suppression(self, address: str) -> Suppression | None:
        """Return why an address gets no mail, by its hash; None if it does."""

    def suppress(self, suppression: Suppression) -> None:
        """Store that an address gets no mail, unless that is stored already."""

    def remove_suppression(self, suppression_id: str) -> bool:
        """Delete a suppression; return whether there was one."""
