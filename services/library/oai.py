"""The page /oai: OAI-PMH 2.0 (docs/decisions/0031)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from chassis.clock import SystemClock
from chassis.data.store import Database
from chassis.edge.http.pages import Page, PageAnswer, PageRequest
from services.library import oai_queries, oai_xml
from services.library.domain import oai
from services.library.domain.oai import Refused, Request
from services.library.oai_queries import Record
from services.library.store import LibraryStore

PATH = "/oai"
_system = SystemClock()


@dataclass(frozen=True, slots=True)
class Repository:
    """What harvesters are told of the repository. `url`: /oai as they reach it."""

    url: str
    name: str
    admin_email: str

    @property
    def namespace(self) -> str:
        """Return the namespace of its identifiers: the host of its URL."""
        return urlsplit(self.url).hostname or ""


class OaiPmh:
    """Answers requests of harvesters.

    `now`: the system's clock, by which items have the times of their changes.
    """

    def __init__(
        self,
        database: Database[LibraryStore],
        repository: Repository,
        now: Callable[[], datetime] = _system.now,
    ) -> None:
        self._database, self._repository, self._now = database, repository, now
        self._namespace = repository.namespace

    def page(self) -> Page:
        """Return the page."""
        return Page(PATH, self.answer, takes_form=True)

    def answer(self, request: PageRequest) -> PageAnswer:
        """Return the answer to a request; it is 200 also for errors of OAI-PMH (section 3.6)."""
        now, arguments = self._now(), {}
        try:
            verb = oai.check_verb(request.arguments)
            asked = oai.read_request(verb, request.arguments)
            content = [oai_xml.verb(verb, self._content(asked, now))]
            arguments = {"verb": verb, **asked.arguments}
        except Refused as refused:
            content = [oai_xml.error(fault) for fault in refused.faults]
            if refused.has_legal_arguments:
                arguments = dict(request.arguments)
        body = oai_xml.response(self._repository.url, now, arguments, content)
        return PageAnswer(body, "text/xml")

    def _content(self, asked: Request, now: datetime) -> list[Element]:
        """Return what is in the element of the verb. Raises Refused."""
        match asked.verb:
            case "Identify":
                return self._identify(now)
            case "ListMetadataFormats":
                return self._formats(asked)
            case "ListSets":
                return list(_sets())
            case "GetRecord":
                return [oai_xml.record(self._record(asked), self._namespace)]
            case _:
                return list(self._list(asked, now))

    def _identify(self, now: datetime) -> list[Element]:
        earliest = self._database.transact(oai_queries.earliest) or now
        told = self._repository
        return list(
            oai_xml.identify(
                told.url, told.name, told.admin_email, self._namespace, min(earliest, now)
            )
        )

    def _formats(self, asked: Request) -> list[Element]:
        if "identifier" in asked.arguments:
            self._record(asked)
        return [oai_xml.metadata_format()]

    def _record(self, asked: Request) -> Record:
        """Return the record that a request names. Raises Refused with idDoesNotExist."""
        name = asked.arguments["identifier"]
        item_id = oai.item_id_of(self._namespace, name)
        found = self._database.transact(lambda store: oai_queries.record(store, item_id))
        if found is None:
            raise oai.no_such_item(name)
        return found

    def _list(self, asked: Request, now: datetime) -> Iterator[Element]:
        whole, is_resumed = asked.verb == "ListRecords", asked.selection.start is not None
        records, start = self._database.transact(
            lambda store: oai_queries.page(store, asked.selection, now, whole=whole)
        )
        if not records:
            raise oai.bad_token() if is_resumed else oai.no_records()
        for each in records:
            if whole:
                yield oai_xml.record(each, self._namespace)
            else:
                yield oai_xml.header(each.header, self._namespace)
        if start or is_resumed:
            yield oai_xml.resumption_token(oai.token(asked, start) if start else "")


def _sets() -> Iterator[Element]:
    for spec, kind in oai.SETS.items():
        name = f"Items of the kind {kind.lower()}" if kind else "Items by their kind"
        yield oai_xml.a_set(spec, name)
