"""The resources of the LRS: one line each, with its path, its methods, and who may use them."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

from chassis.data.store import Database
from services.progress.domain.xapi.clients import Scope
from services.progress.domain.xapi.documents import LIMITS, Kind, Limits
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.xapi.about import about
from services.progress.xapi.activities import ActivityResource
from services.progress.xapi.agents import agents
from services.progress.xapi.documents import DocumentResource
from services.progress.xapi.exchange import Resource
from services.progress.xapi.statements import StatementsResource


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
    """It answers a client that is limited to a learner or to runs with what is theirs."""
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
# Who may only write statements reads nothing; all others may look up what they read about.
_READERS = frozenset(Scope) - {Scope.STATEMENTS_WRITE}
ACTIVITIES = _operations({}, "activityId", frozenset(), _READERS)
AGENTS = _operations({}, "agent", frozenset(), _READERS)
ABOUT = _operations({}, "", frozenset(), frozenset())


def routes(
    database: Database[ProgressStore], base: str, limits: Limits = LIMITS
) -> Sequence[XapiRoute]:
    """Return the resources. `base`: the LRS's public URL, without a slash at its end; `limits`: of
    its documents.
    """
    documents = partial(DocumentResource, database, base, limits=limits)
    definitions = ActivityDefinitions(database.mongo)
    statements = StatementsResource(database, definitions, base)
    return (
        XapiRoute("/statements", STATEMENTS, statements),
        XapiRoute("/activities", ACTIVITIES, ActivityResource(database, definitions, base)),
        XapiRoute("/activities/state", STATE, documents(Kind.STATE)),
        XapiRoute("/activities/profile", ACTIVITY_PROFILE, documents(Kind.ACTIVITY_PROFILE)),
        XapiRoute("/agents", AGENTS, agents),
        XapiRoute("/agents/profile", AGENT_PROFILE, documents(Kind.AGENT_PROFILE)),
        XapiRoute("/about", ABOUT, about, is_public=True),
    )
