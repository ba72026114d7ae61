"""What the use cases of questions need of the store."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.sessions.domain.questions import Question, QuestionReply
from services.sessions.domain.session import Session


@dataclass(frozen=True, slots=True)
class AgendaNote:
    """Something happened that agendas follow from: to the run's classes, or (`question_id`) to one
    question.
    """

    id: str
    run_id: str
    question_id: str = ""


@dataclass(frozen=True, slots=True)
class AgendaVotes:
    """How many learners want a question of an agenda answered."""

    session_id: str
    question_id: str
    votes: int


class QuestionStore(Protocol):
    """Questions as one unit of work sees them."""

    def question(self, question_id: str) -> Question | None:
        """Return a question; None if there is none."""

    def question_for_update(self, question_id: str) -> Question | None:
        """Return a question, locked against other units of work."""

    def questions(self, question_ids: Collection[str]) -> Mapping[str, Question]:
        """Return those of some questions that exist, by id."""

    def add_question(self, question: Question) -> None:
        """Store a new question, which its asker wants answered."""

    def put_questions(self, *questions: Question) -> None:
        """Store changed questions."""

    def open_questions_of(self, run_id: str, learner_id: str) -> int:
        """Return how many OPEN questions a learner has in a run."""

    def questions_since(self, run_id: str, learner_id: str, since: datetime) -> int:
        """Return how many questions a learner has asked in a run since an instant."""

    def askers_of(self, question_ids: Collection[str]) -> Mapping[str, str]:
        """Return who asked those of some questions that exist, by question."""

    def open_questions(self, run_id: str, after: str, most: int) -> list[Question]:
        """Return up to `most` OPEN questions of a run, by id, after one ("": from the first on)."""

    # Replies

    def reply(self, reply_id: str) -> QuestionReply | None:
        """Return a reply; None if there is none."""

    def replies_of_learners(self, question_id: str, author_id: str) -> tuple[int, int]:
        """Return how many replies of learners a thread has, and how many of them one wrote."""

    def put_reply(self, reply: QuestionReply) -> None:
        """Store a reply, new or changed."""

    # Votes

    def put_question_vote(self, question_id: str, learner_id: str) -> bool:
        """Store that a learner wants a question answered; return whether that is new."""

    def drop_question_votes(self, question_ids: Collection[str], learner_id: str) -> bool:
        """Delete a learner's votes for some questions; return whether there were any."""

    def note_votes(self, question_id: str) -> None:
        """Note that the votes of a question are to be counted."""

    def drop_vote_notes(self, question_id: str) -> None:
        """Delete the notes of a question that this unit of work sees."""

    def question_tallies(self, question_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many learners want each of some questions answered, each learner once."""

    def agenda_votes(self, session_ids: Collection[str], most: int) -> list[AgendaVotes]:
        """Return the votes of the `most` most wanted questions on the agenda of each of some
        sessions, as they were counted last.
        """

    def voted_since(self, question_ids: Collection[str]) -> list[str]:
        """Return those of some questions whose votes have changed since they were counted last."""

    # Agendas

    def note_agendas(self, run_ids: Collection[str], question_id: str = "") -> None:
        """Note that the agendas of some runs, or of one question only, are to be looked at."""

    def drop_agenda_notes(self, notes: Sequence[AgendaNote]) -> None:
        """Delete notes."""

    def classes_to_come(self, run_id: str) -> list[Session]:
        """Return the LIVE sessions of a run, and the SCHEDULED ones that may still be held."""
