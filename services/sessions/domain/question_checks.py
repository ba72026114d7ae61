"""What speaks against asking, voting for, replying to, merging and answering questions."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from chassis.errors import FieldViolation
from chassis.texts import is_blank
from services.sessions.domain.enums import SessionState
from services.sessions.domain.question_changes import state_violations
from services.sessions.domain.questions import (
    STANDING,
    AnswerQuestion,
    AskQuestion,
    Question,
    QuestionAction,
    QuestionState,
)
from services.sessions.domain.recording_line import Track, class_second_of
from services.sessions.domain.roster import Enrolment, Item, Run, is_enrolled
from services.sessions.domain.session import Session, instant_text

MOST_OPEN = 50
"""Open questions of one learner in a run."""
MOST_ASKED = 100
"""Questions that one learner asks in a run within `A_DAY`, also those that were withdrawn."""
A_DAY = timedelta(days=1)
MOST_REPLIES = 500
"""Replies of learners in a thread; staff may always reply."""
MOST_OWN_REPLIES = 50
"""Replies of one learner in a thread, so that nobody fills it alone."""
MOST_EDITS = 20
"""How often a question's text is changed: each earlier text is kept."""
MOST_MERGED = 200
"""Questions that are merged into one: an answer is told to each of their askers at once."""
SKEW = timedelta(seconds=30)
"""How much later than ours the clock may be by which a moment of a class was told."""


def text_violations(text: str) -> list[FieldViolation]:
    """Return a violation for a text in which nothing can be seen."""
    return [FieldViolation("text", "is blank", "words")] if is_blank(text) else []


def ask_violations(command: AskQuestion) -> Iterator[FieldViolation]:
    """Yield everything that is wrong with asking, whatever the state."""
    yield from text_violations(command.text)
    if command.item_id and not command.session_id:
        yield FieldViolation("session_id", "is empty", "the class of the recording")
    if command.offset_seconds and not command.item_id:
        yield FieldViolation("offset_seconds", "no item is named", "the recording, or 0")


def place_violations(
    command: AskQuestion, session: Session | None, item: Item | None, tracks: Sequence[Track]
) -> Iterator[FieldViolation]:
    """Yield a violation for a class or a recording at which nobody can ask. `tracks`: the recorded
    files of the class.
    """
    if session is None:
        return
    if not command.item_id and session.state is not SessionState.LIVE:
        right = "a session that is LIVE, or none"
        yield FieldViolation("session_id", f"the session is {session.state}", right)
    if command.item_id and session.started_at is None:
        wrong = f"the session is {session.state}, and has no recording"
        yield FieldViolation("session_id", wrong, "a session that was held")
    if command.item_id and (item is None or not item.available):
        yield FieldViolation("item_id", f"{command.item_id!r} can't be watched", "a recording")
    if command.item_id:
        yield from _file_violations(command, tracks)


def _file_violations(command: AskQuestion, tracks: Sequence[Track]) -> Iterator[FieldViolation]:
    """Yield a violation for a file that is no part of the recording, or a second outside of it."""
    known = {each.item_id: each for each in tracks}
    if command.item_id not in known:
        wrong = f"{command.item_id!r} is no part of the session's recording"
        yield FieldViolation("item_id", wrong, "a part of it")
    elif class_second_of(tracks, command.item_id, command.offset_seconds) is None:
        right = f"at most {known[command.item_id].seconds:g}, where the file ends"
        yield FieldViolation("offset_seconds", f"is {command.offset_seconds:g}", right)


def member_violations(
    run_id: str, run: Run | None, enrolment: Enrolment | None, now: datetime, field: str
) -> Iterator[FieldViolation]:
    """Yield what speaks against a learner (in a field) who asks, votes or replies in a run."""
    if run is not None and run.is_over(now):
        yield FieldViolation("run_id", f"run {run_id!r} is over", "a run that goes on")
    if not is_enrolled(enrolment):
        yield FieldViolation(field, f"has no place in run {run_id!r}", "a learner who has one")


def limit_violations(open_now: int, asked_lately: int) -> Iterator[FieldViolation]:
    """Yield a violation for a learner who has as many open questions in the run as allowed, or has
    asked as many within `A_DAY`.
    """
    if open_now >= MOST_OPEN:
        wrong = f"has {open_now} open questions in the run"
        yield FieldViolation("learner_id", wrong, f"at most {MOST_OPEN}: withdraw one")
    if asked_lately >= MOST_ASKED:
        wrong = f"has asked {asked_lately} questions in the run within a day"
        yield FieldViolation("learner_id", wrong, f"at most {MOST_ASKED} a day")


def edit_violations(question: Question) -> Iterator[FieldViolation]:
    """Yield a violation for a question whose text was changed as often as allowed."""
    edits = sum(each.action is QuestionAction.EDITED for each in question.history)
    if edits >= MOST_EDITS:
        right = f"at most {MOST_EDITS} times: withdraw it and ask anew"
        yield FieldViolation("question_id", f"its text was changed {edits} times", right)


def reply_violations(of_learners: int, own: int) -> Iterator[FieldViolation]:
    """Yield a violation for a thread that is full, or in which a learner has written enough."""
    if of_learners >= MOST_REPLIES:
        wrong = f"its thread has {of_learners} replies of learners"
        yield FieldViolation("question_id", wrong, f"at most {MOST_REPLIES}")
    if own >= MOST_OWN_REPLIES:
        wrong = f"has written {own} replies in the thread"
        yield FieldViolation("person_id", wrong, f"at most {MOST_OWN_REPLIES}")


def merge_violations(
    target: Question,
    duplicate_ids: Collection[str],
    new: Collection[Question],
    known: Collection[Question],
) -> Iterator[FieldViolation]:
    """Yield everything that speaks against merging some questions into another one.

    `known`: those of them that exist; `new`: those that were not merged into it before.
    """
    yield from state_violations(target, "merged into", *STANDING)
    for each in sorted(set(duplicate_ids) - {one.id for one in known}):
        yield FieldViolation("duplicate_ids", f"{each!r} is unknown", "a question of the run")
    for one in new:
        yield from _duplicate_violations(target, one)
    count = len(target.merged_ids) + sum(len(one.family) for one in new)
    if count > MOST_MERGED:
        yield FieldViolation("duplicate_ids", f"{count} would be merged", f"at most {MOST_MERGED}")


def _duplicate_violations(target: Question, one: Question) -> Iterator[FieldViolation]:
    if one.run_id != target.run_id:
        yield FieldViolation("duplicate_ids", f"{one.id!r} is of another run", "one of the run")
    if one.id == target.id:
        yield FieldViolation("duplicate_ids", f"{one.id!r} is the same question", "another one")
    elif one.state is not QuestionState.OPEN:
        wrong = f"{one.id!r} is {one.state}"
        yield FieldViolation("duplicate_ids", wrong, "questions that are OPEN")


def answer_violations(command: AnswerQuestion) -> Iterator[FieldViolation]:
    """Yield everything that is wrong with an answer, whatever the state."""
    if not (command.text or command.session_id or command.reply_id):
        yield FieldViolation("text", "there is no answer", "words, a session, or a reply")
    if command.text:
        yield from text_violations(command.text)
    if command.at and not command.session_id:
        yield FieldViolation("at", "no session is named", "the session as well")


def is_ahead(command: AnswerQuestion, session: Session) -> bool:
    """Return whether an answer in words came in a class before it began, in its live channel: then
    it has no moment.
    """
    return bool(command.text or command.reply_id) and not command.at and session.started_at is None


def moment_violations(
    session: Session, at: datetime | None, now: datetime
) -> Iterator[FieldViolation]:
    """Yield what is wrong with a moment (None: now) of a class in which an answer was given."""
    if session.started_at is None:
        right = "a session that was held"
        yield FieldViolation("session_id", f"the session is {session.state}", right)
    elif at is None and session.ended_at is not None:
        yield FieldViolation("at", "the session has ended", "the moment of the answer")
    elif at and not session.started_at <= at <= (session.ended_at or now + SKEW):
        until = instant_text(session.ended_at) if session.ended_at else "now"
        right = f"a moment from {instant_text(session.started_at)} until {until}"
        yield FieldViolation("at", f"is {instant_text(at)}", right)
