"""Monday morning: the live channel of the lecture: a hand, the chat, and a poll."""

from collections import Counter
from collections.abc import Iterator

from tandem.sessions.v1 import live_pb2, polls_pb2

from campus.attending import Attending
from campus.demo.check import Check
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
    """Let somebody online ask and vote together with the room, and all see the results at once."""
    world.go_to(1, "09:20")
    session_id = world.sessions[PHYSICS]
    asker, listener = (min(world.groups[name]) for name in ("online_present", "room_present"))
    enter = world.campus.attend
    with (
        enter(instructor(PHYSICS), "instructor", session_id) as teacher,
        enter(asker, "learner", session_id) as online,
        enter(listener, "learner", session_id) as in_room,
    ):
        _talk(world, asker, online, in_room)
        poll_id = _ask(teacher)
        _vote(world, poll_id, in_room)
        _close(world, poll_id, teacher, in_room)


def _talk(world: World, asker: str, online: Attending, in_room: Attending) -> None:
    online.send("hand", move_hand=live_pb2.MoveHandRequest(raised=True))
    online.send("chat", send_chat=live_pb2.SendChatRequest(text="Is light as fast in glass?"))
    in_room.until("the chat", lambda: any(each.HasField("chat") for each in in_room.entries()))
    world.narrator.say(
        f"In the lecture's live channel {asker}, at home, raises a hand and writes; "
        "everybody sees it at once."
    )


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
