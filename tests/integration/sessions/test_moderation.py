"""Moderation through the real edge and MongoDB: what it stops, who may do it, and what is kept."""

from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.sessions.v1 import live_pb2, moderation_pb2, questions_pb2, resources_pb2

from chassis.errors import PermissionDenied
from services.sessions.domain.class_log import seen_by
from services.sessions.usecases import channel
from tests.integration.sessions.school import RUN, TEACHER, School, Stub, race, refused

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID = grpc.StatusCode.INVALID_ARGUMENT
DENIED = grpc.StatusCode.PERMISSION_DENIED
ROLES = {
    "assistant": options_pb2.STAFF_ROLE_ASSISTANT,
    "observer": options_pb2.STAFF_ROLE_OBSERVER,
    "head": options_pb2.STAFF_ROLE_TEACHER,
    TEACHER: options_pb2.STAFF_ROLE_TEACHER,
}
Session = resources_pb2.Session


def live(school: School) -> Session:
    """A class that is LIVE, with two learners and staff of each role."""
    school.enrol("ada", "bob")
    staff = [
        catalog_resources.StaffMember(person_id=each, role=role) for each, role in ROLES.items()
    ]
    facts = catalog.RunFacts(run_id=RUN, staff=staff, instructor_ids=[TEACHER])
    school.hear("rosters", catalog.RunStaffChanged(run_id=RUN, run=facts))
    return school.live(school.room())


def do(
    school: School, session: Session, name: str, person: str, by: str = TEACHER, **more: Any
) -> moderation_pb2.ModerationAct:
    """Moderate a person, as staff without any role but that in the run."""
    request = getattr(moderation_pb2, f"{name}PersonRequest")(
        session_id=session.id, person_id=person, reason="noise", **more
    )
    act = getattr(Stub(school.channel_for(by)), f"{name}Person")(request)
    assert isinstance(act, moderation_pb2.ModerationAct)
    return act


def change(
    school: School, session: Session, name: str, number: int, by: str = TEACHER
) -> moderation_pb2.ModerationAct:
    """Hide or show an entry."""
    request = getattr(moderation_pb2, f"{name}EntryRequest")(
        session_id=session.id, entry_number=number, reason="rude"
    )
    act = getattr(Stub(school.channel_for(by)), f"{name}Entry")(request)
    assert isinstance(act, moderation_pb2.ModerationAct)
    return act


def say(school: School, session: Session, person: str, text: str = "Hello") -> live_pb2.ClassEntry:
    """Write in the chat."""
    request = live_pb2.SendChatRequest(session_id=session.id, text=text)
    return Stub(school.channel_for(person)).SendChat(request)


def move_hand(school: School, session: Session, person: str, raised: bool) -> live_pb2.ClassEntry:
    """Raise a hand, or take it down."""
    request = live_pb2.MoveHandRequest(session_id=session.id, raised=raised)
    return Stub(school.channel_for(person)).MoveHand(request)


def chat(school: School, session: Session, person: str) -> list[str]:
    """The texts of the chat as a person reads them."""
    request = live_pb2.ListChatRequest(session_id=session.id)
    entries = Stub(school.channel_for(person)).ListChat(request).entries
    return [each.chat.text for each in entries]


def kept(school: School, session: Session, by: str = TEACHER) -> list[moderation_pb2.ModerationAct]:
    """What was moderated, as a person lists it."""
    request = moderation_pb2.ListModerationRequest(session_id=session.id)
    return list(Stub(school.channel_for(by)).ListModeration(request).acts)


def test_who_is_muted_can_neither_write_nor_raise_a_hand(school: School) -> None:
    """Until unmuted; others can, and a hand that is up can be taken down."""
    session = live(school)
    say(school, session, "ada")
    move_hand(school, session, "ada", raised=True)
    do(school, session, "Mute", "ada")
    code, text = refused(lambda: say(school, session, "ada"))
    assert (code, "muted" in text) == (DENIED, True)
    assert refused(lambda: move_hand(school, session, "ada", raised=True))[0] is DENIED
    move_hand(school, session, "ada", raised=False)
    say(school, session, "bob")
    do(school, session, "Unmute", "ada")
    say(school, session, "ada")


def test_who_is_removed_can_not_come_back(school: School) -> None:
    """Neither join the live channel of this class nor write there, until readmitted."""
    session = live(school)
    store = school.database.reader()
    assert not channel.join(store, session.id, "ada").removed
    do(school, session, "Mute", "ada")
    do(school, session, "Remove", "ada")
    with pytest.raises(PermissionDenied, match="removed"):
        channel.join(store, session.id, "ada")
    assert refused(lambda: say(school, session, "ada"))[0] is DENIED
    do(school, session, "Readmit", "ada")
    assert channel.join(store, session.id, "ada").muted


def ask(school: School, session: Session, person: str, text: str = "Why?") -> str:
    """Ask in the class; the id of the question."""
    request = questions_pb2.AskQuestionRequest(
        run_id=RUN, learner_id=person, text=text, session_id=session.id
    )
    return school.learner(person).AskQuestion(request).question.id


def edit(school: School, question_id: str, person: str) -> questions_pb2.Question:
    """Change the text of a question."""
    request = questions_pb2.EditQuestionRequest(
        question_id=question_id, learner_id=person, text="Rude"
    )
    return school.learner(person).EditQuestion(request)


@pytest.mark.parametrize(("stop", "undo"), [("Mute", "Unmute"), ("Remove", "Readmit")])
def test_who_may_not_write_shows_the_class_no_question(
    school: School, stop: str, undo: str
) -> None:
    """The class would see a new question, and the new text of an older one. In between they can
    ask, and they can take a question back.
    """
    session = live(school)
    asked = ask(school, session, "ada")
    do(school, session, stop, "ada")
    for write in (lambda: ask(school, session, "ada"), lambda: edit(school, asked, "ada")):
        assert refused(write)[0] is DENIED
    ask(school, resources_pb2.Session(), "ada")
    school.learner("ada").WithdrawQuestion(
        questions_pb2.WithdrawQuestionRequest(question_id=asked, learner_id="ada")
    )
    do(school, session, undo, "ada")
    edit(school, ask(school, session, "ada"), "ada")


def test_learners_of_other_groups_ask_nothing_in_a_class(school: School) -> None:
    """A class of a group is not theirs, and they could not join its channel either."""
    school.enrol("ada", "bob")
    groups = [
        catalog.GroupChanged(group_id="g", run_id=RUN, name="G"),
        catalog.GroupMemberChanged(run_id=RUN, learner_id="ada", group_ids=["g"]),
    ]
    school.hear("rosters", *groups)
    session = school.live(school.room(), group_ids=["g"])
    ask(school, session, "ada")
    assert refused(lambda: ask(school, session, "bob"))[0] is DENIED


def test_an_act_needs_a_reason_that_can_be_read(school: School) -> None:
    """Spaces and invisible characters are none."""
    session = live(school)
    number = say(school, session, "ada").number
    for reason in ("  ", "\u200b"):
        muting = moderation_pb2.MutePersonRequest(
            session_id=session.id, person_id="ada", reason=reason
        )
        hiding = moderation_pb2.HideEntryRequest(
            session_id=session.id, entry_number=number, reason=reason
        )
        assert refused(lambda one=muting: school.staff.MutePerson(one))[0] is INVALID  # type: ignore[misc]
        assert refused(lambda one=hiding: school.staff.HideEntry(one))[0] is INVALID  # type: ignore[misc]
    assert kept(school, session) == []


def test_a_repeat_answers_the_act_by_which_it_holds(school: School) -> None:
    """And is not kept twice, also of two moderators at once; what does not hold can't be undone."""
    session = live(school)
    code, text = refused(lambda: do(school, session, "Unmute", "ada"))
    assert (code, "is not muted" in text) == (PRECONDITION, True)
    request = moderation_pb2.MutePersonRequest(
        session_id=session.id, person_id="ada", reason="noise"
    )
    acts = race(lambda _: school.api.MutePerson(request, None), range(4))
    assert len({each.number for each in acts}) == 1
    assert do(school, session, "Mute", "ada", by="assistant") == acts[0]
    assert len(kept(school, session)) == 1


def test_each_act_is_kept_with_its_reason(school: School) -> None:
    """Teachers and registrars read who did what to whom, why and when; others don't."""
    session = live(school)
    number = say(school, session, "ada").number
    do(school, session, "Mute", "ada", by="assistant", request_id="r1")
    do(school, session, "Mute", "ada", by="assistant", request_id="r1")
    change(school, session, "Hide", number)
    rows = kept(school, session)
    assert rows == list(
        school.staff.ListModeration(
            moderation_pb2.ListModerationRequest(session_id=session.id)
        ).acts
    )
    assert [(each.moderator_id, each.person_id, each.reason) for each in rows] == [
        ("assistant", "ada", "noise"),
        (TEACHER, "ada", "rude"),
    ]
    assert [(each.action, each.entry_number) for each in rows] == [
        (moderation_pb2.MODERATION_ACTION_MUTE, 0),
        (moderation_pb2.MODERATION_ACTION_HIDE, number),
    ]
    assert rows[0].at == school.at()
    for other in ("assistant", "observer", "ada"):
        assert refused(lambda o=other: kept(school, session, by=o))[0] is DENIED  # type: ignore[misc]


def test_hidden_text_is_blank_to_learners(school: School) -> None:
    """Staff and the log keep it, and it can be shown again."""
    session = live(school)
    number = say(school, session, "ada", "Rude").number
    say(school, session, "bob", "Polite")
    change(school, session, "Hide", number)
    assert chat(school, session, "bob") == ["", "Polite"]
    assert chat(school, session, TEACHER) == ["Rude", "Polite"]
    stored = school.database.reader().entries_after(session.id, 0, 1)[0]
    assert stored.hidden
    assert stored.chat is not None
    assert stored.chat.text == "Rude"
    change(school, session, "Show", number)
    assert chat(school, session, "bob") == ["Rude", "Polite"]


def test_only_text_of_the_chat_can_be_hidden(school: School) -> None:
    """Not a hand, and not what is not there."""
    session = live(school)
    hand = move_hand(school, session, "ada", raised=True).number
    for number in (hand, 99):
        code, text = refused(lambda n=number: change(school, session, "Hide", n))  # type: ignore[misc]
        assert (code, "entry_number" in text or "moderated" in text) == (PRECONDITION, True)


def test_nobody_moderates_who_is_above_them(school: School) -> None:
    """An assistant can't mute a teacher or hide a teacher's text; a teacher and a registrar can.
    Observers and learners moderate nobody.
    """
    session = live(school)
    number = say(school, session, "head").number
    code, text = refused(lambda: do(school, session, "Mute", "head", by="assistant"))
    assert (code, "TEACHER" in text) == (DENIED, True)
    assert refused(lambda: change(school, session, "Hide", number, by="assistant"))[0] is DENIED
    do(school, session, "Remove", "observer", by="assistant")
    do(school, session, "Mute", "head", by=TEACHER)
    school.staff.UnmutePerson(
        moderation_pb2.UnmutePersonRequest(session_id=session.id, person_id="head", reason="sorry")
    )
    for other in ("observer", "bob"):
        assert refused(lambda o=other: do(school, session, "Mute", "ada", by=o))[0] is DENIED  # type: ignore[misc]


def test_strangers_are_not_moderated(school: School) -> None:
    """Who is neither learner nor staff of the run is refused by name."""
    session = live(school)
    code, text = refused(lambda: do(school, session, "Remove", "zoe"))
    assert (code, "person of the class" in text) == (PRECONDITION, True)


def test_learners_see_what_is_for_them(school: School) -> None:
    """What was done with a person is told to the person and to staff; to others the entry is empty,
    and its number stays.
    """
    session = live(school)
    do(school, session, "Mute", "ada")
    (entry,) = school.database.reader().entries_after(session.id, 0, 9)
    assert seen_by(entry, "ada", is_staff=False) == entry
    assert seen_by(entry, "head", is_staff=True) == entry
    other = seen_by(entry, "bob", is_staff=False)
    assert (other.number, other.moderated, other.person_id) == (1, None, "")
