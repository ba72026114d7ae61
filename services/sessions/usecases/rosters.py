"""Updating the replicas of other services' data."""

from collections.abc import Sequence

from services.sessions.domain.enums import EnrolmentState
from services.sessions.domain.roster import Enrolment, EnrolmentUpdate, merge
from services.sessions.ports import Store
from services.sessions.usecases import help_outcomes
from services.sessions.usecases.seats import free_seats


def note_enrolments(store: Store, news: Sequence[EnrolmentUpdate]) -> None:
    """Update enrolments; a learner gives up seats in coming sessions that are not for them any
    more: of a run that they left, of groups that they are not in now.
    """
    if not news:
        return
    known = store.enrolments({each.key for each in news})
    after, left, moved = dict(known), set(), set()
    for each in news:
        before = after.get(each.key) or Enrolment(*each.key)
        after[each.key] = merge(before, each)
        if each.state is EnrolmentState.WITHDRAWN and after[each.key] != before:
            left.add(each.key)
        elif each.group_ids is not None and after[each.key] != before:
            moved.add(each.key)
    changed = [key for key in after if after[key] != known.get(key)]
    _note_as_they_were(store, [known.get(key) or Enrolment(*key) for key in changed])
    store.put_enrolments([after[key] for key in changed])
    store.note_clash_checks(learners={learner_id for _, learner_id in changed})
    store.note_rotations(store.rotated_sessions({run_id for run_id, _ in changed}))
    free_seats(store, left, {key: after[key] for key in moved - left})
    help_outcomes.note_enrolments(store, {key: after[key] for key in changed}, left)


def _note_as_they_were(store: Store, enrolments: Sequence[Enrolment]) -> None:
    """Store enrolments as they were before an update: the enrolments at the session's end decide
    who was expected.
    """
    for finalisation in store.finalisations({each.run_id for each in enrolments}):
        of_run = [
            each
            for each in enrolments
            if each.run_id == finalisation.run_id and not finalisation.has_passed(each.learner_id)
        ]
        store.note_enrolments(finalisation.id, of_run)
