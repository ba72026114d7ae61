"""Monday morning: the live channel of the lecture: a hand, the chat, questions, and a poll."""

from collections import Counter
from collections.abc import Iterator

from tandem.sessions.v1 import live_pb2, polls_pb2, questions_pb2

from campus.attending import Attending
from campus.demo import questions
from campus.demo.check import Check
from campus.demo.questions import ASKERS, GLASS, MOON, SPEED, TEXTS
from campus.demo.term import PHYSICS, instructor
from campus.demo.world import World

OPTIONS = ("in vacuum", "in water", "in glass")
RIGHT = 1
POLL = polls_pb2.OpenPollRequest(
    question="Where is light fastest?",
    options=OPTIONS,
    right=[RIGHT],
    explanation="A medium slows light down by its refractive index; vacuum has 1.",
    results_shown=polls_pb2.POLL_RESULTS_AT_ONCE,
)


def play(world: World) -> None:
    """Let somebody online ask and vote together with the room, and all see the results at once; the
    instructor answers what is wanted most.
    """
    world.go_to(1, "09:20")
    session_id = world.sessions[PHYSICS]
    listener, enter = min(world.groups["room_present"]), world.campus.attend
    with (
        enter(instructor(PHYSICS), "instructor", session_id) as teacher,
        enter(asker(world), "learner", session_id) as online,
        enter(listener, "learner", session_id) as in_room,
    ):
        _talk(world, online, in_room)
        _ask_live(world, online, in_room)
        poll_id = _ask(teacher)
        _vote(world, poll_id, in_room)
        _close(world, poll_id, teacher, in_room)
        _answer_live(world, teacher, in_room)
    _answer_in_words(world)


def asker(world: World) -> str:
    """Return the learner online who raises a hand and asks."""
    return min(world.groups["online_present"])


def _talk(world: World, online: Attending, in_room: Attending) -> None:
    online.send("hand", move_hand=live_pb2.MoveHandRequest(raised=True))
    online.send("chat", send_chat=live_pb2.SendChatRequest(text="Picture and sound are fine here."))
    in_room.until("the chat", lambda: any(each.HasField("chat") for each in in_room.entries()))
    world.narrator.say(
        f"In the lecture's live channel {asker(world)}, at home, raises a hand and writes; "
        "everybody sees it at once."
    )


def _ask_live(world: World, online: Attending, in_room: Attending) -> None:
    """Ask a question in the class."""
    request = questions_pb2.AskQuestionRequest(
        run_id=world.runs[PHYSICS], learner_id=asker(world), text=TEXTS[GLASS]
    )
    online.send("question", ask_question=request)
    in_room.until("the question", lambda: bool(_shown(in_room, TEXTS[GLASS])))
    world.questions[GLASS] = _shown(in_room, TEXTS[GLASS])[-1].question_id
    world.narrator.say(
        f"{asker(world)} asks there: {TEXTS[GLASS]} The class does not see who asks."
    )


def _shown(attending: Attending, text: str) -> list[live_pb2.QuestionShown]:
    """Return how a question was shown in the class so far."""
    shown = [each.question for each in attending.entries() if each.HasField("question")]
    return [each for each in shown if each.text == text]


def _answer_live(world: World, teacher: Attending, in_room: Attending) -> None:
    """Answer a question at nine twenty-five, and another one at half past nine."""
    for name, clock in ((MOON, "09:25"), (GLASS, "09:30")):
        world.go_to(1, clock)
        request = questions_pb2.AnswerQuestionRequest(question_id=world.questions[name])
        teacher.send(f"answer {name}", answer_question=request)
        in_room.until("the answer", lambda name=name: _is_answered(in_room, name))  # type: ignore[misc]
        world.narrator.say(f"The instructor answers: {TEXTS[name]}")


def _is_answered(attending: Attending, name: str) -> bool:
    shown = _shown(attending, TEXTS[name])
    return any(each.state == questions_pb2.QUESTION_STATE_ANSWERED for each in shown)


def _answer_in_words(world: World) -> None:
    questions.answer(world, SPEED, "Velocity is speed with a direction.")
    world.narrator.say(f"{ASKERS[SPEED]}'s question about speed is answered in words.")


def _ask(teacher: Attending) -> str:
    teacher.send("poll", open_poll=POLL)
    teacher.until("the poll", lambda: bool(_asked(teacher)))
    return _asked(teacher)[0]


def _asked(attending: Attending) -> list[str]:
    entries = attending.entries()
    return [each.poll_asked.poll_id for each in entries if each.HasField("poll_asked")]


def _vote(world: World, poll_id: str, in_room: Attending) -> None:
    choices = votes(world)
    world.all_at_once(
        lambda learner: world.as_learner(learner).sessions.VotePoll(
            polls_pb2.VotePollRequest(
                poll_id=poll_id, learner_id=learner, choices=[choices[learner]]
            )
        ),
        sorted(choices),
    )
    in_room.until("all votes", lambda: sum(in_room.latest(poll_id).counts) == len(choices))
    shown = ", ".join(
        f"{count} {option}"
        for option, count in zip(OPTIONS, in_room.latest(poll_id).counts, strict=True)
    )
    world.narrator.say(f"{len(choices)} vote in a poll, and see: {shown}.")


def votes(world: World) -> dict[str, int]:
    """Return what each learner who is there votes for: every fourth is wrong."""
    present = sorted(world.groups["present"])
    return {learner: RIGHT + (place % 4 == 0) * 2 for place, learner in enumerate(present)}


def _close(world: World, poll_id: str, teacher: Attending, in_room: Attending) -> None:
    teacher.send("end", close_poll=polls_pb2.ClosePollRequest(poll_id=poll_id))
    in_room.until("the end of the poll", lambda: bool(_explained(in_room)))
    world.narrator.say(f"The poll closes, and the class learns why: {_explained(in_room)[0]}")


def _explained(attending: Attending) -> list[str]:
    entries = attending.entries()
    return [each.poll_answered.explanation for each in entries if each.HasField("poll_answered")]


def check(world: World) -> Iterator[Check]:
    """Yield a check of the poll's result."""
    answer = world.staff.sessions.ListPolls(
        polls_pb2.ListPollsRequest(session_id=world.sessions[PHYSICS])
    )
    chosen = Counter(votes(world).values())
    wanted = [[chosen[place] for place in range(1, len(OPTIONS) + 1)]]
    found = [[option.votes for option in each.options] for each in answer.polls]
    yield Check("the votes of the poll, by option", wanted, found)
