"""The keys of people with which the archive is sealed, in a collection of the library's database.

A document is `{_id: <person>, key: <32 bytes>, made_at}`. An erasure takes the key out and leaves
the document, so that no new key is made for a person who is forgotten (docs/privacy.md).
"""

import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern

from chassis.archive.sealing import PERSON_KEY, Keys
from chassis.data.migrations import Mongo
from chassis.data.transactions import DUPLICATE_KEY, MAJORITY

COLLECTION = "archive_keys"
SOME = 1_000


class Keyring(Protocol):
    """Where the keys are."""

    def make(self, people: Iterable[str]) -> Keys:
        """Return the keys of people; make those that are missing. Archivers that make one at once
        get the same.
        """

    def find(self, people: Iterable[str]) -> Keys:
        """Return the keys of those people that have one, or had one (None)."""


class KeyStore:
    """The keys in a database. Methods raise pymongo.errors.PyMongoError."""

    def __init__(self, mongo: Mongo) -> None:
        # A key that a majority does not have could be lost, and everything sealed with it.
        self._rows = mongo[COLLECTION].with_options(
            write_concern=MAJORITY, read_concern=ReadConcern("majority")
        )

    def make(self, people: Iterable[str]) -> Keys:
        """Return the keys of people; make those that are missing (see `Keyring`)."""
        wanted = set(people)
        found = self.find(wanted)
        missing = sorted(wanted - found.keys())
        if not missing:
            return found
        now = datetime.now(UTC)
        try:
            self._rows.insert_many(
                [
                    {"_id": each, "key": secrets.token_bytes(PERSON_KEY), "made_at": now}
                    for each in missing
                ],
                ordered=False,
            )
        except BulkWriteError as error:
            if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                raise
        keys = {**found, **self.find(missing)}
        if lacking := wanted - keys.keys():
            # Not the same as thrown away: what is personal would be lost for good.
            raise PyMongoError(f"{len(lacking)} keys were made, and are not there")
        return keys

    def find(self, people: Iterable[str]) -> Keys:
        """Return the keys of people (see `Keyring`)."""
        return {row["_id"]: row.get("key") for row in self._found(sorted(set(people)))}

    def _found(self, people: list[str]) -> Iterator[dict[str, Any]]:
        for place in range(0, len(people), SOME):
            yield from self._rows.find({"_id": {"$in": people[place : place + SOME]}})
