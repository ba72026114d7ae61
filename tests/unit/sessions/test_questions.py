"""Questions: on whose agenda they are, what may be done with them, and which are alike."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import FailedPrecondition
from services.sessions.domain import question_changes
from services.sessions.domain import question_checks as checks
from services.sessions.domain.agendas import agenda_of, is_placed, placed
from services.sessions.domain.questions import (
    AnswerQuestion,
    AskQuestion,
    Question,
    QuestionAction,
    QuestionMoment,
    QuestionState,
)
from services.sessions.domain.session import Session, cancelled, ended, started
from services.sessions.domain.similarity import distinct_words, similar
from services.sessions.worker import timers
from tests.unit.sessions.examples import ENROLLED, HOUR, NINE, session

SECOND = timedelta(seconds=1)
MONDAY = session(id="monday")
TUESDAY = session(id="tuesday", start_time=NINE + 24 * HOUR, end_time=NINE + 25 * HOUR)
LIVE = started(MONDAY, NINE)


def asked(text: str = "Why?", **changes: object) -> Question:
    """A question of the run that was asked in between, an hour before nine."""
    command = AskQuestion("run", "ada", text)
    return replace(question_changes.asked(command, "q", None, (), NINE - HOUR), **changes)  # type: ignore[arg-type]


def test_the_next_class() -> None:
    """A question comes to the first class of its groups that may still be held."""
    sessions = [TUESDAY, MONDAY]
    assert agenda_of(asked(), sessions) == "monday"
    assert agenda_of(asked(), [TUESDAY, cancelled(MONDAY)]) == "tuesday"
    assert agenda_of(asked(), [TUESDAY, replace(MONDAY, not_held_at=NINE)]) == "tuesday"
    assert agenda_of(asked(), [TUESDAY, replace(MONDAY, group_ids=("b",))]) == "tuesday"
    of_b = asked(group_ids=("b",))
    assert agenda_of(of_b, [TUESDAY, replace(MONDAY, group_ids=("b",))]) == "monday"
    assert agenda_of(asked(), [replace(MONDAY, run_id="other")]) == ""


def test_a_class_that_has_begun() -> None:
    """It keeps what was asked before it and in it; what is asked elsewhere meanwhile is for the
    next.
    """
    later = NINE + SECOND
    assert agenda_of(asked(), [LIVE, TUESDAY]) == "monday"
    assert agenda_of(asked(open_since=later), [LIVE, TUESDAY]) == "tuesday"
    command = AskQuestion("run", "ada", "Why?", session_id="monday")
    live = question_changes.asked(command, "q", LIVE, (), later)
    assert (live.offset_seconds, agenda_of(live, [TUESDAY, LIVE])) == (1.0, "monday")
    assert agenda_of(live, [TUESDAY, ended(LIVE, later)]) == "tuesday"


def test_what_is_carried_over_is_counted() -> None:
    """Only the end of a class leaves a question open; a cancelled class just passes it on."""
    done = ended(LIVE, NINE + HOUR)
    carried = placed(asked(session_id="monday"), "tuesday", done, NINE + HOUR)
    assert (carried.session_id, carried.carried_over) == ("tuesday", 1)
    assert carried.history[-1].action is QuestionAction.CARRIED_OVER
    passed = placed(asked(session_id="monday"), "tuesday", cancelled(MONDAY), NINE)
    assert (passed.carried_over, passed.history[-1].action) == (0, QuestionAction.PLACED)


def after(
    facts: Iterable[str], looks: Iterable[bool]
) -> tuple[str, QuestionState, tuple[str, ...]]:
    """What is known of a question after facts came in an order; `looks`: after which of them the
    worker looked at the agendas.
    """
    friday = replace(TUESDAY, id="friday", start_time=NINE + 12 * HOUR)
    planned: dict[str, Session] = {}
    gone = set[str]()
    question, other = asked(), asked(id="other")
    for fact, look in zip(facts, looks, strict=True):
        match fact.split():
            case ["plan", name]:
                planned[name] = {"tuesday": TUESDAY, "friday": friday}[name]
            case ["cancel", name]:
                gone.add(name)
            case ["merge"]:
                question = question_changes.gathering(question, [other], "curie", NINE)
            case ["end"]:
                planned["monday"] = ended(LIVE, NINE + HOUR)
        if look:
            question = _looked_at(question, planned, gone)
    question = _looked_at(question, planned, gone)
    return question.session_id, question.state, question.merged_ids


def _looked_at(question: Question, planned: dict[str, Session], gone: set[str]) -> Question:
    sessions = [cancelled(each) if id_ in gone else each for id_, each in planned.items()]
    wanted = agenda_of(question, sessions)
    if not is_placed(question) or wanted == question.session_id:
        return question
    before = next((each for each in sessions if each.id == question.session_id), None)
    return placed(question, wanted, before, NINE)


@given(
    st.permutations(["plan tuesday", "plan friday", "cancel friday", "merge", "end"]),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_the_same_facts_end_in_the_same_state(facts: list[str], looks: list[bool]) -> None:
    """Whatever the order of plans, cancellations, ends and merges, and whenever the worker looks,
    the question is on the same agenda.
    """
    assert after(facts, looks) == ("tuesday", QuestionState.OPEN, ("other",))


@given(st.permutations(["b->a", "c->b", "d->b"]), st.data())
def test_merged_votes_count_each_learner_once(merges: list[str], data: st.DataObject) -> None:
    """In whatever order questions are merged, the votes of the one that stays are those of all."""
    votes = data.draw(
        st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from(["eve", "max", "kim"])))
    )
    known = {each: asked(id=each) for each in "abcd"}
    for merge in merges:
        source, target = (_root(known, each) for each in merge.split("->"))
        if source == target:
            continue
        gone = known[source]
        known[target] = question_changes.gathering(known[target], [gone], "curie", NINE)
        for each in gone.family:
            known[each] = replace(known[each], merged_into=target, merged_ids=())
    [root] = {_root(known, each) for each in "abcd"}
    assert {*known[root].family} == {*"abcd"}
    counted = {learner for question, learner in votes if question in known[root].family}
    assert counted == {learner for _, learner in votes}


def _root(known: dict[str, Question], id_: str) -> str:
    return known[id_].merged_into or id_


def test_the_worker_does_what_is_noted() -> None:
    """Agendas and votes have timers, and the votes of a question are told every few seconds."""
    every = {each.name: each.every for each in timers(HOUR)}
    assert every["sessions.agendas"] == SECOND
    assert every["sessions.votes"] == 3 * SECOND


def test_what_nobody_else_waits_for_is_withdrawn() -> None:
    """An OPEN question is taken back, but not if others' are merged into it."""
    assert question_changes.withdrawn(asked(), NINE).state is QuestionState.WITHDRAWN
    for wrong in (asked(merged_ids=("b",)), asked(state=QuestionState.ANSWERED)):
        with pytest.raises(FailedPrecondition):
            question_changes.withdrawn(wrong, NINE)


def test_each_state_allows_what_it_allows() -> None:
    """Changes of a question that is in another state are refused."""
    changes: dict[str, Callable[[Question], Question]] = {
        "edit": lambda one: question_changes.edited(one, "How?", "ada", NINE),
        "hide": lambda one: question_changes.hidden(one, "curie", "rude", NINE),
        "answer": lambda one: question_changes.answered(one, "curie", None, NINE),
        "reopen": lambda one: question_changes.reopened(one, "curie", NINE),
    }
    allowed = {
        QuestionState.OPEN: {"edit", "hide", "answer"},
        QuestionState.ANSWERED: {"hide", "answer", "reopen"},
        QuestionState.HIDDEN: {"reopen"},
        QuestionState.MERGED: set(),
        QuestionState.WITHDRAWN: set(),
    }
    for state in QuestionState:
        for name, change in changes.items():
            try:
                change(asked(state=state))
            except FailedPrecondition:
                assert name not in allowed[state], (name, state)
            else:
                assert name in allowed[state], (name, state)


def test_all_faults_of_a_request_are_told() -> None:
    """Blank words, a recording without its class, and a second without a recording."""
    wrong = AskQuestion("run", "ada", "\u200b ", item_id="film")
    assert [each.field for each in checks.ask_violations(wrong)] == ["text", "session_id"]
    wrong = AskQuestion("run", "ada", "Why?", offset_seconds=3)
    assert [each.field for each in checks.ask_violations(wrong)] == ["offset_seconds"]
    nothing = AnswerQuestion("q", at=NINE)
    assert [each.field for each in checks.answer_violations(nothing)] == ["text", "at"]
    assert not [*checks.member_violations("run", None, ENROLLED, NINE, "learner_id")]
    assert [*checks.member_violations("run", None, None, NINE, "learner_id")]


def test_nobody_floods() -> None:
    """A learner has 50 open questions, asks 100 a day, edits one 20 times, and writes 50 of the 500
    replies in a thread; each that is too much is told.
    """
    assert not [*checks.limit_violations(49, 99)]
    assert len([*checks.limit_violations(50, 100)]) == 2
    assert not [*checks.reply_violations(499, 49)]
    assert len([*checks.reply_violations(500, 50)]) == 2
    one = asked()
    for place in range(checks.MOST_EDITS):
        assert not [*checks.edit_violations(one)]
        one = question_changes.edited(one, f"Why {place}?", "ada", NINE)
    assert [each.field for each in checks.edit_violations(one)] == ["question_id"]


def test_merged_questions_come_to_the_classes_of_all_who_asked() -> None:
    """The groups of what is merged are added, each once."""
    target = asked(group_ids=("a",))
    merged = [asked(id=id_, group_ids=groups) for id_, groups in (("p", ("b", "a")), ("r", ("c",)))]
    assert question_changes.gathering(target, merged, "curie", NINE).group_ids == ("a", "b", "c")


def test_answers_at_many_moments_keep_the_latest() -> None:
    """The same moment is kept once, and of more than 100 the latest."""
    one = asked()
    for second in (0, 0, *range(1, 150)):
        moment = QuestionMoment("monday", NINE + second * SECOND, float(second))
        one = question_changes.answered(one, "curie", moment, NINE)
    assert [each.offset_seconds for each in one.moments] == [*range(50, 150)]


def test_moments_are_within_the_class() -> None:
    """An answer was given between the real start and the end, or now while it goes on."""
    done = ended(LIVE, NINE + HOUR)
    assert not [*checks.moment_violations(LIVE, None, NINE + HOUR)]
    assert not [*checks.moment_violations(done, NINE + HOUR, NINE + 5 * HOUR)]
    assert question_changes.moment_of(done, NINE + 90 * SECOND).offset_seconds == 90
    for held, at in (
        (MONDAY, NINE),
        (done, None),
        (done, NINE - SECOND),
        (done, NINE + HOUR + SECOND),
        (LIVE, NINE + 2 * HOUR),
    ):
        assert [*checks.moment_violations(held, at, NINE + HOUR)], at


def test_a_long_history_keeps_its_newest_changes() -> None:
    """Of more than 200 changes the newest are kept."""
    question = asked()
    for number in range(250):
        question = question_changes.edited(question, str(number), "ada", NINE)
    assert len(question.history) == 200
    assert question.history[-1].text == "248"


TEXTS = (
    "Why is the image upside down in a lens?",
    "When is the exam?",
    "Is the exam open book?",
    "How is the speed of light measured?",
)


def test_similar_by_rare_words() -> None:
    """Rare words make questions similar, in whatever order and case; frequent ones do not."""
    others = [(str(place), distinct_words(each)) for place, each in enumerate(TEXTS)]
    [found] = similar(distinct_words("UPSIDE DOWN: why is the image?"), others)
    assert found.id == "0"
    assert {*found.words} >= {"upside", "down", "image", "why"}
    assert similar(distinct_words("Is the weather of today nice?"), others) == []
    assert similar(distinct_words(""), others) == []
    assert similar(distinct_words("Why?"), []) == []


@pytest.mark.parametrize(
    ("asked", "again"),
    [
        (
            "Pourquoi l\u2019\u00e9lectron s\u2019\u00e9chappe-t-il ?",
            "POURQUOI L'E\u0301LECTRON S'ECHAPPE",
        ),
        ("为什么图像是倒的", "图像为什么是倒的"),
        ("ทำไมภาพจึงกลับหัว", "ภาพกลับหัวทำไม"),
        ("なぜ像は逆さまですか", "像が逆さまなのはなぜ"),
        ("प्रतिबिंब उल्टा क्यों है?", "क्यों उल्टा है प्रतिबिंब"),
        ("Почему изображение перевёрнуто?", "почему перевёрнуто ИЗОБРАЖЕНИЕ"),
        ("لِماذا الصورة مقلوبة؟", "لماذا الصورة مقلوبة"),
        ("\uff37\uff48\uff59\u3000is it so?", "why is it so"),
    ],
)
def test_the_same_question_in_any_script(asked: str, again: str) -> None:
    """Accents, case and forms do not count, and scripts without spaces have words, too."""
    others = [
        (each, distinct_words(each)) for each in (asked, "Quand est l'examen ?", "考试是什么时候")
    ]
    found = similar(distinct_words(again), others)
    assert found[0].id == asked
    assert found[0].similarity > 0.5


@given(st.lists(st.text(max_size=40), max_size=12), st.text(max_size=40))
def test_similarity_is_a_share(texts: list[str], text: str) -> None:
    """It is from 0.3 to 1; at most five are suggested, of which the same text is the first."""
    others = [(str(place), distinct_words(each)) for place, each in enumerate(texts)]
    found = similar(distinct_words(text), [*others, ("same", distinct_words(text))])
    assert len(found) <= 5
    assert all(0.3 <= each.similarity <= 1 for each in found)
    if distinct_words(text):
        assert found[0].similarity == pytest.approx(1)
    assert similar(distinct_words(text), others) == similar(distinct_words(text), others[::-1])
