"""Remembered requests, so that a repeated request is answered and not executed again."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from bson.binary import Binary
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from chassis.data.transactions import inserting
from chassis.errors import AlreadyExists, DomainError

Answer = Callable[[], bytes]
Outcome = bytes | DomainError
"""The answer to a request, or why it is refused."""
Answers = Callable[[Sequence[int]], Sequence[Outcome]]
"""Returns the outcomes of those of several requests that are at some places."""


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
        asked = Asked(scope, request_id, request)
        known = self._known(asked) if self._again else None
        return known if known is not None else self._answer(asked, answer)

    def idempotent_all(self, asked: Sequence["Asked"], answer: Answers) -> list[Outcome]:
        """Return the first outcome of each of several requests, whose keys differ; what has none is
        computed by `answer`. It is AlreadyExists where the id came with another request before.
        """
        known = self._all_known([each.key for each in asked if each.id])
        outcomes = {
            place: _first_outcome(each, known[each.key])
            for place, each in enumerate(asked)
            if each.key in known
        }
        new = [place for place in range(len(asked)) if place not in outcomes]
        outcomes |= zip(new, answer(new), strict=True)
        self._remember({asked[place]: outcomes[place] for place in new})
        return [outcomes[place] for place in range(len(asked))]

    def _answer(self, asked: "Asked", answer: Answer) -> bytes:
        try:
            given = answer()
        except DomainError:
            # The first execution may have changed the state so that the repeat is refused.
            known = self._known(asked)
            if known is None:
                raise
            return known
        with inserting():
            self._requests.insert_one(asked.document(given), session=self._session)
        return given

    def _known(self, asked: "Asked") -> bytes | None:
        known = self._requests.find_one({"_id": asked.key}, session=self._session)
        if known is None:
            return None
        return asked.first_answer(known)

    def _all_known(self, keys: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        if not keys:
            return {}
        # One more than can exist, or MongoDB keeps a cursor open.
        wanted = {"filter": {"_id": {"$in": [*keys]}}, "batch_size": len(keys) + 1}
        return {row["_id"]: row for row in self._requests.find(**wanted, session=self._session)}

    def _remember(self, outcomes: Mapping["Asked", Outcome]) -> None:
        given = [
            each.document(outcome)
            for each, outcome in outcomes.items()
            if each.id and isinstance(outcome, bytes)
        ]
        if given:
            with inserting():
                self._requests.insert_many(given, session=self._session)


class Asked:
    """A request by its key and its content, of which a digest of 32 bytes is stored."""

    def __init__(self, scope: str, id_: str, request: bytes) -> None:
        """`scope`: an RPC and its caller; `id_`: empty if the request has none."""
        self.key, self.id, self._digest = f"{scope}:{id_}", id_, sha256(request).digest()
        self._whole = request

    def document(self, given: bytes) -> dict[str, Any]:
        """Return what is stored of it, with its answer."""
        asked = {"_id": self.key, "request": Binary(self._digest), "answer": Binary(given)}
        return asked | {"at": datetime.now(UTC)}  # MongoDB removes old rows by the system's clock

    def first_answer(self, known: Mapping[str, Any]) -> bytes:
        """Return the answer in a stored request; an older version stored its whole content. Raises
        AlreadyExists if that is another request.
        """
        if bytes(known["request"]) not in (self._digest, self._whole):
            raise AlreadyExists(f"request_id {self.id!r} was used for another request")
        return bytes(known["answer"])


def _first_outcome(asked: Asked, known: Mapping[str, Any]) -> Outcome:
    try:
        return asked.first_answer(known)
    except AlreadyExists as error:
        return error
