"""The resources of the LRS: one line each, with its path, its methods, and who may use them."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from chassis.data.store import Database
from services.progress.domain.xapi.clients import Scope
from services.progress.domain.xapi.documents import Kind
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.xapi.about import about
from services.progress.xapi.activities import ActivityResource
from services.progress.xapi.agents import agents
from services.progress.xapi.documents import DocumentResource
from services.progress.xapi.exchange import Resource


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a resource."""

    parameters: Set[str]
    """Those that the method knows, in their case."""
    scopes: Set[Scope]
    """A client with one of them may use it."""


@dataclass(frozen=True, slots=True)
class XapiRoute:
    """A resource."""

    path: str
    """Below the LRS's own, such as /statements."""
    operations: Mapping[str, Operation]
    """By method; HEAD is GET."""
    resource: Resource
    of_runs: bool = False
    """Whether a client of some runs may use it: it then answers what is of these runs."""
    is_public: bool = False
    """Whether it needs neither credentials nor a version."""


def _operations(
    write: Mapping[str, str], read: str, writers: Set[Scope], readers: Set[Scope]
) -> Mapping[str, Operation]:
    """Return operations: methods that write with their parameters, and GET with its own."""
    found = {
        method: Operation(frozenset(names.split()), writers | {Scope.ALL})
        for method, names in write.items()
    }
    allowed = readers | {Scope.ALL_READ, Scope.ALL}
    return {"GET": Operation(frozenset(read.split()), allowed), **found}


STATEMENTS = _operations(
    {"PUT": "statementId", "POST": ""},
    "statementId voidedStatementId agent verb activity registration related_activities"
    " related_agents since until limit format attachments ascending cursor",
    {Scope.STATEMENTS_WRITE},
    {Scope.STATEMENTS_READ_MINE, Scope.STATEMENTS_READ},
)
"""`cursor` is ours: it stands in the IRL `more` alone."""
_STATE = "activityId agent registration stateId"
STATE = _operations(
    {"PUT": _STATE, "POST": _STATE, "DELETE": f"{_STATE} since"},
    f"{_STATE} since",
    {Scope.STATE},
    {Scope.STATE},
)
_ACTIVITY_PROFILE = "activityId profileId"
ACTIVITY_PROFILE = _operations(
    {"PUT": _ACTIVITY_PROFILE, "POST": _ACTIVITY_PROFILE, "DELETE": _ACTIVITY_PROFILE},
    f"{_ACTIVITY_PROFILE} since",
    {Scope.PROFILE},
    {Scope.PROFILE},
)
_AGENT_PROFILE = "agent profileId"
AGENT_PROFILE = _operations(
    {"PUT": _AGENT_PROFILE, "POST": _AGENT_PROFILE, "DELETE": _AGENT_PROFILE},
    f"{_AGENT_PROFILE} since",
    {Scope.PROFILE},
    {Scope.PROFILE},
)
ACTIVITIES = _operations(
    {},
    "activityId",
    frozenset(),
    {Scope.STATEMENTS_READ, Scope.STATEMENTS_READ_MINE, Scope.STATE, Scope.DEFINE, Scope.PROFILE},
)
AGENTS = _operations({}, "agent", frozenset(), {Scope.STATEMENTS_READ, Scope.PROFILE})
ABOUT = _operations({}, "", frozenset(), frozenset())


def routes(database: Database[ProgressStore], base: str) -> Sequence[XapiRoute]:
    """Return the resources. `base`: the LRS's public URL, without a slash at its end."""
    definitions = ActivityDefinitions(database.mongo)
    activities = ActivityResource(database, definitions, base)
    states, agent_profiles, activity_profiles = (
        DocumentResource(database, base, kind)
        for kind in (Kind.STATE, Kind.AGENT_PROFILE, Kind.ACTIVITY_PROFILE)
    )
    return (
        XapiRoute("/about", ABOUT, about, is_public=True),
        XapiRoute("/activities", ACTIVITIES, activities, of_runs=True),
        XapiRoute("/activities/state", STATE, states, of_runs=True),
        XapiRoute("/activities/profile", ACTIVITY_PROFILE, activity_profiles, of_runs=True),
        XapiRoute("/agents", AGENTS, agents),
        XapiRoute("/agents/profile", AGENT_PROFILE, agent_profiles),
    )
