"""Remembered requests, so that a repeated request is answered and not executed again."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bson.binary import Binary
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from chassis.data.transactions import inserting
from chassis.errors import AlreadyExists, DomainError

Answer = Callable[[], bytes]


class Remembered:
    """The requests that a service remembers, as one unit of work sees them."""

    def __init__(
        self, requests: Collection[dict[str, Any]], session: ClientSession | None, again: bool
    ) -> None:
        """`again`: whether the unit of work had a conflict before, maybe with the same request."""
        self._requests, self._session, self._again = requests, session, again

    def idempotent(self, scope: str, request_id: str, request: bytes, answer: Answer) -> bytes:
        """Return the first answer to `request_id` in `scope`, or compute it by `answer`.

        The first attempt does not look for an earlier answer: nearly all requests are new, and the
        insertion at its end fails for the others. The second attempt looks.
        Raises AlreadyExists if the id came with another request before.
        """
        asked = _Asked(f"{scope}:{request_id}", request_id, request)
        known = self._known(asked) if self._again else None
        return known if known is not None else self._answer(asked, answer)

    def _answer(self, asked: "_Asked", answer: Answer) -> bytes:
        try:
            given = answer()
        except DomainError:
            # The first execution may have changed the state so that the repeat is refused.
            known = self._known(asked)
            if known is None:
                raise
            return known
        document = {"_id": asked.key, "request": Binary(asked.digest), "answer": Binary(given)}
        with inserting():
            now = datetime.now(UTC)  # MongoDB removes old rows by the system's clock
            self._requests.insert_one({**document, "at": now}, session=self._session)
        return given

    def _known(self, asked: "_Asked") -> bytes | None:
        known = self._requests.find_one({"_id": asked.key}, session=self._session)
        if known is None:
            return None
        if not asked.is_of(bytes(known["request"])):
            raise AlreadyExists(f"request_id {asked.id!r} was used for another request")
        return bytes(known["answer"])


class _Asked:
    """A request by its key and its content, of which a digest of 32 bytes is stored."""

    def __init__(self, key: str, id_: str, request: bytes) -> None:
        self.key, self.id, self.digest = key, id_, sha256(request).digest()
        self._whole = request

    def is_of(self, kept: bytes) -> bool:
        """Return whether this is the stored request; an older version stored the whole content."""
        return kept in (self.digest, self._whole)
