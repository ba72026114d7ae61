"""Which documents and activities a client may use, beside its scopes."""

from collections.abc import Mapping
from typing import Any

from chassis.errors import PermissionDenied
from services.progress.domain.xapi.clients import Client, Scope
from services.progress.domain.xapi.documents import Context
from services.progress.domain.xapi.identities import agent_key


def run_of(base: str, activity_id: str) -> str:
    """Return the run of an activity that is one of Tandem's, which is the run or below it:
    `base`/runs/<run>, `base`/runs/<run>/activities/<activity>. Empty: it is of no run.
    """
    prefix = f"{base}/runs/"
    if not activity_id.startswith(prefix):
        return ""
    return activity_id.removeprefix(prefix).partition("/")[0]


def account_of(base: str, person_id: str) -> Mapping[str, Any]:
    """Return the agent that stands for a person of the roster."""
    return {"objectType": "Agent", "account": {"homePage": base, "name": person_id}}


def check_reach(client: Client, base: str, context: Context) -> None:
    """Raise PermissionDenied unless the client may read and write documents of this context.

    A learner uses the documents of its own account alone; what is bound to runs uses those of
    these runs' activities.
    """
    own = client.learner_id and agent_key(account_of(base, client.learner_id))
    if own and context.agent != own:
        raise PermissionDenied("a learner reads and writes documents of the own account only")
    if not is_within_runs(client, base, context.activity_id):
        raise PermissionDenied(
            f"this client reads and writes documents of activities of its runs only: {base}/runs/"
            "<run> and below"
        )


def is_within_runs(client: Client, base: str, activity_id: str) -> bool:
    """Return whether the client is bound to no runs, or the activity is of one of them."""
    return client.run_ids is None or run_of(base, activity_id) in client.run_ids


def may_define(client: Client, base: str, activity_id: str) -> bool:
    """Return whether the client's statements may change an activity's definition (xAPI 1.0.3, part
    3, section 4.2): it has the scope, and the activity is of its runs if it is bound to any.
    """
    scoped = not client.scopes.isdisjoint({Scope.DEFINE, Scope.ALL})
    return scoped and is_within_runs(client, base, activity_id)
