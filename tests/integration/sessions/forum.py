"""Questions at a school: asking them, voting, and letting the worker do its part."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from tandem.sessions.v1 import live_pb2, questions_pb2, resources_pb2, sessions_pb2
from tandem.types.v1 import types_pb2

from chassis.contracts.mapping import to_message
from services.sessions.timers_questions import count_votes, place_questions
from tests.integration.sessions.school import RUN, School

Question = questions_pb2.Question
State = questions_pb2.QuestionState
OPEN, ANSWERED = questions_pb2.QUESTION_STATE_OPEN, questions_pb2.QUESTION_STATE_ANSWERED
MERGED, HIDDEN = questions_pb2.QUESTION_STATE_MERGED, questions_pb2.QUESTION_STATE_HIDDEN
WITHDRAWN = questions_pb2.QUESTION_STATE_WITHDRAWN


class Forum:
    """The questions of a school's run."""

    def __init__(self, school: School, *learners: str) -> None:
        self.school = school
        school.enrol(*learners)

    def ask(self, learner: str, text: str, **more: Any) -> Question:
        """A question that a learner asked, as the learner sees it."""
        request = questions_pb2.AskQuestionRequest(
            run_id=RUN, learner_id=learner, text=text, **more
        )
        return self.school.learner(learner).AskQuestion(request).question

    def vote(self, learner: str, question: Question, wanted: bool = True) -> str:
        """The question that has the learner's vote."""
        request = questions_pb2.VoteQuestionRequest(
            question_id=question.id, learner_id=learner, wanted=wanted
        )
        return self.school.learner(learner).VoteQuestion(request).question_id

    def answer(self, question: Question, **how: Any) -> Question:
        """The question after staff answered it."""
        request = questions_pb2.AnswerQuestionRequest(question_id=question.id, **how)
        return self.school.staff.AnswerQuestion(request)

    def merge(self, question: Question, *duplicates: Question) -> Question:
        """The question after others were merged into it."""
        ids = [each.id for each in duplicates]
        request = questions_pb2.MergeQuestionsRequest(question_id=question.id, duplicate_ids=ids)
        return self.school.staff.MergeQuestions(request)

    def withdraw(self, question: Question, learner: str) -> Question:
        """The question after its asker took it back."""
        request = questions_pb2.WithdrawQuestionRequest(question_id=question.id, learner_id=learner)
        return self.school.learner(learner).WithdrawQuestion(request)

    def hide(self, question: Question, **more: str) -> Question:
        """The question after staff hid it."""
        request = questions_pb2.HideQuestionRequest(question_id=question.id, **more)
        return self.school.staff.HideQuestion(request)

    def reopen(self, question: Question) -> Question:
        """The question after staff opened it again."""
        request = questions_pb2.ReopenQuestionRequest(question_id=question.id)
        return self.school.staff.ReopenQuestion(request)

    def reply(self, person: str, question: Question, text: str) -> questions_pb2.QuestionReply:
        """A reply that somebody wrote."""
        request = questions_pb2.ReplyToQuestionRequest(
            question_id=question.id, person_id=person, text=text
        )
        return self.school.learner(person).ReplyToQuestion(request)

    def get(self, question: Question, reader: str = "") -> questions_pb2.GetQuestionResponse:
        """The question and its thread, as a learner sees them; without one, as staff does."""
        stub = self.school.learner(reader) if reader else self.school.staff
        return stub.GetQuestion(questions_pb2.GetQuestionRequest(question_id=question.id))

    def now(self, question: Question) -> Question:
        """The question as staff sees it now."""
        return self.get(question).question

    def agenda(self, session: resources_pb2.Session) -> list[str]:
        """The questions on a session's agenda, in order."""
        request = questions_pb2.ListAgendaRequest(session_id=session.id)
        return [each.id for each in self.school.staff.ListAgenda(request).questions]

    def classes(self, count: int, **changes: Any) -> list[resources_pb2.Session]:
        """Some sessions of an hour, one after the other, the first in four hours."""
        room = self.school.room(f"Room {self.school.clock.now():%H%M%S}")
        return [
            self.school.schedule(
                room,
                starts=types_pb2.CivilTime(
                    local=f"2026-03-02T{12 + 2 * place}:00:00", zone="Europe/Dublin"
                ),
                duration=Duration(seconds=3600),
                **changes,
            )
            for place in range(count)
        ]

    def start(self, session: resources_pb2.Session) -> None:
        """Start a session."""
        self.school.staff.StartSession(sessions_pb2.StartSessionRequest(session_id=session.id))

    def cancel(self, session: resources_pb2.Session) -> None:
        """Cancel a session."""
        self.school.staff.CancelSession(
            sessions_pb2.CancelSessionRequest(session_id=session.id, reason="The room is cold.")
        )

    def work(self) -> None:
        """Let the worker do all that is noted."""
        mongo = self.school.database.mongo
        while any(mongo[each].count_documents({}) for each in ("agenda_notes", "vote_notes")):
            place_questions(self.school.database)
            count_votes(self.school.database)

    def shown(self, session: resources_pb2.Session) -> list[tuple[str, str, str]]:
        """What the class was shown of questions, in order: question, text, state."""
        entries = self.school.database.reader().entries_after(session.id, 0, 1_000)
        told = [to_message(each, live_pb2.ClassEntry) for each in entries if each.question]
        assert not any(each.person_id for each in told)  # a class does not learn who asked
        return [
            (each.question.question_id, each.question.text, State.Name(each.question.state)[15:])
            for each in told
        ]
