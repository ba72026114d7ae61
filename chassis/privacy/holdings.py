"""Holdings: the kinds of records of a person that a service has, and what an erasure does to
them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chassis.data.migrations import Mongo

TAKEN_OUT = "—"
"""Stands where a text was that may not be empty."""

Document = dict[str, Any]
Query = Callable[[Mongo, str], Document]
"""Returns the query for a person's documents; it may look into the database for it."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """An erasure deletes the documents."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """An erasure sets fields to other values, such as "", and takes others away."""

    fields: Mapping[str, Any]
    without: tuple[str, ...] = ()

    def update(self) -> Document:
        """Return it as an update of MongoDB."""
        update = {"$set": dict(self.fields), "$unset": dict.fromkeys(self.without, "")}
        return {operator: change for operator, change in update.items() if change}


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An erasure changes a part of the documents: `change` returns new values of fields for a
    document and the person's id; none if nothing is to be changed.
    """

    change: Callable[[Document, str], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Kept:
    """An erasure keeps the documents, which name the person by id only."""

    why: str


Disposal = Deleted | Emptied | Rewritten | Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One kind of record."""

    kind: str
    """Its name; it has no dot."""
    collection: str
    what: str
    """What it is, for people."""
    query: Query
    disposal: Disposal
    told: bool = True
    """Whether an export has it; another kind may tell the same documents."""
    shown: Mapping[str, Any] | None = None
    """The projection of what an export tells; None: the whole documents."""


def of(*fields: str) -> Query:
    """Return the query for documents that have the person's id in one of these fields."""
    if len(fields) == 1:
        return lambda _, person_id: {fields[0]: person_id}
    return lambda _, person_id: {"$or": [{field: person_id} for field in fields]}


def under(prefix: str) -> Query:
    """Return the query for the document whose id is a prefix and the person's id."""
    return lambda _, person_id: {"_id": f"{prefix}{person_id}"}


def ending() -> Query:
    """Return the query for documents whose ids are an id of ours, a colon and the person's id,
    which may have colons too.
    """
    return lambda _, person_id: {"_id": {"$regex": f"^[^:]*:{re.escape(person_id)}$"}}


def with_text(field: str, *people: str) -> Query:
    """Return the query for documents of the person (by these fields) in which a text is not
    empty.
    """
    found = of(*people)
    return lambda mongo, person_id: {**found(mongo, person_id), field: {"$gt": ""}}
