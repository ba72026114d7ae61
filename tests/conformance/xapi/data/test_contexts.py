"""Contexts (xAPI 1.0.3, part 2, section 2.4.6; IEEE 9274.1.1, section 4.2.2.5)."""

import pytest

from services.progress.domain.xapi.versions import Version
from tests.conformance.xapi.data.cases import (
    AGENT,
    BOTH,
    GROUP,
    LEAST,
    NESTED,
    UUID,
    V1,
    V2,
    Case,
    Cases,
    Json,
    changed,
    each_requirement,
    requires,
    values,
)
from tests.conformance.xapi.data.conftest import Lrs

A = {"id": "https://uni.example/a/2"}
REF = {"objectType": "StatementRef", "id": UUID}
NO_UUID: list[Json] = ["x", "", {"key": "x"}, 12345, UUID + "0"]
NO_ACTOR: list[Json] = ["x", 7, [], {}, {"key": "x"}, {"objectType": "Activity", **A}]
NO_STRING: list[Json] = [12345, {"key": "x"}, True, ["a"]]
KINDS = ("parent", "grouping", "category", "other")
NO_ACTIVITY: list[Json] = ["x", 7, {}, {"key": "x"}, {"id": "x"}, AGENT, REF]
NEEDS_ACTIVITY = [
    Case(number, place, f"{name} with {kind}", statement, kind == "an activity", version)
    for number, name in (("XAPI-00084", "revision"), ("XAPI-00085", "platform"))
    for kind, object_ in (
        ("an activity", A),
        ("an agent", AGENT),
        ("a group", GROUP),
        ("a reference", REF),
        ("a sub-statement", {**LEAST, "objectType": "SubStatement"}),
    )
    for place, statement in (
        ("statement", {**LEAST, "object": object_, "context": {name: "x"}}),
        (
            "sub-statement",
            changed(
                {**LEAST, "object": {**LEAST, "objectType": "SubStatement", "object": object_}},
                ("object", "context"),
                {name: "x"},
            ),
        ),
    )
    if (place, kind) != ("sub-statement", "a sub-statement")
    for version in BOTH
]
CONTEXTS = [
    *requires(
        "XAPI-00086",
        "context",
        taken=[{"contextActivities": {"parent": [A]}}],
        refused=[{"contextActivities": wrong} for wrong in ("x", 7, [], [A])],
    ),
    *requires(
        "XAPI-00087",
        "context",
        taken=[{"registration": UUID.upper()}, {"instructor": AGENT}, {"instructor": GROUP}],
        refused=[
            *({"registration": wrong} for wrong in NO_UUID),
            *({"instructor": wrong} for wrong in NO_ACTOR),
        ],
    ),
    *requires(
        "XAPI-00088",
        "context",
        taken=[{"team": GROUP}, {"team": {"objectType": "Group", "openid": "https://g.example"}}],
        refused=[{"team": wrong} for wrong in (*NO_ACTOR, AGENT, {"member": [AGENT]})],
    ),
    *requires("XAPI-00089", "context", refused=[{"revision": wrong} for wrong in NO_STRING]),
    *requires("XAPI-00090", "context", refused=[{"platform": wrong} for wrong in NO_STRING]),
    *requires(
        "XAPI-00091",
        "context",
        taken=[{"language": tag} for tag in ("en", "zh-Hans-CN", "x-own")],
        refused=[{"language": tag} for tag in values(7, {}, "a12345", "en_US", "", "de-419-DE")],
    ),
    *requires(
        "XAPI-00092",
        "context",
        taken=[{"statement": REF}],
        refused=[
            {"statement": wrong}
            for wrong in ("x", 7, {}, {"id": UUID}, {**REF, "id": "x"}, {**REF, "objectType": "x"})
        ],
    ),
    *requires(
        "XAPI-00093",
        "context activities",
        taken=[{kind: [A]} for kind in KINDS],
        refused=[{"parents": [A]}, {"Parent": [A]}, {"parent": [A], "children": [A]}],
    ),
    *requires(
        "XAPI-00094",
        "kind of context activities",
        taken=[A, [A], [A, {**A, "objectType": "Activity"}]],
        refused=[*NO_ACTIVITY, *([A, wrong] for wrong in NO_ACTIVITY)],
    ),
    *requires("XAPI-00095", "context activities", refused=[{}]),
]


def relevant(kind: str, name: str, member: Json) -> list[Case]:
    """Cases for contextAgents and contextGroups, which version 2.0.0 has and 1.0.3 has not."""
    number, one = "IEEE-4.2.2.5", {"objectType": kind, name: member}
    types = ["https://uni.example/types/tutor"]
    taken = [[], [one], [one, one], [{**one, "relevantTypes": types}]]
    refused: list[Json] = [
        *("x", one, ["x"], [{name: member}], [{"objectType": kind}]),
        *([{**one, "objectType": other}] for other in ("Should fail", "Agent", kind.lower(), 7)),
        *([{**one, name: wrong}] for wrong in NO_ACTOR),
        *([{**one, "relevantTypes": wrong}] for wrong in values([], "x", ["abc"], [7], [""], {})),
        [{**one, "more": 1}],
        [{**one, name: {**member, "mbox": "x"}}],
    ]
    return [
        *requires(
            number,
            "context",
            taken=[{f"{kind}s": value} for value in taken],
            refused=[{f"{kind}s": value} for value in refused],
            versions=[V2],
        ),
        *requires(number, "context", refused=[{f"{kind}s": [one]}], versions=[V1]),
    ]


RELEVANT = [
    *relevant("contextAgent", "agent", AGENT),
    *relevant("contextGroup", "group", GROUP),
    *requires(
        "IEEE-4.2.2.5",
        "context",
        refused=[
            {"contextAgents": [{"objectType": "contextAgent", "agent": GROUP}]},
            {"contextGroups": [{"objectType": "contextGroup", "group": AGENT}]},
        ],
        versions=[V2],
    ),
]


@each_requirement([*NEEDS_ACTIVITY, *CONTEXTS])
def test_contexts(lrs: Lrs, cases: Cases) -> None:
    """A context's properties have their types; revision and platform need an activity."""
    assert cases.contradicted_by(lrs) == []


@each_requirement(RELEVANT)
def test_context_agents_and_groups(lrs: Lrs, cases: Cases) -> None:
    """Version 2.0.0 knows agents and groups that matter to a statement."""
    assert cases.contradicted_by(lrs) == []


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_xapi_00096_context_activities_come_back_as_arrays(
    lrs: Lrs, kind: str, version: Version
) -> None:
    """XAPI-00096: one context activity comes back as an array of one, in a sub-statement too."""
    context = {"contextActivities": {kind: A}}
    told = lrs.returned({**LEAST, "context": context}, version)
    assert told["context"]["contextActivities"] == {kind: [A]}
    nested = lrs.returned(changed(NESTED, ("object", "context"), context), version)
    assert nested["object"]["context"]["contextActivities"] == {kind: [A]}
