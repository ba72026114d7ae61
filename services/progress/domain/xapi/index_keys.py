"""The index keys of a statement: what queries and rights find it by.

A key is 16 bytes: a tag that says what it is about, and a digest. So one index serves every filter,
its entries have one small size whatever the IRIs, and it holds no address of a person. IRIs of ours
are digested without the LRS's own URL, so what came by RecordStatements needs no URL to be stored.
"""

from collections.abc import Collection, Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from services.progress.domain.xapi import identities, places

LENGTH = 16
KEPT, LONGEST_KEPT = 10_000, 200
"""How many digests a process keeps, and of how long values: most verbs, activities and people come
again and again.
"""
OWN = "~"
"""Stands for the LRS's own URL in what is digested; it is no IRI, so nobody else's begins so."""


class Tag(IntEnum):
    """What a key is about."""

    AGENT = 1
    RELATED_AGENT = 2
    VERB = 3
    ACTIVITY = 4
    RELATED_ACTIVITY = 5
    REGISTRATION = 6
    # The keys above are of filters, those below of rights.
    ALL = 64
    """Each statement has it."""
    PERSON = 65
    """The actor, who is a person of ours."""
    RUN = 66
    AUTHORITY = 67


_FILTERS = frozenset(tag for tag in Tag if tag < Tag.ALL)


def key(tag: Tag, value: str = "") -> bytes:
    """Return the key of a value."""
    return _kept_key(tag, value) if len(value) <= LONGEST_KEPT else _key(tag, value)


def _key(tag: Tag, value: str) -> bytes:
    digest = blake2b(value.encode(errors="replace"), digest_size=LENGTH - 1).digest()
    return tag.to_bytes() + digest


_kept_key = lru_cache(KEPT)(_key)


def agent_key(tag: Tag, agent: Mapping[str, Any], base: str) -> bytes:
    """Return the key of an agent or an identified group."""
    return key(tag, _relative_agent(identities.agent_key(agent), base))


def activity_key(tag: Tag, iri: str, base: str) -> bytes:
    """Return the key of an activity."""
    return key(tag, _relative(iri, base))


def keys_of(statement: Mapping[str, Any], base: str) -> list[bytes]:
    """Return the keys of a statement as the server completed it."""
    return [*_filters(statement, base), *_rights(statement, base)]


def filters_among(keys: Collection[bytes]) -> set[bytes]:
    """Return the keys of filters, without those of rights."""
    return {each for each in keys if each[0] in _FILTERS}


def _filters(statement: Mapping[str, Any], base: str) -> list[bytes]:
    found = [key(Tag.VERB, identities.verb_of(statement))]
    agents = identities.agents_in(statement)
    more = identities.related_agents_in(statement) - agents
    for tag, texts in ((Tag.AGENT, agents), (Tag.RELATED_AGENT, more)):
        found += [key(tag, _relative_agent(each, base)) for each in texts]
    iris = identities.activities_in(statement)
    related = identities.related_activities_in(statement) - iris
    for tag, texts in ((Tag.ACTIVITY, iris), (Tag.RELATED_ACTIVITY, related)):
        found += [activity_key(tag, each, base) for each in texts]
    if registration := identities.registration_of(statement):
        found.append(key(Tag.REGISTRATION, registration))
    return found


def _rights(statement: Mapping[str, Any], base: str) -> Iterator[bytes]:
    yield key(Tag.ALL)
    yield key(Tag.AUTHORITY, _relative_agent(identities.agent_key(statement["authority"]), base))
    if person := places.person_of(statement["actor"], base):
        yield key(Tag.PERSON, person)
    if run_id := places.run_of(statement, base):
        yield key(Tag.RUN, run_id)


def _relative(iri: str, base: str) -> str:
    return OWN + iri[len(base) :] if iri.startswith(base) else iri


def _relative_agent(text: str, base: str) -> str:
    return text.replace(base, OWN)
