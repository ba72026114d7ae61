"""Monday, 10:05: what the lecture left open is told, and learners leave feedback."""

from collections.abc import Iterator, Sequence

from tandem.sessions.v1 import feedback_pb2

from campus.demo import questions
from campus.demo.check import Check
from campus.demo.deliveries import finished, wait_for
from campus.demo.questions import ASKERS, CARRIED
from campus.demo.term import PHYSICS, instructor
from campus.demo.world import World

ANSWERS = 12
"""Learners who leave feedback; it is shown in groups of at least five."""
SMALLEST = 5


def play(world: World) -> None:
    """Wait until everyone is told of the question that is still open; let learners rate."""
    world.narrator.scene("Monday, 10:05: a question stays open, and learners leave feedback")
    _carried_over(world)
    _rate(world)
    world.narrator.events(world.tally.new_events())


def _carried_over(world: World) -> None:
    questions.wait_for_news(world, asked=5, answered=4, carried_over=1)
    before = finished(world)
    world.go_to(1, "10:05")
    wait_for(world, "the message about what is open", before, 2)
    world.narrator.say(
        f"There was no time for {ASKERS[CARRIED]}'s question. It is on the agenda of next Monday's "
        "lecture now. Who asked is told at once, the instructor ten minutes later."
    )


def _rate(world: World) -> None:
    world.all_at_once(lambda one: _leave_feedback(world, *one), list(enumerate(_raters(world))))
    world.narrator.say(f"{ANSWERS} learners rate the lecture. Some write what they wish.")


def _raters(world: World) -> Sequence[str]:
    return sorted(world.groups["present"])[:ANSWERS]


def _leave_feedback(world: World, place: int, learner: str) -> None:
    request = feedback_pb2.LeaveFeedbackRequest(
        session_id=world.sessions[PHYSICS],
        learner_id=learner,
        pace=3 + place % 2,
        clarity=4,
        usefulness=5 - place % 3,
        comment="More experiments, please." if place % 4 == 0 else "",
    )
    world.as_learner(learner).sessions.LeaveFeedback(request)


def read_feedback(world: World) -> None:
    """Let the instructor read the feedback, as soon as it is shown."""
    world.until("the feedback to be shown", lambda: bool(feedback(world).published_answers))
    world.narrator.say(
        f"The instructor reads the feedback of {feedback(world).published_answers} learners on the "
        "lecture, which names nobody."
    )


def feedback(world: World) -> feedback_pb2.Feedback:
    """Return the feedback on the lecture, as its instructor sees it."""
    request = feedback_pb2.GetFeedbackRequest(session_id=world.sessions[PHYSICS])
    return world.as_instructor(instructor(PHYSICS)).sessions.GetFeedback(request)


def check(world: World) -> Iterator[Check]:
    """Yield the checks of the feedback. It is shown in steps, so how much is shown may differ."""
    found = feedback(world)
    yield Check("every answer to the feedback is counted", ANSWERS, found.answers)
    shown = found.published_answers
    yield Check("feedback is shown of a group only", True, SMALLEST <= shown <= ANSWERS)
    ratings = [sum(each) for each in (found.pace, found.clarity, found.usefulness)]
    yield Check("each answer that is shown rates all three", [shown] * 3, ratings)
