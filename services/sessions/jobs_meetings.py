"""Makes and ends online meetings, and the links of people; each step is a job (role `meetings`)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import groupby

import structlog

from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work
from services.sessions.domain.hosting import HOSTS, Meeting, Step
from services.sessions.domain.joining import PersonalLink, linked, refused
from services.sessions.domain.meetings import MeetingPlan, ProviderMeeting, ProviderRecording
from services.sessions.domain.session import Session
from services.sessions.domain.skew import skew as skew_of
from services.sessions.meeting_pool import MeetingPool
from services.sessions.providers.port import MeetingProvider, ProviderAway, ProviderRefused
from services.sessions.store import SessionsStore
from services.sessions.store_meetings import REGISTER
from services.sessions.usecases import joining, lookup
from services.sessions.usecases import meetings as use

_MAKERS = ((Step.MAKE, Step.PLACE),) * 4
_ENDERS = ((Step.END, Step.LOOK),) * 3
# Links that one job makes; Zoom takes 30 at once.
LINKS = 20

log = structlog.get_logger()


def hosting(pool: MeetingPool, per_server: int) -> Jobs[SessionsStore]:
    """Return the jobs that place, make and end meetings, and look for their recordings.

    `per_server`: calls to one server at once, so that a slow one leaves slots to the others.
    """

    @contextmanager
    def work(database: Database[SessionsStore]) -> Iterator[Work]:
        yield Hosting(database, pool).do

    lanes = {str(each): 1 for each in Step}
    return Jobs(
        "sessions.meetings", "meetings", lanes, (*_MAKERS, *_ENDERS), work, per_target=per_server
    )


def linking(pool: MeetingPool) -> Jobs[SessionsStore]:
    """Return the jobs that have providers make people's own links."""

    @contextmanager
    def work(database: Database[SessionsStore]) -> Iterator[Work]:
        yield partial(make_links, database, pool)

    slots = ((REGISTER,),) * 4
    lanes = {REGISTER: LINKS}
    return Jobs("sessions.meeting_links", "meeting_links", lanes, slots, work)


class Hosting:
    """Does the steps of meetings."""

    def __init__(self, database: Database[SessionsStore], pool: MeetingPool) -> None:
        self._database, self._pool = database, pool
        self._steps: dict[str, Callable[[str, str], None]] = {
            Step.PLACE: self._place,
            Step.MAKE: self._make,
            Step.END: self._end,
            Step.LOOK: self._look,
        }

    def do(self, batch: Batch) -> int:
        """Do the step of a batch's meeting; return how many are done for good. Raises Away."""
        (session_id,) = batch.ids
        try:
            self._steps[batch.lane](session_id, batch.claim)
        except use.PlanChanged:
            log.info("a meeting's plan has changed", session_id=session_id)
            return 0
        return 1

    def _place(self, session_id: str, claim: str) -> None:
        servers = self._pool.rooms()
        self._database.transact(lambda store: use.place(store, session_id, claim, servers))

    def _make(self, session_id: str, claim: str) -> None:
        store = self._database.reader()
        meeting, session = use.claimed(store, session_id, claim), lookup.session(store, session_id)
        provider = self._provider(meeting.server)
        try:
            found = provider.create(self._plan(meeting, session))
            reading = provider.read_clock(self._database.clock.now)
            skew = skew_of([reading] if reading else [])
        except ProviderAway as error:
            why = f"server {meeting.server} is away: {error}"
            self._database.transact(lambda store: use.note_away(store, session_id, claim, why))
            raise Away(why, meeting.server) from error
        except ProviderRefused as error:
            why = f"server {meeting.server} refused it: {error}"
            self._database.transact(lambda store: use.note_refused(store, session_id, claim, why))
            return
        self._database.transact(
            lambda store: use.finish_making(store, session_id, claim, found, skew)
        )

    def _end(self, session_id: str, claim: str) -> None:
        meeting = use.claimed(self._database.reader(), session_id, claim)
        if not self._database.transact(lambda store: use.is_to_end(store, session_id, claim)):
            return
        if made := meeting.former or meeting.made:
            with calling(made.server):
                self._provider(made.server).end(made.meeting)
        self._database.transact(lambda store: use.finish_ending(store, session_id, claim))

    def _look(self, session_id: str, claim: str) -> None:
        meeting = use.claimed(self._database.reader(), session_id, claim)
        told: dict[str, Sequence[ProviderRecording]] = {}
        for server, some in meeting.all_made_by_server.items():
            try:
                told[server] = self._recordings(server, some)
            except Away as error:
                if server == meeting.server:
                    raise
                log.warning("recordings of an earlier meeting can't be looked for", why=str(error))
        self._database.transact(lambda store: use.finish_looking(store, session_id, claim, told))

    def _recordings(
        self, server: str, meetings: Sequence[ProviderMeeting]
    ) -> Sequence[ProviderRecording]:
        with calling(server):
            provider = self._provider(server)
            return [found for each in meetings for found in provider.recordings(each)]

    def _provider(self, server: str) -> MeetingProvider:
        return provider_of(self._pool, server)

    def _plan(self, meeting: Meeting, session: Session) -> MeetingPlan:
        return MeetingPlan(
            session_id=session.id,
            title=session.title,
            start_time=session.start_time,
            duration=session.duration,
            most_participants=session.online_seats and session.online_seats + HOSTS,
            recorded=session.recorded,
            webhook_url=self._pool.webhook_url(meeting.server),
        )


def make_links(database: Database[SessionsStore], pool: MeetingPool, batch: Batch) -> int:
    """Have providers make the links of a batch; return how many are done for good. Raises Away."""
    found = database.reader().personal_links(batch.ids, batch.claim)
    by_session = groupby(sorted(found, key=_session_of), _session_of)
    return sum(_make_links(database, pool, id_, [*links]) for id_, links in by_session)


def _make_links(
    database: Database[SessionsStore],
    pool: MeetingPool,
    session_id: str,
    wanted: Sequence[PersonalLink],
) -> int:
    store = database.reader()
    meeting = store.meeting(session_id)
    if meeting is None or meeting.made is None:
        database.transact(lambda store: store.drop_links(session_id))
        return len(wanted)
    people = [joining.attendee_of(store, each.person_id, each.is_host) for each in wanted]
    try:
        with calling(meeting.made.server):
            links = provider_of(pool, meeting.made.server).register(meeting.made.meeting, people)
        made = {each.person_id: each for each in links}
        done = [linked(each, made[each.person_id], store.now) for each in wanted]
    except ProviderRefused as error:
        if len(wanted) > 1:  # one of them may be the cause: each is tried alone
            return sum(_make_links(database, pool, session_id, [each]) for each in wanted)
        done = [refused(each, str(error)) for each in wanted]
    database.transact(lambda store: store.put_links(done))
    return len(done)


def provider_of(pool: MeetingPool, server: str) -> MeetingProvider:
    """Return the provider of a server. Raises Away if the file has it no more."""
    provider = pool.provider(server)
    if provider is None:
        raise Away(f"server {server} is not in TANDEM_MEETINGS_FILE", server)
    return provider


@contextmanager
def calling(server: str) -> Iterator[None]:
    """Turn a server that is away into a hold on it."""
    try:
        yield
    except ProviderAway as error:
        raise Away(f"server {server} is away: {error}", server) from error


def _session_of(link: PersonalLink) -> str:
    return link.session_id
