"""The document resources of the LRS: State, Agent Profile, Activity Profile (xAPI 1.0.3, part 3,
sections 2.2, 2.3, 2.6, 2.7 and 3.1; IEEE 9274.1.1, sections 4.1.4 and 4.1.6).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from chassis.data.store import Database
from chassis.edge.http.problems import plain_problem
from chassis.errors import NotFound
from services.progress import metrics
from services.progress.domain.cmi5 import reach
from services.progress.domain.xapi import document_parameters
from services.progress.domain.xapi.document_parameters import Asked
from services.progress.domain.xapi.document_rights import check_reach
from services.progress.domain.xapi.documents import (
    JSON,
    LIMITS,
    Content,
    Kind,
    Limits,
    TooLarge,
    listing,
)
from services.progress.domain.xapi.etags import PreconditionFailed, Preconditions
from services.progress.store import ProgressStore
from services.progress.usecases import xapi_documents as usecases
from services.progress.usecases.xapi_documents import Terms
from services.progress.xapi.exchange import XapiAnswer, XapiRequest

DONE = XapiAnswer(204)
# What a content is that came without a type (RFC 9110, section 8.3).
BYTES = "application/octet-stream"
# A document may be a page of HTML: no browser runs its scripts, or guesses that it is one.
_INERT = {"content-security-policy": "sandbox", "x-content-type-options": "nosniff"}


@dataclass(frozen=True)
class DocumentResource:
    """Answers the requests for the documents of one kind."""

    database: Database[ProgressStore]
    base: str
    """The public URL of the LRS (see domain/xapi/document_rights.py)."""
    kind: Kind
    limits: Limits = LIMITS

    def __call__(self, request: XapiRequest) -> XapiAnswer:
        """Return the answer. Raises Invalid, NotFound, PermissionDenied, AlreadyExists."""
        asked = document_parameters.asked(
            self.kind, request.method, request.parameters, request.version
        )
        self._check_reach(request, asked)
        return refusing(lambda: _METHODS[request.method](self, request, asked))

    def _check_reach(self, request: XapiRequest, asked: Asked) -> None:
        launch, writes = request.client.launch, request.method != "GET"
        if launch is not None:
            reach.check_reach(launch, self.base, asked.context, asked.id, writes=writes)
        else:
            check_reach(request.client, self.base, asked.context)

    def get(self, request: XapiRequest, asked: Asked) -> XapiAnswer:
        """Return a document, or the ids of all documents of the context."""
        store = self.database.reader()
        if not asked.id:
            found = store.documents(asked.context, asked.since)
            updated = max((each.updated for each in found), default=None)
            ids = listing(each.key.id for each in found)
            return content_answer(request, Content(ids, JSON), updated)
        document = store.document(asked.key)
        if document is None:
            raise NotFound("there is no such document")
        return content_answer(request, document.content, document.updated)

    def put(self, request: XapiRequest, asked: Asked) -> XapiAnswer:
        """Store a document."""
        content, terms = _content(request), self._terms(request)
        self.database.transact(lambda store: usecases.put(store, asked.key, content, terms))
        return DONE

    def post(self, request: XapiRequest, asked: Asked) -> XapiAnswer:
        """Merge into a document."""
        content, terms = _content(request), self._terms(request)
        self.database.transact(lambda store: usecases.post(store, asked.key, content, terms))
        return DONE

    def delete(self, request: XapiRequest, asked: Asked) -> XapiAnswer:
        """Delete a document, or all documents of the context."""
        conditions = preconditions(request)
        if asked.id:
            self.database.transact(lambda store: usecases.delete(store, asked.key, conditions))
        else:
            self.database.transact(
                lambda store: usecases.delete_all(store, asked.context, conditions, asked.since)
            )
        return DONE

    def _terms(self, request: XapiRequest) -> Terms:
        return Terms(request.version, preconditions(request), self.limits)


_METHODS: Mapping[str, Callable[[DocumentResource, XapiRequest, Asked], XapiAnswer]] = {
    "GET": DocumentResource.get,
    "PUT": DocumentResource.put,
    "POST": DocumentResource.post,
    "DELETE": DocumentResource.delete,
}


def refusing(answer: Callable[[], XapiAnswer]) -> XapiAnswer:
    """Return an answer, or the one to a request that is refused for a precondition or a size."""
    try:
        return answer()
    except PreconditionFailed as error:
        return _refused(412, "precondition", error)
    except TooLarge as error:
        return _refused(413, "too_large", error)


def preconditions(request: XapiRequest) -> Preconditions:
    """Return the preconditions of a request."""
    headers = request.headers
    return Preconditions(headers.get("if-match", ""), headers.get("if-none-match", ""))


def content_answer(
    request: XapiRequest, content: Content, updated: datetime | None = None
) -> XapiAnswer:
    """Return the answer to a GET, with the content's ETag and when it was changed; 304 if the
    caller has it already, 412 if it asks for another one.
    """
    conditions = preconditions(request)
    headers = {"etag": content.etag, **_INERT}
    if updated:
        headers["last-modified"] = format_datetime(updated.astimezone(UTC), usegmt=True)
    if conditions.is_current(content.etag):
        return XapiAnswer(304, headers=headers)
    conditions.check(content.etag)
    return XapiAnswer(200, content.body, content.media_type or BYTES, headers)


def _content(request: XapiRequest) -> Content:
    return Content(request.body, request.content_type)


def _refused(status: int, reason: str, error: Exception) -> XapiAnswer:
    """Return the problem (RFC 9457) of a status that no error of other domains has."""
    metrics.DOCUMENTS_REFUSED.labels(reason).inc()
    body = bytes(plain_problem(status, {"detail": str(error)}, {}).body)
    return XapiAnswer(status, body, "application/problem+json")
