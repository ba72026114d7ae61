"""The fetch URL of cmi5 (section 8.2): who has its key gets the session's credential, once."""

import json

from chassis.data.store import Database
from chassis.edge.http.endpoints import Endpoint, EndpointAnswer, EndpointRequest
from chassis.errors import Invalid, NotFound
from services.progress.store import ProgressStore
from services.progress.usecases import cmi5
from services.progress.xapi.requests import pairs_of

LARGEST_BODY = 4_096
"""Bytes; the body is not looked into."""
USED = {
    "error-code": "1",
    "error-text": "The authorization token has already been returned, or the session has ended.",
}
UNKNOWN = {"error-code": "2", "error-text": "There is no launch with this key."}
"""Section 8.2.3.2."""


def fetch_endpoint(database: Database[ProgressStore], path: str) -> Endpoint:
    """Return the endpoint. Anyone may call it: the key, of 256 random bits, is the credential; it
    is looked up by an index.
    """

    def answer(request: EndpointRequest) -> EndpointAnswer:
        # Errors are answered with 200, too (section 8.2.2).
        body = json.dumps(_answer(database, request.query)).encode()
        return EndpointAnswer(200, body, "application/json", {"cache-control": "no-store"})

    return Endpoint(path, ("POST",), answer, is_public=True, largest_body=LARGEST_BODY)


def _answer(database: Database[ProgressStore], query: str) -> dict[str, str]:
    key = _key(query)
    if not key:
        return UNKNOWN
    try:
        token = database.transact(lambda store: cmi5.fetch(store, key))
    except NotFound:
        return UNKNOWN
    return USED if token is None else {"auth-token": token}


def _key(query: str) -> str:
    try:
        return dict(pairs_of(query)).get("k", "")
    except Invalid:
        return ""
