"""The IRIs of Tandem's own things in statements, below the public URL of the LRS (`base`).

| thing | IRI |
|---|---|
| a person | the account with the home page `base` and the person's id as its name |
| a run | `base/runs/<run>` |
| an activity of a run's path | `base/runs/<run>/activities/<activity>` |
| an item | `base/items/<item>`; its run stands among the context's activities |
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from services.progress.domain.xapi.identities import context_activities

# Of ids, as the contract has it (resources.proto).
LONGEST_ID, LONGEST_PERSON = 64, 128


@dataclass(frozen=True, slots=True)
class Place:
    """What an IRI of ours names; a part that it does not name is empty."""

    run_id: str = ""
    activity_id: str = ""
    item_id: str = ""


def person_iri(base: str, person_id: str) -> dict[str, Any]:
    """Return the agent that a person is."""
    return {"objectType": "Agent", "account": {"homePage": base, "name": person_id}}


def run_iri(base: str, run_id: str) -> str:
    """Return the IRI of a run."""
    return f"{base}/runs/{_quoted(run_id)}"


def activity_iri(base: str, run_id: str, activity_id: str) -> str:
    """Return the IRI of an activity of a run's path."""
    return f"{run_iri(base, run_id)}/activities/{_quoted(activity_id)}"


def item_iri(base: str, item_id: str) -> str:
    """Return the IRI of an item."""
    return f"{base}/items/{_quoted(item_id)}"


def place_of(iri: object, base: str) -> Place:
    """Return what an IRI names; nothing if it is not one of ours."""
    if not isinstance(iri, str) or not iri.startswith(base):
        return NOWHERE
    match [unquote(part) for part in iri[len(base) :].split("/")]:
        case ["", "runs", run_id] if _is_id(run_id):
            return Place(run_id)
        case ["", "runs", run_id, "activities", activity_id] if _is_id(run_id) and _is_id(
            activity_id
        ):
            return Place(run_id, activity_id)
        case ["", "items", item_id] if _is_id(item_id):
            return Place(item_id=item_id)
    return NOWHERE


NOWHERE = Place()


def person_of(agent: Mapping[str, Any], base: str) -> str:
    """Return the id of the person that an agent is; empty if it is none of ours."""
    account = agent.get("account", {})
    if account.get("homePage") != base or agent.get("objectType", "Agent") != "Agent":
        return ""
    name = str(account.get("name", ""))
    return name if len(name) <= LONGEST_PERSON else ""


def run_of(statement: Mapping[str, Any], base: str) -> str:
    """Return the run of a statement: the only one that its object or context names, or nothing."""
    runs = {place.run_id for place in places_in(statement, base) if place.run_id}
    return runs.pop() if len(runs) == 1 else ""


def places_in(statement: Mapping[str, Any], base: str) -> Iterator[Place]:
    """Yield what a statement's object and its context's activities name, the object first."""
    yield place_of(statement["object"].get("id"), base)
    for each in context_activities(statement):
        yield place_of(each.get("id"), base)


def _quoted(id_: str) -> str:
    return quote(id_, safe="")


def _is_id(text: str) -> bool:
    return 0 < len(text) <= LONGEST_ID
