"""Joining online classes: links of one's own, the page /join, and what meeting providers tell."""

import html
import json
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from chassis.capabilities import CapabilityUrls
from chassis.context.principal import Principal
from chassis.data.store import Database
from chassis.edge.http.pages import Page, PageAnswer, PageRequest
from chassis.errors import NotFound, PermissionDenied, Unavailable
from services.sessions import metrics, rights
from services.sessions.domain.hosting import Meeting
from services.sessions.domain.joining import Ticket, ticket_for, ticket_of, ticket_text
from services.sessions.domain.meetings import Attendee, JoinLink
from services.sessions.domain.session import Session
from services.sessions.meeting_pool import MeetingPool
from services.sessions.providers.port import BadWebhook, Delivery, MeetingProvider, Received
from services.sessions.rights import Viewer
from services.sessions.store import SessionsStore
from services.sessions.usecases import lookup
from services.sessions.usecases.joining import NotReady, check_joinable, join
from services.sessions.usecases.meeting_news import take_events

PATH, WEBHOOK_PATH = "join", "/meetings/{server}/webhook"
LARGEST_WEBHOOK = 256 * 1024
AGAIN = 3
"""Seconds after which the page of a room that is being made looks again."""
# Nothing on the way keeps a link that is for one person, or tells the provider where it came from.
PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
WAITING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="{again}">
<title>{title}</title><h1>{title}</h1><p>{why} This page looks again by itself.</p></html>
"""

log = structlog.get_logger()


def join_urls(base: str, key: str) -> CapabilityUrls:
    """Return the URLs by which people join."""
    return CapabilityUrls(base, key, PATH)


@dataclass(frozen=True, slots=True)
class OwnLink:
    """The link by which one person joins one session."""

    url: str
    expires_at: datetime | None = None
    """None: nobody knows; it is the provider's own."""


class Doors:
    """Lets people into online classes. `urls`: of the page /join; None: there are no pages."""

    def __init__(
        self,
        database: Database[SessionsStore],
        pool: MeetingPool,
        urls: CapabilityUrls | None = None,
    ) -> None:
        self._database, self._pool, self._urls = database, pool, urls

    @property
    def hosts(self) -> bool:
        """Return whether there are meeting servers."""
        return bool(self._pool)

    def pages(self) -> list[Page]:
        """Return the pages: /join, if it has URLs, and that of webhooks."""
        join_page = [Page(f"/{PATH}/{{token}}", self.open)] if self._urls else []
        return [*join_page, Page(WEBHOOK_PATH, self.hear, largest_body=LARGEST_WEBHOOK)]

    def link_for(self, session_id: str, person_id: str) -> OwnLink:
        """Return a person's link into a session: of our page, which opens the provider's room at
        that moment, or else the provider's own.

        Raises NotFound, PermissionDenied, FailedPrecondition, and Unavailable while there is none.
        """
        if self._urls is None:
            return OwnLink(_url(self._enter(session_id, person_id)))
        store = self._database.reader()
        session = lookup.session(store, session_id)
        _rights(store, session, person_id)
        check_joinable(session)
        ticket = ticket_for(session, person_id, store.now)
        return OwnLink(self._urls.url_of(ticket_text(ticket)), ticket.until)

    def open(self, request: PageRequest) -> PageAnswer:
        """Send the person of a link into the room; answer 503 while there is none.

        Raises NotFound for a link that is not ours or has expired, PermissionDenied, and
        FailedPrecondition.
        """
        ticket = self._ticket(request.parameters["token"])
        found = self._enter(ticket.session_id, ticket.person_id)
        if isinstance(found, NotReady):
            return _waiting(found)
        return PageAnswer(b"", "", 303, {**PRIVATE, "location": found})

    def hear(self, request: PageRequest) -> PageAnswer:
        """Take what a server tells. Raises NotFound for an unknown server."""
        server = request.parameters["server"]
        provider = self._pool.provider(server)
        if provider is None:
            raise NotFound("no such meeting server")
        received = self._received(server, provider, request)
        if received is None:
            metrics.WEBHOOKS.labels("refused").inc()
            return PageAnswer(b"", "", 401)
        unknown = self._database.transact(lambda store: take_events(store, server, received.events))
        metrics.WEBHOOKS.labels("unknown" if unknown else "taken").inc()
        # 200 for unknown meetings, too: other systems may use the server, and BigBlueButton forgets
        # a hook that refuses.
        body = b"" if received.answer is None else json.dumps(dict(received.answer)).encode()
        return PageAnswer(body, "application/json" if body else "")

    def _ticket(self, token: str) -> Ticket:
        ours = self._urls.id_of(token) if self._urls else None
        ticket = ticket_of(ours) if ours else None
        if ticket is None or ticket.until <= self._database.clock.now():
            raise NotFound("this link is unknown, or has expired: ask for a new one")
        return ticket

    def _enter(self, session_id: str, person_id: str) -> str | NotReady:
        """Return the URL by which a person joins now. Raises as `link_for`."""
        return self._database.transact(partial(self._joined, session_id, person_id))

    def _joined(self, session_id: str, person_id: str, store: SessionsStore) -> str | NotReady:
        session = lookup.session(store, session_id)
        is_host = _rights(store, session, person_id).shows_code(session)
        return join(store, session, person_id, is_host, self._ready)

    def _ready(self, meeting: Meeting, attendee: Attendee) -> JoinLink | None:
        made = meeting.made
        provider = self._pool.provider(made.server) if made else None
        return provider.join_link(made.meeting, attendee) if made and provider else None

    def _received(
        self, server: str, provider: MeetingProvider, request: PageRequest
    ) -> Received | None:
        """Return what a delivery tells; None if the provider did not send it."""
        url = self._pool.webhook_url(server) + (f"?{request.query}" if request.query else "")
        delivery = Delivery(url, request.headers, request.body)
        try:
            return provider.read_webhook(delivery, self._database.clock.now())
        except BadWebhook as error:
            log.warning("a delivery to a webhook is refused", server=server, why=str(error)[:300])
            return None


def _rights(store: SessionsStore, session: Session, person_id: str) -> Viewer:
    """Return what a person is to a session. Raises PermissionDenied unless the person may join."""
    viewer = rights.viewer(store, Principal(person_id, frozenset()), [session])
    if not viewer.joins(session):
        raise PermissionDenied("only learners with a place in the run, and its staff, may join")
    return viewer


def _url(found: str | NotReady) -> str:
    if isinstance(found, NotReady):
        raise Unavailable(found.why)
    return found


def _waiting(found: NotReady) -> PageAnswer:
    title = "One moment, please"
    body = WAITING.format(again=AGAIN, title=title, why=html.escape(found.why))
    headers = {**PRIVATE, "retry-after": str(AGAIN)}
    return PageAnswer(body.encode(), "text/html; charset=utf-8", 503, headers)
