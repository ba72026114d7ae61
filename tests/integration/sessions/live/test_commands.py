"""Questions, polls and moderation as commands of the live channel."""

from collections.abc import Sequence

from tandem.sessions.v1 import moderation_pb2, polls_pb2, questions_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from services.sessions.live.frames import Request
from tests.integration.sessions.live.replicas import Entry, LiveSchool, Member
from tests.integration.sessions.school import RUN

Question = questions_pb2.Question
Poll = polls_pb2.Poll
Act = moderation_pb2.ModerationAct
State = questions_pb2.QuestionState
REQUESTS = {
    each.input_type.full_name: each.name
    for each in sessions_pb2.DESCRIPTOR.services_by_name["SessionsService"].methods
}
IN_THE_CHANNEL = {"join", "ping", "authorize"}


def people(live: LiveSchool) -> tuple[Member, Member, Member]:
    """Two learners and the teacher, on two replicas."""
    first, second = live.replica(), live.replica()
    return (
        live.member(first, "ada").joined(),
        live.member(second, "bea").joined(),
        live.member(second, "curie", "instructor").joined(),
    )


def entries(member: Member, count: int) -> list[Entry]:
    """The entries that a member has got, once there are so many."""
    member.wait(lambda it: len(it.numbers()) == count, f"{count} entries")
    found: list[Entry] = member.all("entry")
    return found


def ask(member: Member, learner: str, text: str) -> Question:
    """A question that a learner asks in the class."""
    asked = questions_pb2.AskQuestionRequest(run_id=RUN, learner_id=learner, text=text)
    return member.do(text, questions_pb2.AskQuestionResponse(), ask_question=asked).question


def shown(found: Sequence[Entry]) -> list[tuple[str, str]]:
    """The questions in some entries: text and state."""
    return [
        (each.question.text, State.Name(each.question.state).removeprefix("QUESTION_STATE_"))
        for each in found
        if each.HasField("question")
    ]


def test_each_command_is_an_rpc() -> None:
    """Whatever a member can send, but what the channel answers itself, is the request of an RPC
    that has the command's name.
    """
    fields = Request.DESCRIPTOR.oneofs_by_name["what"].fields
    for field in fields:
        if field.name not in IN_THE_CHANNEL:
            assert field.message_type is not None
            name = field.name.replace("_", "")
            assert REQUESTS[field.message_type.full_name].lower() == name


def test_a_question_in_class(live: LiveSchool) -> None:
    """A learner asks, another votes, the teacher merges, answers and hides: all see it on both
    replicas, and no learner sees who asked.
    """
    ada, bea, curie = people(live)
    why, how = ask(ada, "ada", "Why is it so?"), ask(bea, "bea", "How come?")
    assert (why.asker_id, why.session_id) == ("ada", live.session_id)
    wanted = questions_pb2.VoteQuestionRequest(question_id=why.id, learner_id="bea", wanted=True)
    bea.do("vote", questions_pb2.VoteQuestionResponse(), vote_question=wanted)
    same = questions_pb2.MergeQuestionsRequest(question_id=why.id, duplicate_ids=[how.id])
    assert curie.do("merge", Question(), merge_questions=same).asker_id == "ada"
    here = questions_pb2.AnswerQuestionRequest(question_id=why.id)
    answered = curie.do("answer", Question(), answer_question=here)
    assert [each.session_id for each in answered.moments] == [live.session_id]
    rude = ask(bea, "bea", "Rude")
    hide = questions_pb2.HideQuestionRequest(question_id=rude.id, reason="rude")
    curie.do("hide", Question(), hide_question=hide)
    seen = [shown(entries(each, 6)) for each in (ada, bea, curie)]
    assert seen[0] == seen[1] == seen[2]
    assert sorted(seen[0][:3]) == [
        ("How come?", "MERGED"),
        ("How come?", "OPEN"),
        ("Why is it so?", "OPEN"),
    ]
    assert seen[0][3:] == [("Why is it so?", "ANSWERED"), ("Rude", "OPEN"), ("", "HIDDEN")]
    assert not any(each.person_id for member in (ada, bea) for each in member.all("entry"))


def test_who_asked_is_told_to_no_fellow_learner(live: LiveSchool) -> None:
    """Nothing that another learner gets names the asker: entries, answers, presence."""
    ada, bea, _ = people(live)
    ask(ada, "ada", "Why is it so?")
    entries(bea, 1)
    asked = questions_pb2.AskQuestionRequest(
        run_id=RUN, learner_id="bea", text="Why is it so, then?"
    )
    answer = bea.do("ask", questions_pb2.AskQuestionResponse(), ask_question=asked)
    assert [each.question.asker_id for each in answer.similar] == [""]
    entries(bea, 2)
    assert not [each for each in bea.received if b"ada" in each.SerializeToString()]


def test_an_answer_in_words_before_the_class(live: LiveSchool) -> None:
    """The channel is open, and the class has not begun: the answer has no moment in it. An answer
    without words is refused.
    """
    noon = types_pb2.CivilTime(local="2026-03-02T12:00:00", zone="Europe/Dublin")
    live.school.clock.forward(hours=-2)
    lab = live.school.schedule(live.school.room("Lab"), starts=noon, instructor_id="bohr")
    curie = live.member(live.replica(), "curie", "instructor", session_id=lab.id).joined()
    asked = questions_pb2.AskQuestionRequest(run_id=RUN, learner_id="ada", text="What to bring?")
    question = live.school.learner("ada").AskQuestion(asked).question
    silent = questions_pb2.AnswerQuestionRequest(question_id=question.id)
    assert curie.ask("silent", answer_question=silent).refused.code == "FAILED_PRECONDITION"
    said = questions_pb2.AnswerQuestionRequest(question_id=question.id, text="A coat.")
    answered = curie.do("said", Question(), answer_question=said)
    assert (answered.state, len(answered.moments)) == (State.QUESTION_STATE_ANSWERED, 0)


def test_a_poll_in_class(live: LiveSchool) -> None:
    """It is opened, voted in and closed; all are told on both replicas, and nobody who voted."""
    ada, bea, curie = people(live)
    asked = polls_pb2.OpenPollRequest(
        question="What is g?",
        options=["9.8 m/s", "9.8 m/s2"],
        right=[2],
        results_shown=polls_pb2.POLL_RESULTS_AT_ONCE,
    )
    assert ada.ask("not staff", open_poll=asked).refused.code == "PERMISSION_DENIED"
    poll = curie.do("open", Poll(), open_poll=asked)
    for member, name in ((ada, "ada"), (bea, "bea")):
        vote = polls_pb2.VotePollRequest(poll_id=poll.id, learner_id=name, choices=[2])
        member.do("vote", polls_pb2.VotePollResponse(), vote_poll=vote)
    foreign = polls_pb2.VotePollRequest(poll_id=poll.id, learner_id="ada", choices=[1])
    assert bea.ask("foreign", vote_poll=foreign).refused.code == "PERMISSION_DENIED"
    curie.do("close", Poll(), close_poll=polls_pb2.ClosePollRequest(poll_id=poll.id))
    seen = [entries(each, 2) for each in (ada, bea, curie)]
    assert seen[0] == seen[1] == seen[2]
    opened, closed = seen[0]
    assert opened.poll_asked.poll_id == closed.poll_answered.poll_id == poll.id
    assert (closed.poll_answered.voters, list(closed.poll_answered.right)) == (2, [2])
    assert {each.person_id for each in seen[0]} == {"curie"}


def test_moderation_in_class(live: LiveSchool) -> None:
    """The teacher mutes a learner, whose chat is refused until unmuted; hides text and shows it
    again; removes a learner, whose stream ends and who may join after the teacher readmits.
    """
    ada, bea, curie = people(live)
    about = {"person_id": "bea", "reason": "noise"}
    curie.do("mute", Act(), mute_person=moderation_pb2.MutePersonRequest(**about))
    bea.chat("But")
    refused = bea.wait(lambda it: it.all("refused"), "a refusal")
    assert (refused[0].code, "muted" in refused[0].message) == ("PERMISSION_DENIED", True)
    curie.do("unmute", Act(), unmute_person=moderation_pb2.UnmutePersonRequest(**about))
    bea.chat("Rude")
    ada.wait(lambda it: it.texts() == ["Rude"], "the text")
    hide = moderation_pb2.HideEntryRequest(entry_number=3, reason="rude")
    curie.do("hide", Act(), hide_entry=hide)
    show = moderation_pb2.ShowEntryRequest(entry_number=3, reason="It was a quotation.")
    curie.do("show", Act(), show_entry=show)
    hidden = [each.moderated.entry_number for each in entries(ada, 5)]
    assert hidden == [0, 0, 0, 3, 3]
    curie.do("remove", Act(), remove_person=moderation_pb2.RemovePersonRequest(**about))
    bea.wait_over()
    curie.do("readmit", Act(), readmit_person=moderation_pb2.ReadmitPersonRequest(**about))
    live.member(live.replica(), "bea").joined()
