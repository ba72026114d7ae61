"""Tuesday: who missed the lecture sees what was asked in it, and asks at a minute of it."""

from collections import Counter
from collections.abc import Iterator

from tandem.sessions.v1 import questions_pb2, recordings_pb2

from campus.demo import channel, questions
from campus.demo.check import Check
from campus.demo.deliveries import finished, wait_for
from campus.demo.questions import ASKERS, GLASS, MOON, TEXTS, TUNNEL
from campus.demo.recording import OFFSET
from campus.demo.term import PHYSICS
from campus.demo.world import World

LATER = 30
"""Seconds of the recording between the live answer and the question about it."""
ALIGNED = 2.0
"""How exactly the line shows when something happened, in seconds."""
_KINDS = {
    recordings_pb2.LINE_POINT_KIND_HANDS: "hands up",
    recordings_pb2.LINE_POINT_KIND_QUESTION: "asked",
    recordings_pb2.LINE_POINT_KIND_POLL_OPENED: "poll",
    recordings_pb2.LINE_POINT_KIND_POLL_CLOSED: "poll closed",
    recordings_pb2.LINE_POINT_KIND_ANSWERED: "answered",
}
"""What the demo shows of the line. Its chapters are the answers again."""


def play(world: World) -> None:
    """Show a learner the recording's line; let the learner ask there, and the instructor answer."""
    world.narrator.scene("Tuesday: a question at a minute of the recording")
    world.go_to(2, "10:20")
    learner = watcher(world)
    world.narrator.say(f"{learner} sees on the recording's time what happened in the lecture:")
    for point in line(world, learner):
        if point.kind in _KINDS:
            world.narrator.detail(_shown(point))
    _ask(world, learner)
    _answer(world, learner)
    world.narrator.events(world.tally.new_events())


def watcher(world: World) -> str:
    """Return the learner, one of those who watch all of the recording."""
    return min(world.groups["full"])


def askers(world: World) -> dict[str, str]:
    """Return who asked each question, by its name."""
    return {**ASKERS, GLASS: channel.asker(world), TUNNEL: watcher(world)}


def line(world: World, learner: str) -> list[recordings_pb2.LinePoint]:
    """Return the line of the lecture's recording, as a learner sees it."""
    request = recordings_pb2.GetRecordingLineRequest(session_id=world.sessions[PHYSICS])
    return list(world.as_learner(learner).sessions.GetRecordingLine(request).points)


def _shown(point: recordings_pb2.LinePoint) -> str:
    minute, second = divmod(round(point.second), 60)
    return f"{minute:02d}:{second:02d}  {_KINDS[point.kind]:<11}  {point.text or point.count}"


def _ask(world: World, learner: str) -> None:
    second = _second_of_answer(world) + LATER
    questions.ask(world, TUNNEL, learner, world.items["recording"], second)
    questions.wait_for_news(world, asked=6)
    before = finished(world)
    world.go_to(2, "10:40")
    wait_for(world, "the message about the question", before, 2)
    world.narrator.say(
        f"{learner} asks half a minute after the answer about the Moon: {TEXTS[TUNNEL]} The "
        "instructor is told."
    )


def _answer(world: World, learner: str) -> None:
    before = finished(world)
    questions.answer(world, TUNNEL, "Yes: without air nothing slows the feather.")
    wait_for(world, "the message about the answer", before, 2)
    world.narrator.say(f"The instructor answers in words, and {learner} is told.")


def _second_of_answer(world: World) -> float:
    return _moment(world, MOON).second


def _moment(world: World, name: str) -> questions_pb2.QuestionMoment:
    """Return when a question was answered live."""
    request = questions_pb2.GetQuestionRequest(question_id=world.questions[name])
    (moment,) = world.staff.sessions.GetQuestion(request).question.moments
    return moment


def check(world: World) -> Iterator[Check]:
    """Yield the checks of the recording's line."""
    points = line(world, watcher(world))
    yield Check(
        "the recording's line shows a hand, two questions, their live answers, and the poll",
        {
            "HANDS": 1,
            "QUESTION": 2,
            "CHAPTER": 2,
            "ANSWERED": 2,
            "POLL_OPENED": 1,
            "POLL_CLOSED": 1,
        },
        Counter(_name(each) for each in points),
    )
    moments = [_moment(world, name) for name in (MOON, GLASS)]
    answers = [each.second for each in points if _name(each) == "ANSWERED"]
    apart = [
        abs(moment.offset_seconds - OFFSET - second)
        for moment, second in zip(moments, answers, strict=True)
    ]
    yield Check("each live answer is at its second", [True] * 2, [each < ALIGNED for each in apart])
    asked = [each.second for each in points if each.about_id == world.questions[TUNNEL]]
    yield Check("the later question is at its second", [moments[0].second + LATER], asked)


def _name(point: recordings_pb2.LinePoint) -> str:
    return recordings_pb2.LinePointKind.Name(point.kind).removeprefix("LINE_POINT_KIND_")
