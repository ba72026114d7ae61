"""Questions of the lecture: Sunday evening, they are asked in between, merged and voted for.

What becomes of them is played by `channel` (in the lecture), `afterwards` and `watching` (at a
minute of the recording).
"""

from collections.abc import Iterator

from tandem.sessions.v1 import questions_pb2, sessions_pb2

from campus.demo.check import Check
from campus.demo.deliveries import applied, finished, wait_for
from campus.demo.term import (
    CLASSROOM_OF_PHYSICS,
    ONLINE_OF_PHYSICS,
    PHYSICS,
    SELF_PACED_OF_PHYSICS,
    instructor,
)
from campus.demo.world import World

MOON, HAMMER, SPEED, FORCE, GLASS, TUNNEL = ("moon", "hammer", "speed", "force", "glass", "tunnel")
TEXTS = {
    MOON: "Why do feather and hammer fall equally fast on the Moon?",
    HAMMER: "Does the hammer fall as fast as the feather on the Moon?",
    SPEED: "What is the difference between speed and velocity?",
    FORCE: "Is there motion without any force?",
    GLASS: "Is light as fast in glass?",
    TUNNEL: "Would they fall equally fast in a tunnel without air?",
}
ASKERS = {
    MOON: SELF_PACED_OF_PHYSICS[0],
    HAMMER: ONLINE_OF_PHYSICS[0],
    SPEED: CLASSROOM_OF_PHYSICS[0],
    FORCE: CLASSROOM_OF_PHYSICS[1],
}
"""Who asks on Sunday."""
VOTERS = {MOON: [CLASSROOM_OF_PHYSICS[2], ONLINE_OF_PHYSICS[1]], SPEED: [SELF_PACED_OF_PHYSICS[1]]}
WANTED = [(MOON, 4), (SPEED, 2), (FORCE, 1)]
"""The lecture's agenda, with the votes: of askers, also of merged questions, and of others."""
CARRIED = FORCE
"""What the lecture leaves open."""
NEWS = ("asked", "merged", "answered", "carried_over", "withdrawn")
"""The events of questions that notify takes."""


def play(world: World) -> None:
    """Let learners of all modes ask before the lecture; the instructor merges what is the same."""
    world.narrator.scene("Sunday evening: questions before the lecture")
    wait_for(world, "the messages about the two promotions", before=0, count=4)
    ask(world, MOON, ASKERS[MOON])
    world.narrator.say(f"{ASKERS[MOON]}, who studies alone, asks: {TEXTS[MOON]}")
    _ask_the_same(world)
    for name in (SPEED, FORCE):
        ask(world, name, ASKERS[name])
    _vote(world)
    _tell_instructor(world)
    world.narrator.events(world.tally.new_events())


def ask(
    world: World, name: str, learner: str, item_id: str = "", second: float = 0.0
) -> list[questions_pb2.SimilarQuestion]:
    """Ask a question of TEXTS in between, or at a second of the lecture's recording (`item_id`);
    return those that may be the same.
    """
    request = questions_pb2.AskQuestionRequest(
        run_id=world.runs[PHYSICS],
        learner_id=learner,
        text=TEXTS[name],
        session_id=world.sessions[PHYSICS] if item_id else "",
        item_id=item_id,
        offset_seconds=second,
    )
    answer = world.as_learner(learner).sessions.AskQuestion(request)
    world.questions[name] = answer.question.id
    return list(answer.similar)


def answer(world: World, name: str, text: str) -> None:
    """Answer a question in words."""
    world.as_instructor(instructor(PHYSICS)).sessions.AnswerQuestion(
        questions_pb2.AnswerQuestionRequest(question_id=world.questions[name], text=text)
    )


def agenda(world: World, session_id: str) -> list[tuple[str, int]]:
    """Return the names of the questions on a class's agenda, each with its votes."""
    request = questions_pb2.ListAgendaRequest(session_id=session_id)
    found = world.as_instructor(instructor(PHYSICS)).sessions.ListAgenda(request).questions
    names = {id_: name for name, id_ in world.questions.items()}
    return [(names[each.id], each.votes) for each in found]


def wait_for_news(world: World, **counts: int) -> None:
    """Wait until notify has applied the news of questions, of which there are so many by type."""

    def are_known() -> bool:
        happened = {each: world.tally.count(f"sessions.question.{each}") for each in NEWS}
        enough = all(happened[name] >= count for name, count in counts.items())
        return enough and applied(world, "notify.questions") == sum(happened.values())

    world.until("the news of questions", are_known)


def _ask_the_same(world: World) -> None:
    (similar,) = ask(world, HAMMER, ASKERS[HAMMER])
    world.as_instructor(instructor(PHYSICS)).sessions.MergeQuestions(
        questions_pb2.MergeQuestionsRequest(
            question_id=similar.question.id, duplicate_ids=[world.questions[HAMMER]]
        )
    )
    world.narrator.say(
        f"{ASKERS[HAMMER]} asks: {TEXTS[HAMMER]} The platform finds the first question, by the "
        f"words {', '.join(similar.words[:5])}. The instructor merges the two."
    )


def _vote(world: World) -> None:
    for name, voters in VOTERS.items():
        for learner in voters:
            request = questions_pb2.VoteQuestionRequest(
                question_id=world.questions[name], learner_id=learner, wanted=True
            )
            world.as_learner(learner).sessions.VoteQuestion(request)
    session_id = world.sessions[PHYSICS]
    world.until("the agenda", lambda: agenda(world, session_id) == WANTED)
    world.narrator.say("Two more questions come, and votes. The lecture's agenda:")
    for name, votes in agenda(world, session_id):
        world.narrator.detail(f"{votes} want  {TEXTS[name]}")


def _tell_instructor(world: World) -> None:
    wait_for_news(world, asked=4, merged=1)
    before = finished(world)
    world.go_to(0, "18:20")
    wait_for(world, "the message about the questions", before, 2)
    title = world.inbox(instructor(PHYSICS))[0].title
    world.narrator.say(f'The instructor gets one message of them: "{title}".')


def check(world: World) -> Iterator[Check]:
    """Yield the checks of the questions: their states, and whose agenda they are on."""
    request = questions_pb2.ListQuestionsRequest(run_id=world.runs[PHYSICS])
    found = world.staff.sessions.ListQuestions(request).questions
    names = {id_: name for name, id_ in world.questions.items()}
    states = {names[each.id]: _state(each) for each in found}
    answered = dict.fromkeys((MOON, SPEED, GLASS, TUNNEL), "ANSWERED")
    yield Check(
        "the questions are answered, but one that is merged and one that the lecture left open",
        {**answered, HAMMER: "MERGED", CARRIED: "OPEN"},
        states,
    )
    following = world.staff.sessions.GetSeries(
        sessions_pb2.GetSeriesRequest(series_id=world.series[PHYSICS])
    ).occurrences[0]
    yield Check(
        "the open question is on the next lecture's agenda",
        [(CARRIED, 1)],
        agenda(world, following.session_id),
    )
    (carried,) = (each for each in found if each.id == world.questions[CARRIED])
    yield Check("it was carried over once", 1, carried.carried_over)


def _state(question: questions_pb2.Question) -> str:
    return questions_pb2.QuestionState.Name(question.state).removeprefix("QUESTION_STATE_")
