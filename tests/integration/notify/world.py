"""A small university whose events reach notify as the worker would get them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from google.protobuf.message import Message as Proto
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.progress.v1 import events_pb2 as progress
from tandem.sessions.v1 import events_pb2 as sessions
from tandem.types.v1 import types_pb2 as types

from campus.stack.smtp import read_mail
from chassis.contracts.events import Event, event_type, subject_and_key
from chassis.data.pages import Page
from chassis.data.store import Database
from chassis.jobs.runner import Runner
from services.notify import announcer, sender
from services.notify.domain.devices import Device, PushEndpoint, RegisterDevice, browser, phone
from services.notify.domain.enums import Channel, DeliveryState
from services.notify.domain.messages import Delivery
from services.notify.domain.preferences import CategoryPreference, SetPreferences
from services.notify.mail import MailServer
from services.notify.store import NotifyStore
from services.notify.texts import Texts
from services.notify.usecases.inbox import set_preferences
from services.notify.worker import subscriptions

SENDER = "tandem@university.example"
HOUR = timedelta(hours=1)
LEADS = (24 * HOUR, HOUR)
TEXTS = Texts()
CLASSROOM = types.ATTENDANCE_MODE_CLASSROOM
ONLINE = types.ATTENDANCE_MODE_ONLINE
SELF_PACED = types.ATTENDANCE_MODE_SELF_PACED


class World:
    """Notify's database, its handlers, and shorthands for other services' events."""

    def __init__(self, database: Database[NotifyStore], clock: Any, system: Any) -> None:
        self.database = database
        self.clock = clock
        self.system = system
        self._queues = {one.name: one for one in subscriptions(TEXTS, LEADS)}
        self._versions: dict[str, int] = {}
        self._ids = itertools.count(1)

    # Events

    def event(self, data: Proto, sequence: int = 0) -> Event[Any]:
        """An event with this message, the next of its aggregate."""
        subject, key = subject_and_key(data)
        self._versions[key] = sequence or self._versions.get(key, 0) + 1
        return Event(
            id=f"event-{id(self)}-{next(self._ids)}",
            type=event_type(type(data)),
            source="/tandem/tests",
            time=self.clock.now(),
            subject=subject,
            partition_key=key,
            sequence=self._versions[key],
            traceparent="",
            data=data,
        )

    def hear(self, queue: str, *events: Event[Any]) -> None:
        """Handle events in one unit of work."""
        self.database.transact(lambda store: self._queues[queue].handle(store, events))

    def tell(self, *data: Proto) -> list[Event[Any]]:
        """Let triggers come in, one unit of work each."""
        events = [self.event(one) for one in data]
        for event in events:
            self.hear("notify.triggers", event)
        return events

    # People and rosters

    def people(self, *ids: str, language: str = "en", zone: str = "Europe/Dublin") -> None:
        """Make people known."""
        self.hear("notify.people", *(self.event(person(one, language, zone)) for one in ids))

    def run(self, *learners: str, run_id: str = "r1", mode: int = CLASSROOM) -> None:
        """Open a run and enrol learners."""
        opened = catalog.RunOpened(run_id=run_id, title="Physics & Waves")
        self.hear("notify.rosters", self.event(opened))
        self.enrol(*learners, run_id=run_id, mode=mode)

    def enrol(self, *learners: str, run_id: str = "r1", mode: int = CLASSROOM) -> None:
        """Enrol learners now."""
        events = [self.event(self.enrolled(one, run_id, mode)) for one in learners]
        if events:
            self.hear("notify.rosters", *events)

    def enrolled(self, learner: str, run_id: str = "r1", mode: int = CLASSROOM) -> Proto:
        """The event that a learner is enrolled now."""
        created = catalog.EnrolmentCreated(
            enrolment_id=f"{run_id}-{learner}",
            run_id=run_id,
            learner_id=learner,
            mode=mode,  # type: ignore[arg-type]
        )
        created.enrolled_at.FromDatetime(self.clock.now())
        return created

    # Sessions

    def schedule(self, starts_in: timedelta, session_id: str = "s1") -> None:
        """Schedule a class of an hour, taught by grace."""
        self.tell(self.scheduled(starts_in, session_id))

    def scheduled(self, starts_in: timedelta, session_id: str = "s1") -> Proto:
        """The event that a class is scheduled."""
        data = sessions.SessionScheduled(
            session_id=session_id,
            run_id="r1",
            title="Waves",
            instructor_id="grace",
            room="Aula",
            join_url="https://meet.example/1",
        )
        data.start_time.FromDatetime(self.clock.now() + starts_in)
        data.end_time.FromDatetime(self.clock.now() + starts_in + HOUR)
        return data

    def moved(self, old_in: timedelta, new_in: timedelta, session_id: str = "s1") -> Proto:
        """The event that a class is moved."""
        data = sessions.SessionMoved(
            session_id=session_id,
            run_id="r1",
            title="Waves",
            old_room="Aula",
            new_room="Lab",
            reason="The ceiling leaks",
        )
        now = self.clock.now()
        data.old_start_time.FromDatetime(now + old_in)
        data.old_end_time.FromDatetime(now + old_in + HOUR)
        data.new_start_time.FromDatetime(now + new_in)
        data.new_end_time.FromDatetime(now + new_in + HOUR)
        return data

    def cancelled(self, starts_in: timedelta, session_id: str = "s1") -> Proto:
        """The event that a class is cancelled."""
        data = sessions.SessionCancelled(session_id=session_id, run_id="r1", title="Waves")
        data.start_time.FromDatetime(self.clock.now() + starts_in)
        data.end_time.FromDatetime(self.clock.now() + starts_in + HOUR)
        return data

    def assigned(self, learner: str, title: str = "Waves") -> progress.CatchUpAssigned:
        """The event that a learner has a catch-up, due in a week."""
        data = progress.CatchUpAssigned(
            catch_up_id=f"c-{learner}", learner_id=learner, title=title, item_ids=["item-1"]
        )
        data.due.FromDatetime(self.clock.now() + 168 * HOUR)
        return data

    def placed(self, learner: str) -> progress.CatchUpAssigned:
        """The event that a learner has a catch-up that is due a week later than usual."""
        data = self.assigned(learner)
        data.usual_due.CopyFrom(data.due)
        data.due.FromDatetime(self.clock.now() + 336 * HOUR)
        return data

    def unfit(self, learner: str) -> Proto:
        """The event that a learner has a catch-up, for which a week has no room."""
        data = self.assigned(learner)
        week = data.full_weeks.add()
        week.start.FromDatetime(self.clock.now())
        week.budget.FromSeconds(7_200)
        week.planned.FromSeconds(5_400)
        return data

    def changed(self, learner: str, catch_up_id: str = "") -> Proto:
        """The event that a learner's catch-up has another item, due in a week."""
        data = progress.CatchUpChanged(
            catch_up_id=catch_up_id or f"c-{learner}",
            learner_id=learner,
            title="Waves",
            item_ids=["item-2"],
            reason="was ill",
        )
        data.due.FromDatetime(self.clock.now() + 168 * HOUR)
        return data

    def extended(self, learner: str) -> Proto:
        """The event that a learner has a week more for an activity."""
        data = catalog.DueExtended(
            enrolment_id=f"r1-{learner}", run_id="r1", learner_id=learner, activity_id="essay"
        )
        data.until.FromDatetime(self.clock.now() + 168 * HOUR)
        return data

    def ended(self, cls: type[Proto], learner: str) -> Proto:
        """The event that a learner's catch-up was completed, missed or withdrawn."""
        return cls(catch_up_id=f"c-{learner}", learner_id=learner, title="Waves")

    # Preferences

    def choose(self, person_id: str, *categories: CategoryPreference, **more: Any) -> None:
        """Set a person's preferences."""
        wanted = SetPreferences(person_id, categories, **more)
        self.database.transact(lambda store: set_preferences(store, wanted))

    # Devices

    def telephone(self, person_id: str, number: str) -> None:
        """A person has confirmed a number."""
        now = self.clock.now()
        made = phone(RegisterDevice(person_id, phone_number=number), None, "", now)
        self._put(replace(made, confirmed_at=now))

    def browser(self, person_id: str, subscription: Mapping[str, str]) -> None:
        """A person has registered a browser."""
        push = PushEndpoint(**subscription)
        self._put(browser(RegisterDevice(person_id, push=push), push, self.clock.now()))

    def _put(self, device: Device) -> None:
        self.database.transact(lambda store: store.put_device(device))

    # Time

    def remind(self) -> None:
        """Let the timer for reminders run."""
        announcer.remind(self.database)

    def broadcast(self) -> None:
        """Run the timer of broadcasts, and let a worker notify the chunks."""
        announcer.broadcast(self.database, TEXTS, self.system)
        self.teller().run_due()

    def teller(self) -> Runner:
        """A worker's jobs that notify chunks of broadcasts."""
        return Runner(self.database, announcer.chunks(TEXTS), self.system)

    def runner(self, server: MailServer, attempts: int = 9) -> Runner:
        """One worker's sending of mail."""
        jobs = sender.mail(TEXTS, lambda: server, attempts, self.system)
        return Runner(self.database, jobs, self.system)

    def digests(self, server: MailServer, attempts: int = 9) -> Runner:
        """One worker's sending of digests."""
        jobs = sender.digests(TEXTS, lambda: server, attempts, self.system)
        return Runner(self.database, jobs, self.system)

    def release(self) -> None:
        """Let the timer for digests and quiet hours run."""
        announcer.release(self.database)

    def send(self, server: MailServer, attempts: int = 9) -> None:
        """Let a worker send what is due."""
        self.release()
        self.runner(server, attempts).run_due()
        self.digests(server, attempts).run_due()

    # What came of it

    def notified(self, kind: str = "") -> list[str]:
        """The people with a message in the inbox, one entry each; `kind`: part of its title."""
        rows = self.rows("messages", {"number": {"$gt": 0}})
        return sorted(row["person_id"] for row in rows if kind in row["title"])

    def deliveries(self, **wanted: Any) -> list[Delivery]:
        """Deliveries by their fields."""
        log, _ = self.database.reader().delivery_log("", "", _ALL)
        return [
            one for one in log if all(getattr(one, key) == value for key, value in wanted.items())
        ]

    def mails_in(self, state: DeliveryState) -> list[Delivery]:
        """Deliveries by e-mail in a state."""
        return self.deliveries(channel=Channel.EMAIL, state=state)

    def published(self) -> list[str]:
        """Types of the events in the outbox, without the prefix that they share."""
        rows = self.rows("outbox", {})
        return sorted(row["type"].removeprefix("tandem.notify.message.") for row in rows)

    def rows(self, collection: str, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Documents as they are."""
        return list(self.database.mongo[collection].find(query))


class Mailbox:
    """A mail server, and the mails of the people who are tests' own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder

    def server(self) -> MailServer:
        """The server."""
        return MailServer(self.url, SENDER, timeout=60)

    def mails(self, *people: str) -> list[EmailMessage]:
        """The mails to these people, in the order of their arrival."""
        addresses = {address_of(one) for one in people}
        return [one for one in read_mail(self._folder, *addresses) if str(one["To"]) in addresses]

    def raw(self) -> list[bytes]:
        """All mails as they were received, without the envelope."""
        return [
            path.read_bytes().split(b"\r\n", 2)[2] for path in sorted(self._folder.glob("*.eml"))
        ]


def address_of(person_id: str) -> str:
    """A person's address."""
    return f"{person_id}@example.com"


def person(person_id: str, language: str = "en", zone: str = "Europe/Dublin") -> Proto:
    """The event that a person is known."""
    return catalog.PersonUpserted(
        person_id=person_id,
        given_name=person_id.title(),
        email=address_of(person_id),
        language=language,
        zone=zone,
    )


def names(count: int, stem: str) -> Sequence[str]:
    """Ids of as many people."""
    return [f"{stem}{number:05d}" for number in range(count)]


def chunks(items: Iterable[str], size: int) -> Iterable[list[str]]:
    """Items in lists of up to `size`."""
    rest = list(items)
    return (rest[place : place + size] for place in range(0, len(rest), size))


def text_of(mail: EmailMessage) -> str:
    """A mail's text, encodings undone."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


_ALL = Page(100_000)
