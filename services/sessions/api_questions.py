"""The RPCs of questions, and what each caller sees of a question.

Learners do not see who of them asked, replied or voted: so who fears to look foolish asks, too.
Staff sees who; and everyone sees who of the staff wrote something.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from tandem.sessions.v1 import questions_pb2, sessions_pb2_grpc

from chassis.context import principal
from chassis.context.principal import Principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.staff import members_of
from chassis.data.store import Database
from chassis.errors import PermissionDenied
from chassis.staff import StaffMember, within
from services.sessions import queries_questions, rights
from services.sessions.domain.questions import (
    GONE,
    AnswerQuestion,
    AskQuestion,
    Question,
    QuestionAction,
    QuestionChange,
    QuestionMoment,
    QuestionReply,
)
from services.sessions.domain.recording_line import Place
from services.sessions.domain.similarity import Similar
from services.sessions.queries_questions import QuestionsWanted
from services.sessions.store import SessionsStore
from services.sessions.usecases import answers, lookup, merging, questions, recorded_moments
from services.sessions.usecases.recorded_moments import RecordedPlaces

BY_ASKERS = (QuestionAction.ASKED, QuestionAction.EDITED, QuestionAction.WITHDRAWN)
FOR_STAFF = (QuestionAction.EDITED, QuestionAction.HIDDEN)
"""Changes whose text only staff reads."""


class QuestionsApi(sessions_pb2_grpc.SessionsServiceServicer):
    """Calls a use case for each request about questions."""

    _database: Database[SessionsStore]

    def AskQuestion(
        self, request: questions_pb2.AskQuestionRequest, _context: Any
    ) -> questions_pb2.AskQuestionResponse:
        command = from_message(request, AskQuestion)
        question = self._question(request, lambda store: questions.ask(store, command))
        # Not within the unit of work: it reads many questions, and locks none.
        similar = self._similar(command.run_id, command.text, question.id)
        return questions_pb2.AskQuestionResponse(question=question, similar=similar)

    def EditQuestion(
        self, request: questions_pb2.EditQuestionRequest, _context: Any
    ) -> questions_pb2.Question:
        named, editor = (request.question_id, request.learner_id, request.text), _caller()
        return self._question(request, lambda store: questions.edit(store, *named, editor))

    def VoteQuestion(
        self, request: questions_pb2.VoteQuestionRequest, _context: Any
    ) -> questions_pb2.VoteQuestionResponse:
        named = request.question_id, request.learner_id, request.wanted
        voted = self._database.transact(lambda store: questions.vote(store, *named))
        return questions_pb2.VoteQuestionResponse(question_id=voted, wanted=request.wanted)

    def WithdrawQuestion(
        self, request: questions_pb2.WithdrawQuestionRequest, _context: Any
    ) -> questions_pb2.Question:
        named = request.question_id, request.learner_id
        return self._question(request, lambda store: questions.withdraw(store, *named))

    def MergeQuestions(
        self, request: questions_pb2.MergeQuestionsRequest, _context: Any
    ) -> questions_pb2.Question:
        staff_id, ids = _caller(), tuple(dict.fromkeys(request.duplicate_ids))

        def merge(store: SessionsStore) -> Question:
            _check_helps(store, store.questions(ids).values())
            return merging.merge(store, request.question_id, ids, staff_id)

        return self._question(request, merge)

    def AnswerQuestion(
        self, request: questions_pb2.AnswerQuestionRequest, _context: Any
    ) -> questions_pb2.Question:
        command, staff_id = from_message(request, AnswerQuestion), _caller()
        return self._question(request, lambda store: answers.answer(store, command, staff_id))

    def ReplyToQuestion(
        self, request: questions_pb2.ReplyToQuestionRequest, _context: Any
    ) -> questions_pb2.QuestionReply:
        def reply(store: SessionsStore) -> QuestionReply:
            question = questions.find(store, request.question_id)
            by_staff = rights.helps(store, request.person_id, question)
            named = request.question_id, request.person_id, request.text
            return answers.reply(store, *named, by_staff)

        return execute(self._database, request, questions_pb2.QuestionReply, reply)

    def ReopenQuestion(
        self, request: questions_pb2.ReopenQuestionRequest, _context: Any
    ) -> questions_pb2.Question:
        id_, staff_id = request.question_id, _caller()
        return self._question(request, lambda store: questions.reopen(store, id_, staff_id))

    def HideQuestion(
        self, request: questions_pb2.HideQuestionRequest, _context: Any
    ) -> questions_pb2.Question:
        id_, staff_id = request.question_id, _caller()

        def hide(store: SessionsStore) -> Question:
            if request.reply_id:
                named = request.reply_id, staff_id, request.reason
                return answers.hide_reply(store, id_, *named)
            return questions.hide(store, id_, staff_id, request.reason)

        return self._question(request, hide)

    def GetQuestion(
        self, request: questions_pb2.GetQuestionRequest, _context: Any
    ) -> questions_pb2.GetQuestionResponse:
        store = self._database.reader()
        found = questions.find(store, request.question_id)
        viewer = _viewer(store, [found])
        seen = found if viewer.sees(found) else questions.own(found, viewer.principal.subject)
        rows, token = queries_questions.replies_page(store, seen.id, page_of(request))
        [question] = _shown(store, [seen])
        question.history.extend(viewer.change(seen, each) for each in seen.history)
        replies = (viewer.reply(seen, each) for each in rows)
        return questions_pb2.GetQuestionResponse(
            question=question, replies=replies, next_page_token=token
        )

    def ListQuestions(
        self, request: questions_pb2.ListQuestionsRequest, _context: Any
    ) -> questions_pb2.ListQuestionsResponse:
        store = self._database.reader()
        wanted = from_message(request, QuestionsWanted)
        own_of = None if _works_in(store, request.run_id) else _caller()
        rows, token = queries_questions.questions_page(store, wanted, own_of, page_of(request))
        return questions_pb2.ListQuestionsResponse(
            questions=_shown(store, rows), next_page_token=token
        )

    def ListAgenda(
        self, request: questions_pb2.ListAgendaRequest, _context: Any
    ) -> questions_pb2.ListAgendaResponse:
        store = self._database.reader()
        session = lookup.session(store, request.session_id)
        rows, token = queries_questions.agenda_page(store, session.id, page_of(request))
        return questions_pb2.ListAgendaResponse(
            questions=_shown(store, rows), next_page_token=token
        )

    def SuggestDuplicates(
        self, request: questions_pb2.SuggestDuplicatesRequest, _context: Any
    ) -> questions_pb2.SuggestDuplicatesResponse:
        similar = self._similar(request.run_id, request.text)
        return questions_pb2.SuggestDuplicatesResponse(similar=similar)

    def _question(
        self, request: Any, work: Callable[[SessionsStore], Question]
    ) -> questions_pb2.Question:
        """Do work that changes a question, and answer with the question."""

        def answer(store: SessionsStore) -> questions_pb2.Question:
            [shown] = _shown(store, [work(store)])
            return shown

        return execute(self._database, request, questions_pb2.Question, answer)

    def _similar(
        self, run_id: str, text: str, but: str = ""
    ) -> list[questions_pb2.SimilarQuestion]:
        store = self._database.reader()
        similar, reaches = queries_questions.similar_questions, principal.current().reaches
        found = [
            (each, question)
            for each, question in similar(store, run_id, text, but)
            if reaches(question.run_id, question.group_ids)
        ]
        shown = _shown(store, [question for _, question in found])
        return [_alike(each, question) for (each, _), question in zip(found, shown, strict=True)]


@dataclass(frozen=True, slots=True)
class Viewer:
    """What a caller sees of questions."""

    principal: Principal
    staff: dict[str, StaffMember | None]
    """The caller among the staff, by run."""
    held: Set[str]
    """The sessions of the questions that the caller holds, perhaps as a guest."""

    def sees_people(self, question: Question) -> bool:
        """Return whether the caller sees who asked and replied."""
        member = within(self.staff.get(question.run_id), question.group_ids)
        holds = not self.held.isdisjoint({question.session_id, question.asked_in})
        return self.principal.is_office or member is not None or holds

    def sees(self, question: Question) -> bool:
        """Return whether the caller sees a question that others asked."""
        return question.state not in GONE or self.sees_people(question)

    def question(
        self, question: Question, wanted: bool, places: RecordedPlaces
    ) -> questions_pb2.Question:
        """Return a question without its history. `places`: where recordings show its moments."""
        moments = [_moment(each, places.of_moment(each)) for each in question.moments]
        asked = _place(places.of_question(question), "shown_item_id", "shown_second")
        more = {"wanted": wanted, "history": (), "moments": moments, **asked}
        shown = to_message(question, questions_pb2.Question, **more)
        if not self._knows(question, question.asker_id):
            shown.asker_id = ""
        return shown

    def change(self, question: Question, change: QuestionChange) -> questions_pb2.QuestionChange:
        """Return one of a question's changes."""
        shown = to_message(change, questions_pb2.QuestionChange)
        if change.action in BY_ASKERS and not self._knows(question, change.person_id):
            shown.person_id = ""
        if change.action in FOR_STAFF and not self.sees_people(question):
            shown.text = ""
        return shown

    def reply(self, question: Question, reply: QuestionReply) -> questions_pb2.QuestionReply:
        """Return a reply in a question's thread."""
        shown = to_message(reply, questions_pb2.QuestionReply)
        if not reply.by_staff and not self._knows(question, reply.author_id):
            shown.author_id = ""
        if reply.hidden and not self.sees_people(question):
            shown.text = ""
        return shown

    def _knows(self, question: Question, person_id: str) -> bool:
        return person_id == self.principal.subject or self.sees_people(question)


def _viewer(store: SessionsStore, found: Sequence[Question]) -> Viewer:
    """Return what the caller sees of some questions."""
    caller = principal.current()
    if caller.is_office:
        return Viewer(caller, {}, frozenset())
    held = rights.classes_held(store, caller.subject, found)
    return Viewer(caller, members_of(store, caller.subject), held)


def _works_in(store: SessionsStore, run_id: str) -> bool:
    """Return whether the caller is staff of a run, or of groups of it."""
    caller = principal.current()
    return caller.is_office or members_of(store, caller.subject).get(run_id) is not None


def _shown(store: SessionsStore, found: Sequence[Question]) -> list[questions_pb2.Question]:
    """Return questions as the API shows them to the caller."""
    viewer, wanted = _viewer(store, found), store.wanted_by(_caller(), found)
    places = recorded_moments.places_of(store, found)
    return [viewer.question(each, each.id in wanted, places) for each in found]


def _moment(moment: QuestionMoment, place: Place | None) -> questions_pb2.QuestionMoment:
    shown = _place(place, "item_id", "second")
    return to_message(moment, questions_pb2.QuestionMoment, **shown)


def _place(place: Place | None, item_id: str, second: str) -> dict[str, Any]:
    """Return a place in fields of these names."""
    return {item_id: place.item_id, second: place.second} if place else {}


def _alike(found: Similar, question: questions_pb2.Question) -> questions_pb2.SimilarQuestion:
    return to_message(found, questions_pb2.SimilarQuestion, question=question)


def _check_helps(store: SessionsStore, found: Iterable[Question]) -> None:
    """Check that the caller is at least an ASSISTANT for each of some questions. Raises
    PermissionDenied.
    """
    caller = principal.current()
    if not caller.is_office and not all(rights.helps(store, caller.subject, e) for e in found):
        raise PermissionDenied("this call needs to be assistant for each of the questions")


def _caller() -> str:
    return principal.current().subject
