"""Answering questions, and the replies in their threads."""

from collections.abc import Iterable
from dataclasses import replace

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.sessions.domain import question_changes as changes
from services.sessions.domain import question_checks as checks
from services.sessions.domain.question_events import QuestionAnswered, about_question
from services.sessions.domain.questions import (
    STANDING,
    AnswerQuestion,
    Question,
    QuestionMoment,
    QuestionReply,
    QuestionState,
)
from services.sessions.domain.roster import Run
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import lookup
from services.sessions.usecases.questions import find, lock, show


def answer(store: Store, command: AnswerQuestion, staff_id: str) -> Question:
    """Answer a question in words, live, or by a reply, and tell all who asked it.

    Raises Invalid, NotFound, or FailedPrecondition with everything that speaks against it.
    """
    check(checks.answer_violations(command))
    before = lock(store, command.question_id)
    session = _session_of(store, command, before)
    moment = _moment(store, command, session)
    accepted = _accept(store, command)
    question = changes.answered(before, staff_id, moment, store.now)
    store.put_questions(question)
    if command.text:
        store.put_reply(_written(store, command.question_id, staff_id, command.text, True, True))
    merged = store.questions(question.merged_ids).values()
    words = command.text or (accepted.text if accepted else "")
    tell(store, question, [question, *merged], staff_id, words, session, moment)
    show(store, question, before.session_id, command.session_id)
    if before.state is QuestionState.OPEN:
        store.count(Happening.ANSWERED_LIVE if moment else Happening.ANSWERED_IN_WORDS)
    return question


def reply(
    store: Store, question_id: str, author_id: str, text: str, by_staff: bool
) -> QuestionReply:
    """Write a reply into a thread. Raises Invalid, NotFound, or FailedPrecondition."""
    check(checks.text_violations(text))
    question = find(store, question_id)
    wrong = [*changes.state_violations(question, "replied to", *STANDING)]
    if not by_staff:
        enrolment = store.enrolment_for_update(question.run_id, author_id)
        run = store.replicas(Run, [question.run_id]).get(question.run_id)
        wrong += checks.member_violations(question.run_id, run, enrolment, store.now, "person_id")
        wrong += checks.reply_violations(*store.replies_of_learners(question_id, author_id))
    check_state("the reply can't be written", wrong)
    written = _written(store, question_id, author_id, text, by_staff, False)
    store.put_reply(written)
    return written


def hide_reply(
    store: Store, question_id: str, reply_id: str, staff_id: str, reason: str
) -> Question:
    """Hide a reply from learners, and note in the question's history who did so and why; of a
    hidden one, return the question as it is. Raises NotFound.
    """
    before = lock(store, question_id)
    found = _reply(store, question_id, reply_id)
    if found.hidden:
        return before
    store.put_reply(replace(found, hidden=True))
    question = changes.reply_hidden(before, reply_id, staff_id, reason, store.now)
    store.put_questions(question)
    return question


def _session_of(store: Store, command: AnswerQuestion, question: Question) -> Session | None:
    """Return the session in which a question was answered. Raises NotFound."""
    if not command.session_id:
        return None
    session = lookup.session(store, command.session_id)
    if session.run_id != question.run_id:
        wrong = f"{session.id!r} is of another run"
        raise NotFound("no such session", [FieldViolation("session_id", wrong)])
    return session


def _moment(
    store: Store, command: AnswerQuestion, session: Session | None
) -> QuestionMoment | None:
    if session is None or checks.is_ahead(command, session):
        return None
    wrong = checks.moment_violations(session, command.at, store.now)
    check_state("the question can't be answered then", wrong)
    return changes.moment_of(session, command.at or store.now)


def _accept(store: Store, command: AnswerQuestion) -> QuestionReply | None:
    """Store that a reply is the answer, and return it. Raises NotFound, or FailedPrecondition."""
    if not command.reply_id:
        return None
    found = _reply(store, command.question_id, command.reply_id)
    if found.hidden:
        wrong = FieldViolation("reply_id", "the reply is hidden", "a reply that learners see")
        check_state("the reply can't be the answer", [wrong])
    store.put_reply(replace(found, is_answer=True))
    return found


def _reply(store: Store, question_id: str, reply_id: str) -> QuestionReply:
    found = store.reply(reply_id)
    if found is None or found.question_id != question_id:
        wrong = f"{reply_id!r} is unknown in the thread"
        raise NotFound("no such reply", [FieldViolation("reply_id", wrong)])
    return found


def _written(
    store: Store, question_id: str, author_id: str, text: str, by_staff: bool, is_answer: bool
) -> QuestionReply:
    return QuestionReply(
        id=store.new_id(),
        question_id=question_id,
        author_id=author_id,
        text=text,
        written_at=store.now,
        by_staff=by_staff,
        is_answer=is_answer,
    )


def tell(
    store: Store,
    question: Question,
    asked: Iterable[Question],
    staff_id: str,
    words: str,
    session: Session | None,
    moment: QuestionMoment | None,
) -> None:
    """Tell who asked a question, or one that was merged into it, that it is answered."""
    for each in asked:
        store.record_event(
            about_question(
                each,
                QuestionAnswered,
                answered_question_id=question.id,
                answer=words,
                session_id=session.id if session else "",
                session_title=session.title if session else "",
                offset_seconds=moment.offset_seconds if moment else 0.0,
                answered_by=staff_id,
                answered_at=store.now,
            )
        )
