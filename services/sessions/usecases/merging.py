"""Merging questions that are the same."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from chassis.errors import check_state
from services.sessions.domain import question_changes as changes
from services.sessions.domain import question_checks as checks
from services.sessions.domain.question_events import QuestionMerged, about_question
from services.sessions.domain.questions import Question, QuestionState
from services.sessions.ports import Store
from services.sessions.ports_counts import Happening
from services.sessions.usecases.answers import tell
from services.sessions.usecases.questions import find, show


def merge(
    store: Store, question_id: str, duplicate_ids: Collection[str], staff_id: str
) -> Question:
    """Merge questions into another one; if that is answered, tell their askers.

    Votes stay where they are: those of a question are counted with those of all that were merged
    into it. Raises NotFound, or FailedPrecondition with everything that speaks against it.
    """
    for each in sorted({question_id, *duplicate_ids}):
        store.question_for_update(each)  # of two merges at once, one starts again
    target = find(store, question_id)
    known = store.questions(duplicate_ids).values()
    new = [each for each in known if each.merged_into != target.id]
    wrong = checks.merge_violations(target, duplicate_ids, new, known)
    check_state("the questions can't be merged", wrong)
    if not new:
        return target
    target = changes.gathering(target, new, staff_id, store.now)
    gone = _put(store, target, new, staff_id)
    store.count(Happening.QUESTIONS_MERGED, len(new))
    if target.state is QuestionState.ANSWERED:
        _tell_answer(store, target, gone, staff_id)
    return target


def _put(store: Store, target: Question, new: Sequence[Question], staff_id: str) -> list[Question]:
    """Store a question and those that are merged into it; return these, with all that had been
    merged into them before.
    """
    earlier = store.questions([id_ for each in new for id_ in each.merged_ids])
    followers = [replace(each, merged_into=target.id) for each in earlier.values()]
    gone = [changes.merged(each, target.id, staff_id, store.now) for each in new]
    store.put_questions(target, *gone, *followers)
    store.note_votes(target.id)
    store.note_agendas([target.run_id], target.id)  # it may have come to other groups
    for before, after in zip(new, gone, strict=True):
        store.record_event(
            about_question(after, QuestionMerged, merged_by=staff_id, merged_at=store.now)
        )
        show(store, after, before.session_id)
    return [*gone, *followers]


def _tell_answer(store: Store, target: Question, gone: Sequence[Question], staff_id: str) -> None:
    moment = target.moments[-1] if target.moments else None
    session = store.session_by_id(moment.session_id) if moment else None
    tell(store, target, gone, staff_id, "", session, moment)
