"""Putting open questions on agendas, and counting their votes, in units of work of their own.

Who changes a class or asks a question notes it in the same unit of work. What is done for a note is
done in a later one, which sees all that was committed with it or before: so of a question and the
end of its class at the same moment, the later look sees both.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from services.sessions.domain.agendas import agenda_of, is_placed, placed, was_left_open
from services.sessions.domain.question_events import (
    QuestionCarriedOver,
    QuestionVoted,
    about_question,
)
from services.sessions.domain.questions import Question
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases.questions import show

MOST = 200
"""Questions that one unit of work looks at."""


def place_next(store: Store, run_id: str, after: str) -> str:
    """Put the next open questions of a run, after one ("": from the first on), on their agendas.

    Return the last one; empty when there are no more.
    """
    found = store.open_questions(run_id, after, MOST)
    _place(store, run_id, found)
    return found[-1].id if len(found) == MOST else ""


def place_some(store: Store, run_id: str, question_ids: Collection[str]) -> str:
    """Put those of some questions of a run that are open on their agendas; return nothing more to
    do, as `place_next` does at the end.
    """
    found = store.questions(question_ids).values()
    _place(store, run_id, [each for each in found if is_placed(each)])
    return ""


def count_votes(store: Store, question_id: str) -> None:
    """Count the votes of a question, and tell them if they changed."""
    store.drop_vote_notes(question_id)
    question = store.question(question_id)
    votes = store.question_tallies([question_id]).get(question_id, 0)
    if question is None or question.merged_into:
        _pass_on(store, question)
    elif votes != question.votes:
        counted = replace(question, votes=votes)
        store.put_questions(counted)
        store.record_event(about_question(counted, QuestionVoted, counted_at=store.now))


def _pass_on(store: Store, question: Question | None) -> None:
    """Note the question into which one was merged while somebody voted for it."""
    if question is not None:
        store.note_votes(question.merged_into)


def _place(store: Store, run_id: str, found: Sequence[Question]) -> None:
    coming = store.classes_to_come(run_id) if found else []
    wanted = {each.id: agenda_of(each, coming) for each in found}
    moving = [each for each in found if each.session_id != wanted[each.id]]
    known = _sessions(store, {each.session_id for each in moving}, coming)
    askers = store.askers_of([id_ for each in moving for id_ in each.merged_ids])
    for each in moving:
        also = {askers[id_] for id_ in each.merged_ids if id_ in askers} - {each.asker_id}
        _move(store, each, known.get(each.session_id), known.get(wanted[each.id]), sorted(also))


def _sessions(
    store: Store, ids: Collection[str], coming: Iterable[Session]
) -> Mapping[str, Session]:
    before = store.sessions_with({each for each in ids if each})
    return {**before, **{each.id: each for each in coming}}


def _move(
    store: Store,
    question: Question,
    before: Session | None,
    after: Session | None,
    also_asked_by: Sequence[str],
) -> None:
    """Move a question from one agenda to another, and tell it."""
    moved = placed(question, after.id if after else "", before, store.now)
    store.put_questions(moved)
    left_open = was_left_open(before)
    if left_open:
        store.count(Happening.CARRIED_OVER)
    holders = [each.instructor_id for each in (before if left_open else None, after) if each]
    store.record_event(
        about_question(
            moved,
            QuestionCarriedOver,
            from_session_id=question.session_id,
            from_title=before.title if before else "",
            left_open=left_open,
            title=after.title if after else "",
            start_time=after.start_time if after else None,
            instructor_ids=tuple(dict.fromkeys(holders)),
            carried_at=store.now,
            also_asked_by=tuple(also_asked_by) if left_open else (),
        )
    )
    show(store, moved, question.session_id, moved.session_id)
