"""Asking questions, voting for them, and what their askers and staff do with them."""

from collections.abc import Iterator
from dataclasses import replace

from chassis.errors import FieldViolation, NotFound, check, check_state
from chassis.texts import legible
from services.sessions.domain import question_changes as changes
from services.sessions.domain import question_checks as checks
from services.sessions.domain.agendas import agenda_of, is_live
from services.sessions.domain.class_log import ClassEntry, QuestionShown
from services.sessions.domain.question_events import (
    QuestionAsked,
    QuestionReopened,
    QuestionWithdrawn,
    about_question,
)
from services.sessions.domain.questions import (
    GONE,
    STANDING,
    AskQuestion,
    Question,
    QuestionPlace,
    QuestionState,
)
from services.sessions.domain.recording_line import class_second_of
from services.sessions.domain.roster import Item, Run
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases import channel, lookup, recorded_moments


def ask(store: Store, command: AskQuestion) -> Question:
    """Ask a question, and put it on an agenda.

    Raises Invalid, NotFound, or FailedPrecondition with everything that speaks against it; and
    PermissionDenied in a class in which the learner has no part, or is muted.
    """
    check(checks.ask_violations(command))
    session = _session_of(store, command)
    items = store.replicas(Item, [command.item_id] if command.item_id else [])
    files = recorded_moments.watched(store, session) if session and command.item_id else []
    # locked: of one learner's questions at once, each counts
    enrolment = store.enrolment_for_update(command.run_id, command.learner_id)
    run = _run(store, command.run_id)
    wrong = [
        *checks.place_violations(command, session, items.get(command.item_id), files),
        *checks.member_violations(command.run_id, run, enrolment, store.now, "learner_id"),
        *_limits(store, command),
    ]
    check_state("the question can't be asked", wrong)
    if session is not None and command.place is QuestionPlace.LIVE:
        channel.expect_may_write(store, session, command.learner_id)
    own_groups = enrolment.group_ids if enrolment else ()
    shown = class_second_of(files, command.item_id, command.offset_seconds)
    new = changes.asked(command, store.new_id(), session, own_groups, store.now, shown)
    question = _placed(store, new)
    store.add_question(question)
    store.record_event(
        about_question(question, QuestionAsked, instructor_ids=_teachers(store, question, run))
    )
    store.count(Happening[f"ASKED_{question.place}"])
    show(store, question, question.session_id)
    return question


def edit(store: Store, question_id: str, learner_id: str, text: str, editor_id: str) -> Question:
    """Change the text of a learner's OPEN question. Raises NotFound, Invalid, or
    FailedPrecondition; and PermissionDenied while it is on the agenda of a LIVE class in which the
    learner is muted.
    """
    check(checks.text_violations(text))
    before = own(lock(store, question_id), learner_id)
    if before.text == legible(text):
        return before
    wrong = [*checks.edit_violations(before), *_stranger(store, before.run_id, learner_id)]
    check_state("the question can't be edited", wrong)
    for session in _live_sessions(store, before.session_id):
        channel.expect_may_write(store, session, learner_id)
    question = changes.edited(before, text, editor_id, store.now)
    store.put_questions(question)
    show(store, question, question.session_id)
    return question


def vote(store: Store, question_id: str, learner_id: str, wanted: bool) -> str:
    """Store whether a learner wants a question answered; return the question that has the vote.

    Raises NotFound, or FailedPrecondition. It writes nothing that other voters write.
    """
    question = root(store, question_id)
    wrong = [
        *changes.state_violations(question, "voted for", *STANDING),
        *_stranger(store, question.run_id, learner_id),
    ]
    check_state("the vote can't be stored", wrong)
    if wanted:
        changed = store.put_question_vote(question.id, learner_id)
    else:
        changed = store.drop_question_votes(question.family, learner_id)
    if changed:
        store.note_votes(question.id)
    return question.id


def withdraw(store: Store, question_id: str, learner_id: str) -> Question:
    """Take a learner's OPEN question back; return a WITHDRAWN one as it is. Raises NotFound, or
    FailedPrecondition.
    """
    before = own(lock(store, question_id), learner_id)
    if before.state is QuestionState.WITHDRAWN:
        return before
    return _gone(store, before, changes.withdrawn(before, store.now))


def hide(store: Store, question_id: str, staff_id: str, reason: str) -> Question:
    """Hide a question from learners; return a HIDDEN one as it is. Raises NotFound, or
    FailedPrecondition.
    """
    before = lock(store, question_id)
    if before.state is QuestionState.HIDDEN:
        return before
    return _gone(store, before, changes.hidden(before, staff_id, reason, store.now), staff_id)


def reopen(store: Store, question_id: str, staff_id: str) -> Question:
    """Open an ANSWERED or HIDDEN question again; return an OPEN one as it is. Raises NotFound, or
    FailedPrecondition.
    """
    before = lock(store, question_id)
    if before.state is QuestionState.OPEN:
        return before
    question = _placed(store, changes.reopened(before, staff_id, store.now))
    store.put_questions(question)
    store.record_event(
        about_question(question, QuestionReopened, reopened_by=staff_id, reopened_at=store.now)
    )
    show(store, question, question.session_id)
    return question


def lock(store: Store, question_id: str) -> Question:
    """Return a question, locked against other units of work. Raises NotFound."""
    return _known(store.question_for_update(question_id), question_id)


def find(store: Store, question_id: str) -> Question:
    """Return a question. Raises NotFound."""
    return _known(store.question(question_id), question_id)


def root(store: Store, question_id: str) -> Question:
    """Return a question, or the one that it was merged into. Raises NotFound."""
    question = find(store, question_id)
    return find(store, question.merged_into) if question.merged_into else question


def own(question: Question, learner_id: str) -> Question:
    """Return a question that a learner asked. Raises NotFound for one of somebody else."""
    return _known(question if question.asker_id == learner_id else None, question.id)


def show(store: Store, question: Question, *session_ids: str) -> None:
    """Show a question, new or changed, in those of some classes that are LIVE."""
    text = "" if question.state in GONE else question.text
    shown = QuestionShown(question.id, text, question.state, question.merged_into)
    for session in _live_sessions(store, *session_ids):
        # without the person: a class does not learn who asked
        store.add_entry(ClassEntry(session_id=session.id, at=store.now, question=shown))


def _live_sessions(store: Store, *session_ids: str) -> list[Session]:
    """Return those of some sessions (empty: none) that are LIVE."""
    named = {each for each in session_ids if each}
    found = store.sessions_with(named).values() if named else ()
    return [each for each in found if is_live(each)]


def _gone(store: Store, before: Question, after: Question, hidden_by: str = "") -> Question:
    store.put_questions(after)
    store.record_event(
        about_question(after, QuestionWithdrawn, hidden_by=hidden_by, withdrawn_at=store.now)
    )
    show(store, after, before.session_id)
    return after


def _placed(store: Store, question: Question) -> Question:
    """Return a question on its agenda. Classes may change at the same time: a note makes the
    worker look once more.
    """
    store.note_agendas([question.run_id], question.id)
    return replace(question, session_id=agenda_of(question, store.classes_to_come(question.run_id)))


def _session_of(store: Store, command: AskQuestion) -> Session | None:
    """Return the session that a command names; None if it names none. Raises NotFound."""
    if not command.session_id:
        return None
    session = lookup.session(store, command.session_id)
    if session.run_id != command.run_id:
        wrong = f"{command.session_id!r} is unknown in run {command.run_id!r}"
        raise NotFound("no such session", [FieldViolation("session_id", wrong)])
    return session


def _stranger(store: Store, run_id: str, learner_id: str) -> Iterator[FieldViolation]:
    """Yield what speaks against a learner who votes, or edits, in a run."""
    enrolment = store.enrolments([(run_id, learner_id)]).get((run_id, learner_id))
    run = _run(store, run_id)
    return checks.member_violations(run_id, run, enrolment, store.now, "learner_id")


def _limits(store: Store, command: AskQuestion) -> Iterator[FieldViolation]:
    learner = command.run_id, command.learner_id
    lately = store.now - checks.A_DAY
    return checks.limit_violations(
        store.open_questions_of(*learner), store.questions_since(*learner, lately)
    )


def _run(store: Store, run_id: str) -> Run | None:
    return store.replicas(Run, [run_id]).get(run_id)


def _teachers(store: Store, question: Question, run: Run | None) -> tuple[str, ...]:
    """Return who holds the session on whose agenda a question is; without one, who teaches."""
    session = store.session_by_id(question.session_id) if question.session_id else None
    if session is not None:
        return (session.instructor_id,)
    return run.instructor_ids if run else ()


def _known(question: Question | None, question_id: str) -> Question:
    if question is None:
        wrong = f"{question_id!r} is unknown"
        raise NotFound("no such question", [FieldViolation("question_id", wrong)])
    return question
