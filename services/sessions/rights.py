"""What a caller is to what a request is about: staff or learner of runs, or who holds a class."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from chassis.context.principal import Principal
from chassis.data.staff import members_in, members_of
from chassis.data.store import Database
from chassis.edge.access import Relation
from chassis.staff import StaffMember, StaffRole, within
from services.sessions import queries
from services.sessions.domain.questions import Question
from services.sessions.domain.series import Series
from services.sessions.domain.session import Session
from services.sessions.store import SessionsStore
from services.sessions.usecases import lookup, polls, questions


@dataclass(frozen=True, slots=True)
class Viewer:
    """What a caller sees of sessions beside what everyone in their run sees."""

    principal: Principal
    staff: Mapping[str, StaffMember | None]
    """The caller among the staff, by run."""
    enrolled_in: Set[str]

    def joins(self, session: Session) -> bool:
        """Return whether the caller may join it: staff, its instructor, learners with a place."""
        return self.reads(session) or session.run_id in self.enrolled_in

    def reads(self, session: Session) -> bool:
        """Return whether the caller reads what staff may see of it."""
        return self._holds(session, StaffRole.OBSERVER)

    def shows_code(self, session: Session) -> bool:
        """Return whether the caller may show the code for check-ins in the room."""
        return self._holds(session, StaffRole.ASSISTANT)

    def _holds(self, session: Session, least: StaffRole) -> bool:
        if self.principal.is_office or session.instructor_id == self.principal.subject:
            return True
        member = within(self.staff.get(session.run_id), session.group_ids)
        return member is not None and member.role.includes(least)


def viewer(store: SessionsStore, principal: Principal, sessions: Iterable[Session]) -> Viewer:
    """Return what a caller sees of some sessions."""
    if principal.is_office:
        return Viewer(principal, {}, frozenset())
    runs = {session.run_id for session in sessions}
    enrolled = queries.own_runs(store, runs, principal.subject)
    return Viewer(principal, members_of(store, principal.subject), enrolled)


def relation(database: Database[SessionsStore], person_id: str, about: str, value: Any) -> Relation:
    """Return a caller's relation to a run (`run_id`), to the run of a session (`session_id`), of a
    series (`series_id`), a poll (`poll_id`) or a question (`question_id`), or to a feed
    (`feed_id`).

    Raises NotFound if there is none, and Unavailable if the run is not known here yet.
    """
    store = database.reader()
    if not value:
        return Relation(members_of(store, person_id), store.runs_of(person_id))
    if about == "session_id":
        return _to_classes(store, lookup.session(store, value), person_id)
    if about == "series_id":
        return _to_classes(store, lookup.series(store, value), person_id)
    if about == "poll_id":
        session = lookup.session(store, polls.poll_of(store, value).session_id)
        return _to_classes(store, session, person_id)
    if about == "question_id":
        return _to_question(store, questions.find(store, value), person_id)
    if about == "feed_id":
        return Relation(is_owner=lookup.feed(store, value).reader_id == person_id)
    return _to_run(store, value, person_id)


def groups_of(store: SessionsStore, request: Any) -> Sequence[str]:
    """Return the groups of the session or series that a request names, or else its own."""
    if request.series_id:
        return lookup.series(store, request.series_id).group_ids
    if request.session_id:
        return lookup.session(store, request.session_id).group_ids
    return tuple(request.group_ids)


def _to_classes(store: SessionsStore, held: Session | Series, person_id: str) -> Relation:
    """Who holds a session or a series, perhaps as a guest of the run, is at least an ASSISTANT for
    it.
    """
    run_id = held.run_id
    member = within(members_in(store, person_id, [run_id])[run_id], held.group_ids)
    if held.instructor_id != person_id:
        return Relation({run_id: member}, store.runs_of(person_id, [run_id]))
    leads = member is not None and member.role is StaffRole.TEACHER
    guest = StaffMember(person_id=person_id, role=StaffRole.ASSISTANT)
    return Relation({run_id: member if leads else guest})


def helps(store: SessionsStore, person_id: str, question: Question) -> bool:
    """Return whether a person is at least an ASSISTANT for a question."""
    member = _to_question(store, question, person_id).staff[question.run_id]
    return member is not None and member.role.includes(StaffRole.ASSISTANT)


def classes_held(store: SessionsStore, person_id: str, questions: Iterable[Question]) -> Set[str]:
    """Return the sessions that a person holds, of those in which some questions were asked or are
    to be answered.
    """
    ids = {id_ for each in questions for id_ in (each.session_id, each.asked_in) if id_}
    held = store.sessions_with(ids).values()
    return {each.id for each in held if each.instructor_id == person_id}


def _to_question(store: SessionsStore, question: Question, person_id: str) -> Relation:
    """Who holds a class of a question, perhaps as a guest, is at least an ASSISTANT for it."""
    run_id = question.run_id
    member = within(members_in(store, person_id, [run_id])[run_id], question.group_ids)
    if member is None and classes_held(store, person_id, [question]):
        member = StaffMember(person_id=person_id, role=StaffRole.ASSISTANT)
    return Relation({run_id: member}, store.runs_of(person_id, [run_id]))


def _to_run(store: SessionsStore, run_id: str, person_id: str) -> Relation:
    members = members_in(store, person_id, [run_id])
    return Relation(members, store.runs_of(person_id, [run_id]))
