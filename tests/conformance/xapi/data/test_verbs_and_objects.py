"""Verbs and objects: activities, interactions, agents, references, sub-statements (xAPI 1.0.3, part
2, sections 2.4.3 and 2.4.4)."""

from tests.conformance.xapi.data.cases import (
    AGENT,
    ATTACHMENT,
    BOTH,
    DEFINITION,
    GONE,
    GROUP,
    LEAST,
    NESTED,
    UUID,
    VERB,
    Case,
    Cases,
    Json,
    changed,
    each_requirement,
    requires,
    told,
    values,
)
from tests.conformance.xapi.data.conftest import Lrs

NO_IRI: list[Json] = [12345, {"key": "x"}, "ab=c://should.fail.com", "x", ""]
NO_LANGUAGE_MAP: list[Json] = [12345, "x", [], {}, {"a12345": "x"}, {"en-US": 1}]
INTERACTIONS = (
    *("true-false", "choice", "fill-in", "long-fill-in", "matching"),
    *("performance", "sequencing", "likert", "numeric", "other"),
)
LISTS = {
    "XAPI-00051": ("steps", "performance"),
    "XAPI-00052": ("target", "matching"),
    "XAPI-00053": ("source", "matching"),
    "XAPI-00054": ("scale", "likert"),
    "XAPI-00055": ("choices", "sequencing"),
}
A = {"id": "https://uni.example/a/2"}
REF = {"objectType": "StatementRef", "id": UUID}
VERBS = [
    *requires(
        "XAPI-00044",
        "verb",
        taken=[{"id": "https://uni.example/v"}],
        refused=[{"display": {"en": "x"}}, *({"id": iri} for iri in NO_IRI)],
    ),
    *requires(
        "XAPI-00045", "verb", refused=[{**VERB, "display": each} for each in NO_LANGUAGE_MAP]
    ),
]
OBJECTS = [
    *requires(
        "XAPI-00046",
        "plain object",
        taken=[
            {"objectType": "Activity", **A},
            {**AGENT, "objectType": "Agent"},
            GROUP,
            REF,
        ],
        refused=[
            {"objectType": kind, **A}
            for kind in ("Person", "", "statementref", "Statement", 7, None, ["Activity"])
        ],
    ),
    *requires(
        "XAPI-00047",
        "activity",
        taken=[A, {"id": "tag:uni.example,2026:a"}],
        refused=[{}, {"objectType": "Activity"}, *({"id": iri} for iri in NO_IRI)],
    ),
    *requires(
        "XAPI-00048",
        "activity",
        taken=[{**A, "definition": {}}, {**A, "definition": DEFINITION}],
        refused=[{**A, "definition": wrong} for wrong in ("x", 7, [], [DEFINITION], {"no": 1})],
    ),
    *requires("XAPI-00065", "plain object", refused=[{"mbox": AGENT["mbox"]}, {"member": [AGENT]}]),
    *requires(
        "XAPI-00072",
        "plain object",
        taken=[REF],
        refused=[
            {"objectType": "StatementRef"},
            *(
                {"objectType": "StatementRef", "id": wrong}
                for wrong in values(7, {}, "x", UUID + "0")
            ),
        ],
    ),
    *requires("XAPI-00073", "plain object", refused=[{"id": UUID}, LEAST]),
]
DEFINITIONS = [
    *requires(
        "XAPI-00049",
        "definition",
        taken=[{"interactionType": kind} for kind in INTERACTIONS],
        refused=[
            {"interactionType": kind} for kind in values("x", 7, {}, "https://uni.example", "")
        ],
    ),
    *requires(
        "XAPI-00050",
        "definition",
        taken=[
            {"interactionType": kind, "correctResponsesPattern": ["a[,]b", ""]}
            for kind in INTERACTIONS
        ],
        refused=[
            {"interactionType": "other", "correctResponsesPattern": wrong}
            for wrong in values("a", 7, {}, [7], [None], [["a"]])
        ],
    ),
    *(
        case
        for number, (name, kind) in LISTS.items()
        for case in requires(
            number,
            "definition",
            taken=[{"interactionType": kind, name: [{"id": "a"}, {"id": "b"}]}],
            refused=[{"interactionType": kind, name: wrong} for wrong in ("a", 7, {}, {"id": "a"})],
        )
    ),
    *(
        case
        for name, kind in LISTS.values()
        for number, wrong in (
            ("XAPI-00058", [{"description": {"en": "x"}}]),
            ("XAPI-00058", [{"id": 7}]),
            ("XAPI-00058", [{"id": "a"}, {"id": "b"}, {"id": "a"}]),
            ("XAPI-00063", ["a"]),
            ("XAPI-00063", [7]),
            ("XAPI-00063", [None]),
            ("XAPI-00063", [{"id": "a", "more": 1}]),
            *(("XAPI-00062", [{"id": "a", "description": each}]) for each in NO_LANGUAGE_MAP),
        )
        for case in requires(number, "definition", refused=[{"interactionType": kind, name: wrong}])
    ),
    *requires("XAPI-00056", "definition", refused=[{"name": each} for each in NO_LANGUAGE_MAP]),
    *requires(
        "XAPI-00057",
        "definition",
        taken=[{"extensions": {}}, {"extensions": {"https://uni.example/e": [None]}}],
        refused=[{"extensions": wrong} for wrong in values("x", 7, [], {"id": "valid"})],
    ),
    *requires(
        "XAPI-00059", "definition", refused=[{"description": each} for each in NO_LANGUAGE_MAP]
    ),
    *requires("XAPI-00060", "definition", refused=[{"type": iri} for iri in NO_IRI]),
    *requires("XAPI-00061", "definition", refused=[{"moreInfo": iri} for iri in NO_IRI]),
    *requires(
        "XAPI-00064",
        "definition",
        refused=[
            {"correctResponsesPattern": ["a"]},
            *({name: [{"id": "a"}]} for name, _ in LISTS.values()),
        ],
    ),
]


def in_sub_statement(number: str, name: str, value: Json, *, taken: bool = False) -> list[Case]:
    """Cases for a property of a sub-statement."""
    statement = changed(NESTED, ("object", name), value)
    what = f"{name} {told(value)}"
    return [Case(number, "sub-statement", what, statement, taken, version) for version in BOTH]


SUB_STATEMENTS = [
    *(
        case
        for name in ("actor", "verb", "object")
        for value in (GONE, "x", {})
        for case in in_sub_statement("XAPI-00066", name, value)
    ),
    *(
        case
        for name in ("result", "context", "timestamp", "attachments")
        for case in in_sub_statement("XAPI-00066", name, "x")
    ),
    *in_sub_statement("XAPI-00066", "object", A, taken=True),
    *in_sub_statement("XAPI-00066", "attachments", [ATTACHMENT], taken=True),
    *in_sub_statement("XAPI-00067", "authority", AGENT),
    *in_sub_statement("XAPI-00068", "version", "1.0.0"),
    *in_sub_statement("XAPI-00069", "stored", "2026-03-02T08:00:00Z"),
    *in_sub_statement("XAPI-00070", "id", UUID),
    *in_sub_statement("XAPI-00071", "object", {**LEAST, "objectType": "SubStatement"}),
    *in_sub_statement("XAPI-00073", "objectType", GONE),
    *in_sub_statement("XAPI-00073", "objectType", "substatement"),
]


@each_requirement(VERBS)
def test_verbs(lrs: Lrs, cases: Cases) -> None:
    """A verb has an IRI, and a language map to show it."""
    assert cases.contradicted_by(lrs) == []


@each_requirement(OBJECTS)
def test_objects(lrs: Lrs, cases: Cases) -> None:
    """An object is of one of five types, with the properties of its type."""
    assert cases.contradicted_by(lrs) == []


@each_requirement(DEFINITIONS)
def test_definitions(lrs: Lrs, cases: Cases) -> None:
    """A definition's properties have their types, and those of an interaction fit together."""
    assert cases.contradicted_by(lrs) == []


@each_requirement(SUB_STATEMENTS)
def test_sub_statements(lrs: Lrs, cases: Cases) -> None:
    """A sub-statement is a statement without what an LRS sets, and without a sub-statement."""
    assert cases.contradicted_by(lrs) == []
