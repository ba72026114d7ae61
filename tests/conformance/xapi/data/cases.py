"""Cases of conformance: a statement, and whether an LRS must take it, by the number of its
requirement.

Numbers such as XAPI-00038 are those of ADL's conformance requirements for 1.0.3, which hold for
2.0.0 too where nothing else is said; numbers such as IEEE-4.2.2.5 are sections of IEEE 9274.1.1.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from services.progress.domain.xapi.versions import Version

Json = Any
Path = tuple[str | int, ...]
V1, V2 = Version.V1_0_3, Version.V2_0_0
BOTH = (V1, V2)
GONE = object()
"""In place of a value: the property is not there."""

UUID = "39e24cc4-69af-4b01-a824-1fdc6ea8a3af"
AGENT: Json = {"objectType": "Agent", "name": "Ana", "mbox": "mailto:ana@uni.example"}
GROUP: Json = {
    "objectType": "Group",
    "name": "Team",
    "member": [AGENT, {"account": {"homePage": "https://uni.example", "name": "p-2"}}],
}
VERB: Json = {"id": "http://adlnet.gov/expapi/verbs/answered", "display": {"en-US": "answered"}}
LEAST: Json = {"actor": AGENT, "verb": VERB, "object": {"id": "https://uni.example/a/1"}}
ATTACHMENT: Json = {
    "usageType": "https://uni.example/usage",
    "display": {"en-US": "Notes"},
    "description": {"en-US": "Notes of a class"},
    "contentType": "text/plain; charset=ascii",
    "length": 27,
    "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
    "fileUrl": "https://uni.example/notes.txt",
}
DEFINITION: Json = {
    "name": {"en-US": "One"},
    "description": {"en-US": "The first"},
    "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
    "moreInfo": "https://uni.example/more",
    "interactionType": "choice",
    "correctResponsesPattern": ["a"],
    "choices": [{"id": "a", "description": {"en-US": "A"}}, {"id": "b"}],
    "extensions": {"https://uni.example/e": {"any": None}},
}
_PARTS: Json = {
    "actor": AGENT,
    "verb": VERB,
    "object": {
        "objectType": "Activity",
        "id": "https://uni.example/a/1",
        "definition": DEFINITION,
    },
    "result": {
        "score": {"scaled": 0.5, "raw": 5, "min": 0, "max": 10},
        "success": True,
        "completion": True,
        "response": "a",
        "duration": "PT1M30S",
        "extensions": {"https://uni.example/e": ""},
    },
    "context": {
        "registration": UUID,
        "instructor": AGENT,
        "team": GROUP,
        "contextActivities": {
            kind: [{"objectType": "Activity", "id": f"https://uni.example/{kind}"}]
            for kind in ("parent", "grouping", "category", "other")
        },
        "revision": "2",
        "platform": "web",
        "language": "en-US",
        "statement": {"objectType": "StatementRef", "id": UUID},
        "extensions": {"https://uni.example/e": {}},
    },
    "timestamp": "2026-03-02T08:00:00.123Z",
    "attachments": [ATTACHMENT],
}
WHOLE: Json = {
    **_PARTS,
    "stored": "2026-03-02T08:00:01Z",
    "authority": AGENT,
    "version": "1.0.0",
}
NESTED: Json = {**LEAST, "object": {"objectType": "SubStatement", **_PARTS}}
"""A statement whose object is a sub-statement with every property."""


class Takes(Protocol):
    """An LRS, as far as the cases ask it."""

    def takes(self, statement: Json, version: Version) -> bool:
        """Whether it stores a statement."""
        ...


@dataclass(frozen=True)
class Case:
    """A statement, and whether an LRS that speaks `version` takes it."""

    number: str
    place: str
    what: str
    statement: Json
    taken: bool
    version: Version


@dataclass(frozen=True)
class Cases:
    """The cases of one requirement at one place of statements."""

    name: str
    some: tuple[Case, ...]

    def contradicted_by(self, lrs: Takes) -> list[str]:
        """What the LRS takes against the requirement, or refuses."""
        return [
            f"{case.version.value} {'refuses' if case.taken else 'takes'} {case.what}"
            for case in self.some
            if lrs.takes(case.statement, case.version) is not case.taken
        ]


def each_requirement(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Runs a test for each requirement and place; both are in the test's id."""
    by_name: dict[str, list[Case]] = {}
    for case in cases:
        by_name.setdefault(f"{case.number} {case.place}", []).append(case)
    grouped = [Cases(name, tuple(some)) for name, some in by_name.items()]
    return pytest.mark.parametrize("cases", grouped, ids=list(by_name))


@dataclass(frozen=True)
class Place:
    """Where in a statement a value stands; an object there has `also` too."""

    name: str
    statement: Json
    path: Path
    also: tuple[tuple[str, str], ...] = ()


def _places(*names: str, **also: str) -> tuple[Place, ...]:
    """Places in a whole statement, and in its sub-statement where one may stand there."""
    tops = [Place(name, WHOLE, path_of(name), tuple(also.items())) for name in names]
    inner = [name for name in names if name.split(".")[0] in _PARTS]
    subs = [
        Place(f"sub-statement's {name}", NESTED, ("object", *path_of(name)), tuple(also.items()))
        for name in inner
    ]
    return (*tops, *subs)


def path_of(name: str) -> Path:
    """The path that a name such as attachments.0.display tells."""
    return tuple(int(step) if step.isdigit() else step for step in name.split("."))


CONTEXT_ACTIVITIES = tuple(
    f"context.contextActivities.{kind}" for kind in ("parent", "grouping", "category", "other")
)
# The object is another thing than an activity, so the context has no revision and platform.
_WITH_OBJECT = {**LEAST, "object": AGENT}
_SUB_WITH_OBJECT = {
    **LEAST,
    "object": {"objectType": "SubStatement", **LEAST, "object": AGENT},
}


def _as_object(kind: str) -> tuple[Place, ...]:
    also = (("objectType", kind),)
    return (
        Place("object", _WITH_OBJECT, ("object",), also),
        Place("sub-statement's object", _SUB_WITH_OBJECT, ("object", "object"), also),
    )


_DEFINITIONS = ("object.definition", "context.contextActivities.parent.0.definition")
PLACES: dict[str, tuple[Place, ...]] = {
    "statement": (Place("statement", WHOLE, ()),),
    "agent": (
        *_places("actor", "authority", "context.instructor", "context.team.member.0"),
        *_as_object("Agent"),
    ),
    "group": (
        *_places("actor", "context.instructor", "context.team", objectType="Group"),
        *_as_object("Group"),
    ),
    "actor": _places("actor", "context.instructor"),
    "verb": _places("verb"),
    "object": _places("object"),
    "plain object": (
        Place("object", LEAST, ("object",)),
        Place("sub-statement's object", _SUB_WITH_OBJECT, ("object", "object")),
    ),
    "activity": _places("object", *(f"{name}.0" for name in CONTEXT_ACTIVITIES)),
    "definition": _places(*_DEFINITIONS),
    "result": _places("result"),
    "score": _places("result.score"),
    "context": _places("context"),
    "attachment": _places("attachments.0"),
    "attachments": _places("attachments"),
    "authority": _places("authority"),
    "version": _places("version"),
    "extensions": _places(
        "result.extensions", "context.extensions", "object.definition.extensions"
    ),
    "language map": _places(
        "verb.display",
        "object.definition.name",
        "object.definition.description",
        "object.definition.choices.0.description",
        "attachments.0.display",
        "attachments.0.description",
    ),
    "iri": _places(
        "verb.id",
        "object.id",
        "object.definition.type",
        "object.definition.moreInfo",
        "attachments.0.usageType",
        "attachments.0.fileUrl",
        "context.team.member.1.account.homePage",
        *(f"{name}.0.id" for name in CONTEXT_ACTIVITIES),
    ),
    "uuid": _places("id", "context.registration", "context.statement.id"),
    "timestamp": _places("timestamp"),
    "any timestamp": _places("timestamp", "stored"),
    "duration": _places("result.duration"),
    "language": _places("context.language"),
    "context activities": _places("context.contextActivities"),
    "kind of context activities": _places(*CONTEXT_ACTIVITIES),
}


def values(*some: Json) -> tuple[Json, ...]:
    """Values of any types."""
    return some


def requires(
    number: str,
    where: str,
    *,
    taken: Iterable[Json] = (),
    refused: Iterable[Json] = (),
    versions: Iterable[Version] = BOTH,
) -> Iterator[Case]:
    """Cases for each of the values, at each place of this kind, in each version."""
    for place in PLACES[where]:
        for verdict, values in ((True, taken), (False, refused)):
            for value in values:
                statement = put(place, value)
                yield from (
                    Case(number, place.name, told(value), statement, verdict, version)
                    for version in versions
                )


def put(place: Place, value: Json) -> Json:
    """A copy of the place's statement with this value there."""
    also = dict(place.also)
    return changed(place.statement, place.path, also | value if isinstance(value, dict) else value)


def changed(statement: Json, path: Path, value: Json) -> Json:
    """A statement with another value at a path, or with none (GONE); the rest is shared with it,
    for a copy of the whole of each would take longer than all tests of them.
    """
    if not path:
        return value
    step, *rest = path
    made = statement.copy()
    if rest:
        inner = made.get(step, {}) if isinstance(made, dict) else made[step]
        made[step] = changed(inner, tuple(rest), value)
    elif value is GONE:
        del made[step]
    else:
        made[step] = value
    return made


def paths_in(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Each path in a statement with its value, except what is in extensions."""
    if path:
        yield path, value
    if path[-1:] != ("extensions",):
        for step, member in _members(value):
            yield from paths_in(member, (*path, step))


def _members(value: Json) -> Iterable[tuple[str | int, Json]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def everywhere() -> Iterator[tuple[str, Json, Path, Json]]:
    """Each place of the whole statement and of the sub-statement: name, statement, path, value."""
    for name, statement, start in (("", WHOLE, ()), ("sub-statement's ", NESTED, ("object",))):
        for path, value in paths_in(statement):
            if path[: len(start)] == start and path != start:
                shown = ".".join(map(str, path[len(start) :]))
                yield f"{name}{shown}", statement, path, value


def told(value: Json) -> str:
    """A value as messages show it."""
    return "nothing" if value is GONE else ascii(value)
