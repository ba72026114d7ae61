"""Documents of the LRS: store, merge, delete. Each names the owner before it reads, so that two
writers of one process take turns; those of two processes conflict, and one starts again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.progress.domain.xapi.documents import (
    Content,
    Context,
    DocumentKey,
    Limits,
    Room,
    change,
    check_json,
    check_put,
    check_room,
    listing,
    merged,
)
from services.progress.domain.xapi.etags import Preconditions, etag_of
from services.progress.domain.xapi.versions import Version
from services.progress.ports_documents import DocumentStore, Listed


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a request changes documents."""

    version: Version
    conditions: Preconditions
    limits: Limits


def put(store: DocumentStore, key: DocumentKey, content: Content, terms: Terms) -> None:
    """Store a document, or replace it.

    Raises PreconditionFailed; AlreadyExists if one is there, and a precondition is lacking; Invalid
    if it is no JSON, though its type says so; TooLarge.
    """
    check_json(content)
    before = _present(store, key)
    check_put(before, terms.conditions, key.context.kind, terms.version)
    _store(store, key, before, content, terms.limits)


def post(store: DocumentStore, key: DocumentKey, content: Content, terms: Terms) -> None:
    """Merge a JSON object into a document; if there is none, store it.

    Raises PreconditionFailed, Invalid, TooLarge.
    """
    check_json(content)
    before = _present(store, key)
    terms.conditions.check(before.etag if before else None)
    after = merged(before, content) if before else content
    _store(store, key, before, after, terms.limits)


def delete(store: DocumentStore, key: DocumentKey, conditions: Preconditions) -> None:
    """Delete a document, if there is one. Raises PreconditionFailed."""
    before = _present(store, key)
    conditions.check(before.etag if before else None)
    if before:
        store.remove_documents([key])
        store.take_room(key.context.owner, change(before, None))


def delete_all(
    store: DocumentStore,
    context: Context,
    conditions: Preconditions,
    since: datetime | None = None,
) -> None:
    """Delete the documents of a context; with `since`, those that were changed after it.

    Preconditions are of their list, as GET returns it. Raises PreconditionFailed.
    """
    _lock(store, context)
    found = store.documents(context, since)
    conditions.check(etag_of(listing(each.key.id for each in found)))
    if found:
        store.remove_documents([each.key for each in found])
        store.take_room(context.owner, _freed(found))


def _lock(store: DocumentStore, context: Context) -> None:
    store.contends_for("documents", " ".join(context.owner))


def _present(store: DocumentStore, key: DocumentKey) -> Content | None:
    _lock(store, key.context)
    found = store.document(key)
    return found.content if found else None


def _store(
    store: DocumentStore, key: DocumentKey, before: Content | None, after: Content, limits: Limits
) -> None:
    owner, more = key.context.owner, change(before, after)
    check_room(after, more, store.room_taken(owner), limits)
    store.put_document(key, after, new=before is None)
    store.take_room(owner, more)


def _freed(found: Sequence[Listed]) -> Room:
    return Room(-len(found), -sum(each.size for each in found))
