"""Sunday, 20:00: a learner falls behind, and is invited to a help session."""

import uuid

from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.sessions.v1 import resources_pb2 as sessions
from tandem.sessions.v1 import sessions_pb2

from campus.demo.deliveries import applied, finished, wait_for
from campus.demo.statements import said
from campus.demo.statistics import (
    BEHIND,
    EXERCISE,
    HELP_SEATS,
    LEARNERS,
    STATISTICS,
    TEACHER,
    help_session,
)
from campus.demo.world import World

_SUBMITTED = "http://activitystrea.ms/schema/1.0/submit"


def play(world: World) -> None:
    """Let a deadline pass, a learner fall behind, and the teacher offer help."""
    world.narrator.scene("Sunday, 20:00: a learner falls behind, and is invited")
    _hand_in_all_but_one(world)
    _pass_the_deadline(world)
    _tell(world)
    _invite(world)
    _take(world)
    world.narrator.events(world.tally.new_events())


def hand_in(world: World, learner: str) -> None:
    """Hand in the first exercise."""
    id_ = str(uuid.uuid4())
    statement = said(world, learner, _SUBMITTED, STATISTICS, id=id_, activity_id=EXERCISE)
    world.as_learner(learner).progress.RecordStatements(
        progress_pb2.RecordStatementsRequest(statements=[statement])
    )


def listed(world: World) -> dict[str, list[tuple[str, float, float]]]:
    """Return whom the teacher sees falling behind: each learner's reasons, numbers and limits."""
    request = progress_pb2.ListFallingBehindRequest(run_id=world.runs[STATISTICS])
    found = world.as_instructor(TEACHER).progress.ListFallingBehind(request).learners
    return {row.learner_id: [_told(each) for each in row.falling_behind.reasons] for row in found}


def invitations(world: World) -> list[sessions.HelpInvitation]:
    """Return the invitations to help sessions that the teacher sees."""
    request = sessions_pb2.ListHelpInvitationsRequest(run_id=world.runs[STATISTICS])
    return list(world.as_instructor(TEACHER).sessions.ListHelpInvitations(request).invitations)


def _told(reason: progress.BehindReason) -> tuple[str, float, float]:
    kind = progress.BehindReasonKind.Name(reason.kind).removeprefix("BEHIND_REASON_KIND_")
    return kind, reason.value, reason.limit


def _hand_in_all_but_one(world: World) -> None:
    others = [each for each in LEARNERS if each != BEHIND]
    for learner in others:
        hand_in(world, learner)
    world.until(
        "the exercises that were handed in",
        lambda: world.tally.count("progress.activity.completed") == len(others),
    )
    world.narrator.say(f"{' and '.join(others)} hand in the first exercise of {STATISTICS}.")


def _pass_the_deadline(world: World) -> None:
    before = finished(world)
    world.go_to(0, "20:01")
    world.until("the learner to fall behind", lambda: bool(listed(world)))
    wait_for(world, "the message about the exercise", before, 2)
    world.behind_reasons = listed(world)
    for learner, reasons in world.behind_reasons.items():
        for kind, value, limit in reasons:
            world.narrator.say(f"{learner} falls behind: {kind} is {value:g}, its limit {limit:g}.")


def _tell(world: World) -> None:
    """Wait until the learner and the teacher are told of it, ten minutes later."""
    world.until(
        "the fall to be known to notify", lambda: applied(world, "notify.falling_behind") == 1
    )
    before = finished(world)
    world.go_to(0, "20:15")
    wait_for(world, "the messages about the fall", before, 4)
    learner, teacher = (world.inbox(each)[0].title for each in (BEHIND, TEACHER))
    world.narrator.say(f'{BEHIND} is told: "{learner}". The teacher is told: "{teacher}".')


def _invite(world: World) -> None:
    before = finished(world)
    request = help_session(world)
    world.sessions[STATISTICS] = world.as_instructor(TEACHER).sessions.ScheduleSession(request).id
    wait_for(world, "the invitation", before, 2)
    world.narrator.say(
        f"The teacher plans a help session with {HELP_SEATS} seats, on Monday at 18:00. A seat is "
        f'held for {BEHIND} at once: "{world.inbox(BEHIND)[0].title}".'
    )


def _take(world: World) -> None:
    request = sessions_pb2.AnswerOfferRequest(
        session_id=world.sessions[STATISTICS], learner_id=BEHIND, take=True
    )
    world.as_learner(BEHIND).sessions.AnswerOffer(request)
    world.narrator.say(f"{BEHIND} takes the seat.")
