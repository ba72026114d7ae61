"""The statements resource (xAPI 1.0.3, part 3, section 2.1; IEEE 9274.1.1, section 4.1.6.1)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from chassis.data.store import Database
from chassis.errors import DomainError, FieldViolation, NotFound, Unavailable, check
from chassis.ids import new_id
from services.progress.domain.xapi.activity_definitions import definitions_of, told_by
from services.progress.domain.xapi.completed import timestamp_text
from services.progress.domain.xapi.formats import canonical, ids
from services.progress.domain.xapi.queries import (
    Query,
    Single,
    may_read,
    query_of,
    restricted,
    rights_of,
    single_of,
)
from services.progress.domain.xapi.sending import sent_of, statements_in
from services.progress.domain.xapi.storing import StoreStatements, written
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.store_xapi import StoredStatement
from services.progress.xapi import more_tokens, statement_bodies
from services.progress.xapi.consistency import Consistency
from services.progress.xapi.exchange import XapiAnswer, XapiRequest
from services.progress.xapi.refusals import refusal
from services.progress.xapi.signatures import signature_violations
from services.progress.xapi.statement_storing import StatementStoring

JSON = "application/json"
THROUGH = "X-Experience-API-Consistent-Through"
MORE = "cursor"
"""The parameter of the IRLs that answers name for their next pages."""


class StatementsResource:
    """Answers the requests for statements."""

    def __init__(
        self, database: Database[ProgressStore], definitions: ActivityDefinitions, base: str
    ) -> None:
        """`definitions`: what the LRS learns of activities; `base`: its public URL."""
        self._database, self._definitions, self._base = database, definitions, base
        self._storing = StatementStoring(database, base)
        self._consistency = Consistency(database)
        self._methods: Mapping[str, Callable[[XapiRequest, datetime], XapiAnswer]] = {
            "GET": self._get,
            "PUT": self._put,
            "POST": self._post,
        }

    def __call__(self, request: XapiRequest) -> XapiAnswer:
        """Answer a request; a refusal tells until when answers are consistent, too."""
        through = self.through(request)
        try:
            return self.answer(request, through)
        except Unavailable:
            raise
        except DomainError as error:
            return refusal(error, {THROUGH: timestamp_text(through)})

    def through(self, request: XapiRequest) -> datetime:
        """Return until when the answer to a request is consistent (section 2.1.3). It is asked
        before the answer is made: so what the answer lacks was not stored until then.
        """
        is_query = request.method == "GET"
        return self._consistency.now() if is_query else self._consistency.lately()

    def answer(self, request: XapiRequest, through: datetime) -> XapiAnswer:
        """Answer a request.

        Raises Invalid, NotFound, PermissionDenied, and AlreadyExists if a statement has an id of
        another one that is stored.
        """
        answer = self._methods[request.method](request, through)
        return replace(answer, headers={**answer.headers, THROUGH: timestamp_text(through)})

    # Storing

    def _put(self, request: XapiRequest, _: datetime) -> XapiAnswer:
        id_ = request.parameters.get("statementId", "")
        check([] if id_ else [FieldViolation("statementId", "is missing", "the statement's UUID")])
        self._store(request, statement_bodies.read(request), id_)
        return XapiAnswer(204)

    def _post(self, request: XapiRequest, _: datetime) -> XapiAnswer:
        command = self._store(request, statement_bodies.read(request))
        return XapiAnswer(200, written([each.id for each in command.sent]), JSON)

    def _store(
        self, request: XapiRequest, body: statement_bodies.Body, id_: str | None = None
    ) -> StoreStatements:
        statements = statements_in(body.value, request.version, id_)
        data = {sha2: each.content for sha2, each in body.attachments.items()}
        sent = sent_of(statements, data, new_id)
        check(
            fault
            for each in statements
            for fault in signature_violations(each, data, request.version)
        )
        command = StoreStatements(request.client, request.version, sent, body.attachments)
        self._storing.store(command, len(request.body))
        self._definitions.learn(told_by(request.client, self._base, statements))
        return command

    # Reading

    def _get(self, request: XapiRequest, through: datetime) -> XapiAnswer:
        token = request.parameters.get(MORE)
        if token is None and (single := single_of(request.parameters)):
            return self._single(request, single)
        if token is None:
            query = query_of(request.parameters, request.version, self._base)
        else:
            query = more_tokens.read(token)
        return self._page(request, query, through)

    def _single(self, request: XapiRequest, single: Single) -> XapiAnswer:
        found = self._database.reader().stored_statement(single.id, self._base)
        rights = rights_of(request.client, self._base)
        if not found or found.is_voided != single.voided or not may_read(found.keys, rights):
            kind = "voided statement" if single.voided else "statement"
            raise NotFound(f"no {kind} that you may read has the id {single.id}")
        (raw,) = self._formatted([found], single.format, request)
        return self._answer(raw, [found], single.attachments)

    def _page(self, request: XapiRequest, query: Query, through: datetime) -> XapiAnswer:
        cut = restricted(query, rights_of(request.client, self._base))
        page, has_more = self._database.reader().statements_page(cut, self._base, through)
        texts = b",".join(self._formatted(page, query.format, request))
        more = self._more(replace(query, after=page[-1].cursor)) if has_more else ""
        raw = b'{"statements":[' + texts + b'],"more":' + written(more) + b"}"
        return self._answer(raw, page, query.attachments)

    def _formatted(
        self, page: Sequence[StoredStatement], format_: str, request: XapiRequest
    ) -> list[bytes]:
        """Return statements in the format that a query asks for."""
        if format_ == "exact":
            return [each.raw for each in page]
        statements = [json.loads(each.raw) for each in page]
        if format_ == "ids":
            return [written(ids(each)) for each in statements]
        languages = request.headers.get("accept-language", "")
        known = self._definitions.of({name for each in statements for name in definitions_of(each)})
        return [written(canonical(each, languages, known)) for each in statements]

    def _more(self, query: Query) -> str:
        path = urlsplit(self._base).path.rstrip("/")
        return f"{path}/statements?{MORE}={more_tokens.write(query)}"

    def _answer(
        self, raw: bytes, statements: Sequence[StoredStatement], attachments: bool
    ) -> XapiAnswer:
        stored = [each.stored.astimezone(UTC) for each in statements]
        headers = {"Last-Modified": format_datetime(max(stored), usegmt=True)} if stored else {}
        if not attachments:
            return XapiAnswer(200, raw, JSON, headers)
        hashes = dict.fromkeys(sha2 for each in statements for sha2 in each.attachments)
        data = self._database.reader().attachments(hashes)
        body, media_type = statement_bodies.with_attachments(raw, data)
        return XapiAnswer(200, body, media_type, headers)
