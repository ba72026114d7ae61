"""Which documents a session's credential may use (sections 10 to 12)."""

from collections.abc import Mapping

from chassis.errors import PermissionDenied
from services.progress.domain.cmi5.terms import LAUNCH_DATA
from services.progress.domain.xapi.clients import Launch
from services.progress.domain.xapi.documents import Context, Kind
from services.progress.domain.xapi.identities import agent_key
from services.progress.domain.xapi.places import activity_iri, person_iri


def check_reach(
    launch: Launch, base: str, context: Context, document_id: str, *, writes: bool
) -> None:
    """Raise PermissionDenied unless a unit may use a document: the state of its own registration,
    but for writing LMS.LaunchData, its learner's profile, and its own activity's profile.

    `document_id` is empty where all documents of the context are meant.
    """
    own = {
        "agent": agent_key(person_iri(base, launch.learner_id)),
        "activity_id": activity_iri(base, launch.run_id, launch.activity_id),
        "registration": launch.registration,
    }
    if any(getattr(context, name) != own[name] for name in _BOUND[context.kind]):
        raise PermissionDenied(
            "a unit uses the state of its own activity, agent and registration, and the profiles"
            " of its own agent and activity"
        )
    if context.kind is Kind.STATE and writes and document_id in ("", LAUNCH_DATA):
        raise PermissionDenied(f"a unit neither changes nor deletes {LAUNCH_DATA} (section 10)")


_BOUND: Mapping[Kind, tuple[str, ...]] = {
    Kind.STATE: ("agent", "activity_id", "registration"),
    Kind.AGENT_PROFILE: ("agent",),
    Kind.ACTIVITY_PROFILE: ("activity_id",),
}
