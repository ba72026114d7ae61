"""What becomes of a question: each function returns it after a change, with the change noted."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from chassis.errors import FailedPrecondition, FieldViolation
from chassis.texts import legible
from services.sessions.domain.questions import (
    STANDING,
    AskQuestion,
    Question,
    QuestionAction,
    QuestionChange,
    QuestionMoment,
    QuestionPlace,
    QuestionState,
)
from services.sessions.domain.session import Session
from services.sessions.domain.states import expect_state, unfit_state

MOST_CHANGES = 200
"""Changes of a question that are kept."""
MOST_MOMENTS = 100
"""Moments of classes at which a question was answered that are kept; of more, the latest."""


def asked(
    command: AskQuestion,
    id_: str,
    session: Session | None,
    own_groups: Iterable[str],
    now: datetime,
    class_second: float | None = None,
) -> Question:
    """Return the question that is asked, on no agenda yet. `own_groups`: those of the asker;
    `class_second`: what the recording shows where it is asked.
    """
    groups = {*own_groups, *(session.group_ids if session else ())}
    seconds = command.offset_seconds
    if session is not None and command.place is QuestionPlace.LIVE:
        seconds = seconds_of(session, now)
    question = Question(
        id=id_,
        run_id=command.run_id,
        group_ids=tuple(sorted(groups)),
        asker_id=command.learner_id,
        text=legible(command.text),
        asked_at=now,
        place=command.place,
        asked_in=command.session_id,
        item_id=command.item_id,
        offset_seconds=seconds,
        class_second=class_second,
        open_since=now,
    )
    return noted(question, now, QuestionAction.ASKED, person_id=command.learner_id)


def edited(question: Question, text: str, person_id: str, now: datetime) -> Question:
    """Return the question with another text. Raises FailedPrecondition unless it is OPEN."""
    expect(question, "edited", QuestionState.OPEN)
    before = noted(question, now, QuestionAction.EDITED, person_id=person_id, text=question.text)
    return replace(before, text=legible(text))


def withdrawn(question: Question, now: datetime) -> Question:
    """Return the question, taken back. Raises FailedPrecondition unless it is OPEN, and nobody
    else's was merged into it.
    """
    expect(question, "withdrawn", QuestionState.OPEN)
    if question.merged_ids:
        wrong = "others have asked the same, and are waiting for the answer"
        raise FailedPrecondition(
            "the question can't be withdrawn", [FieldViolation("question_id", wrong)]
        )
    gone = replace(question, state=QuestionState.WITHDRAWN)
    return noted(gone, now, QuestionAction.WITHDRAWN, person_id=question.asker_id)


def hidden(question: Question, staff_id: str, reason: str, now: datetime) -> Question:
    """Return the question, hidden. Raises FailedPrecondition unless it is OPEN or ANSWERED."""
    expect(question, "hidden", *STANDING)
    gone = replace(question, state=QuestionState.HIDDEN)
    return noted(gone, now, QuestionAction.HIDDEN, person_id=staff_id, text=reason)


def reopened(question: Question, staff_id: str, now: datetime) -> Question:
    """Return the question, OPEN again and on no agenda yet. Raises FailedPrecondition unless it is
    ANSWERED or HIDDEN.
    """
    expect(question, "opened again", QuestionState.ANSWERED, QuestionState.HIDDEN)
    again = replace(question, state=QuestionState.OPEN, open_since=now)
    return noted(again, now, QuestionAction.REOPENED, person_id=staff_id)


def merged(question: Question, target_id: str, staff_id: str, now: datetime) -> Question:
    """Return a question after it was merged into another one."""
    gone = replace(
        question,
        state=QuestionState.MERGED,
        merged_into=target_id,
        merged_ids=(),
    )
    return noted(gone, now, QuestionAction.MERGED, person_id=staff_id, question_id=target_id)


def gathering(
    target: Question, duplicates: Iterable[Question], staff_id: str, now: datetime
) -> Question:
    """Return a question after others were merged into it. It comes to the classes of their groups,
    too: all who asked wait for its answer.
    """
    for one in duplicates:
        groups = sorted({*target.group_ids, *one.group_ids})
        family = (*target.merged_ids, *one.family)
        target = replace(target, merged_ids=family, group_ids=tuple(groups))
        target = noted(target, now, QuestionAction.GATHERED, person_id=staff_id, question_id=one.id)
    return target


def moment_of(session: Session, at: datetime) -> QuestionMoment:
    """Return a moment of a class that has begun."""
    return QuestionMoment(session.id, at, seconds_of(session, at))


def answered(
    question: Question, staff_id: str, moment: QuestionMoment | None, now: datetime
) -> Question:
    """Return the question with an answer. Raises FailedPrecondition unless it is OPEN or
    ANSWERED.
    """
    expect(question, "answered", *STANDING)
    done = replace(
        question,
        state=QuestionState.ANSWERED,
        answered_at=now,
        moments=_with(question.moments, moment),
    )
    session_id = moment.session_id if moment else ""
    return noted(done, now, QuestionAction.ANSWERED, person_id=staff_id, session_id=session_id)


def _with(
    moments: tuple[QuestionMoment, ...], moment: QuestionMoment | None
) -> tuple[QuestionMoment, ...]:
    if moment is None or moment in moments:
        return moments
    return (*moments, moment)[-MOST_MOMENTS:]


def reply_hidden(
    question: Question, reply_id: str, staff_id: str, reason: str, now: datetime
) -> Question:
    """Return the question with the note that staff hid a reply of its thread."""
    action = QuestionAction.HIDDEN
    return noted(question, now, action, person_id=staff_id, reply_id=reply_id, text=reason)


def noted(
    question: Question,
    at: datetime,
    action: QuestionAction,
    *,
    person_id: str = "",
    session_id: str = "",
    question_id: str = "",
    reply_id: str = "",
    text: str = "",
) -> Question:
    """Return the question with one more change in its history."""
    change = QuestionChange(
        at=at,
        action=action,
        person_id=person_id,
        session_id=session_id,
        question_id=question_id,
        reply_id=reply_id,
        text=text,
    )
    return replace(question, history=(*question.history, change)[-MOST_CHANGES:])


def seconds_of(session: Session, at: datetime) -> float:
    """Return the seconds from a class's real start to an instant."""
    return (at - (session.started_at or at)).total_seconds()


def expect(question: Question, done: str, *states: QuestionState) -> None:
    """Raise FailedPrecondition unless the question is in one of `states`, so that it can be
    `done`.
    """
    expect_state("question", question.state, done, states)


def state_violations(question: Question, done: str, *states: QuestionState) -> list[FieldViolation]:
    """Return a violation if the question is in none of `states`, so that it can't be `done`."""
    return unfit_state("question", question.state, done, states)
