"""Questions in MongoDB, their threads, their votes, and what is to be done for them.

A vote is a document of its own, under question and learner, so that a thousand learners who vote at
once do not wait for each other. It stays with its question when that is merged: the votes of a
question are those of its whole family, each learner once. Who votes notes that the question's votes
are to be counted; who changes what agendas follow from notes that, too. A worker acts on the notes
in units of work of its own, which see all that was committed with them or before.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from chassis.data.transactions import inserting
from services.sessions.domain.enums import SessionState
from services.sessions.domain.questions import Question, QuestionReply, QuestionState
from services.sessions.domain.session import Session
from services.sessions.domain.similarity import distinct_words
from services.sessions.ports_questions import AgendaNote, AgendaVotes
from services.sessions.store_attendance import key
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]
_BY_AGENDA = [("session_id", 1), ("votes", -1), ("asked_at", 1), ("_id", 1)]
_EACH = {"$sum": 1}
COMPARED = 2_000
"""Of so many open questions of a run, the newest, duplicates are suggested."""
MOST_SHOWN = 5_000
"""Questions of a class that the line of its recording shows."""


class QuestionsStore(SeriesStore):
    """The part of the store for questions."""

    def question(self, question_id: str) -> Question | None:
        """Return a question; None if there is none."""
        return self._one("questions", {"_id": question_id}, Question)

    def question_for_update(self, question_id: str) -> Question | None:
        """Return a question, and write to it at once, so that of two units of work one starts
        again.
        """
        return self._for_update("questions", question_id, Question)

    def questions(self, question_ids: Collection[str]) -> Mapping[str, Question]:
        """Return those of some questions that exist, by id."""
        rows = self.find_by_ids("questions", question_ids)
        return {row["_id"]: from_document(row, Question) for row in rows}

    def add_question(self, question: Question) -> None:
        """Store a new question, which its asker wants answered."""
        self.insert("questions", [_document(question)])
        self.put_question_vote(question.id, question.asker_id)

    def put_questions(self, *questions: Question) -> None:
        """Store changed questions."""
        self._put("questions", *map(_document, questions))

    def open_questions_of(self, run_id: str, learner_id: str) -> int:
        """Return how many OPEN questions a learner has in a run."""
        query = {"run_id": run_id, "asker_id": learner_id, "state": QuestionState.OPEN}
        return int(self["questions"].count_documents(query, session=self.session))

    def questions_since(self, run_id: str, learner_id: str, since: datetime) -> int:
        """Return how many questions a learner has asked in a run since an instant."""
        query = {"run_id": run_id, "asker_id": learner_id, "asked_at": {"$gt": since}}
        return int(self["questions"].count_documents(query, session=self.session))

    def askers_of(self, question_ids: Collection[str]) -> Mapping[str, str]:
        """Return who asked those of some questions that exist, by question."""
        rows = self.find_by_ids("questions", question_ids, projection={"asker_id": 1})
        return {row["_id"]: row["asker_id"] for row in rows}

    def open_questions(self, run_id: str, after: str, most: int) -> list[Question]:
        """Return up to `most` OPEN questions of a run, by id, after one ("": from the first on)."""
        query = {"run_id": run_id, "state": QuestionState.OPEN, "_id": {"$gt": after}}
        rows = self["questions"].find(query, session=self.session).sort("_id").limit(most)
        return [from_document(row, Question) for row in rows]

    def questions_asked_in(self, session_id: str) -> list[Question]:
        """Return the questions that were asked in a class or at its recording, without their
        history; the first `MOST_SHOWN`.
        """
        return self._shown({"asked_in": session_id})

    def questions_answered_in(self, session: Session) -> list[Question]:
        """Return the ANSWERED questions with a live answer in a class, without their history; the
        first `MOST_SHOWN`.
        """
        answered = {"moments.session_id": session.id, "state": QuestionState.ANSWERED}
        return self._shown(answered)

    def _shown(self, query: Document) -> list[Question]:
        rows = self["questions"].find(query, {"history": 0, "words": 0}, session=self.session)
        return [from_document(row, Question) for row in rows.sort("_id").limit(MOST_SHOWN)]

    def words_of_open(self, run_id: str) -> list[tuple[str, list[str]]]:
        """Return the newest OPEN questions of a run: their ids and words."""
        query = {"run_id": run_id, "state": QuestionState.OPEN}
        rows = self["questions"].find(query, {"words": 1}, session=self.session)
        return [(row["_id"], row["words"]) for row in rows.sort("_id", -1).limit(COMPARED)]

    # Replies

    def reply(self, reply_id: str) -> QuestionReply | None:
        """Return a reply; None if there is none."""
        return self._one("question_replies", {"_id": reply_id}, QuestionReply)

    def replies_of_learners(self, question_id: str, author_id: str) -> tuple[int, int]:
        """Return how many replies of learners a thread has, and how many of them one wrote."""
        query = {"question_id": question_id, "by_staff": False}
        rows = self["question_replies"].find(query, {"author_id": 1}, session=self.session)
        authors = [row["author_id"] for row in rows]
        return len(authors), authors.count(author_id)

    def put_reply(self, reply: QuestionReply) -> None:
        """Store a reply, new or changed."""
        self._put("question_replies", to_document(reply))

    # Votes

    def put_question_vote(self, question_id: str, learner_id: str) -> bool:
        """Store that a learner wants a question answered; return whether that is new."""
        vote = {"_id": key(question_id, learner_id)}
        told = {"question_id": question_id, "learner_id": learner_id, "at": self.now}
        with inserting():
            done = self["question_votes"].update_one(
                vote, {"$setOnInsert": told}, upsert=True, session=self.session
            )
        return done.upserted_id is not None

    def drop_question_votes(self, question_ids: Collection[str], learner_id: str) -> bool:
        """Delete a learner's votes for some questions; return whether there were any."""
        query = {"_id": {"$in": [key(each, learner_id) for each in question_ids]}}
        return self["question_votes"].delete_many(query, session=self.session).deleted_count > 0

    def wanted_by(self, learner_id: str, questions: Collection[Question]) -> set[str]:
        """Return those of some questions that a learner wants answered."""
        votes = {key(id_, learner_id): each.id for each in questions for id_ in each.family}
        rows = self.find_by_ids("question_votes", votes, projection={"_id": 1})
        return {votes[row["_id"]] for row in rows}

    def note_votes(self, question_id: str) -> None:
        """Note that the votes of a question are to be counted."""
        self.insert("vote_notes", [{"_id": self.new_id(), "question_id": question_id}])

    def noted_votes(self, most: int) -> list[str]:
        """Return up to `most` questions whose votes are to be counted."""
        stages: list[Document] = [{"$group": {"_id": "$question_id"}}, {"$limit": most}]
        return [row["_id"] for row in self["vote_notes"].aggregate(stages, session=self.session)]

    def drop_vote_notes(self, question_id: str) -> None:
        """Delete the notes of a question that this unit of work sees."""
        self["vote_notes"].delete_many({"question_id": question_id}, session=self.session)

    def question_tallies(self, question_ids: Collection[str]) -> Mapping[str, int]:
        """Return how many learners want each of some questions answered, each learner once."""
        families = [each.family for each in self.questions(question_ids).values()]
        alone = [family[0] for family in families if len(family) == 1]
        merged = [family for family in families if len(family) > 1]
        known = self._votes_for(alone) | self._voters_of(merged)
        return {family[0]: known.get(family[0], 0) for family in families}

    def agenda_votes(self, session_ids: Collection[str], most: int) -> list[AgendaVotes]:
        """Return the votes of the `most` most wanted questions on the agenda of each of some
        sessions, as they were counted last.
        """
        query = {"session_id": {"$in": [*session_ids]}, "state": QuestionState.OPEN}
        fields = {"session_id": 1, "votes": 1}
        rows = self["questions"].find(query, fields, session=self.session).sort(_BY_AGENDA)
        return [
            AgendaVotes(session_id, row["_id"], row["votes"])
            for session_id, agenda in groupby(rows, itemgetter("session_id"))
            for row in islice(agenda, most)
        ]

    def voted_since(self, question_ids: Collection[str]) -> list[str]:
        """Return those of some questions whose votes have changed since they were counted last."""
        query = {"question_id": {"$in": [*question_ids]}}
        return self["vote_notes"].distinct("question_id", query, session=self.session)

    def _votes_for(self, question_ids: Collection[str]) -> dict[str, int]:
        """Return the votes for each of some questions into which none was merged."""
        return self._voters(question_ids, {"$group": {"_id": "$question_id", "voters": _EACH}})

    def _voters_of(self, families: Collection[Sequence[str]]) -> dict[str, int]:
        """Return how many voted in each of some families, by its first question."""
        first = {each: family[0] for family in families for each in family}
        place = {"$indexOfArray": [{"$literal": [*first]}, "$question_id"]}
        family = {"$arrayElemAt": [{"$literal": [*first.values()]}, place]}
        once = {"$group": {"_id": {"family": family, "learner": "$learner_id"}}}
        return self._voters(first, once, {"$group": {"_id": "$_id.family", "voters": _EACH}})

    def _voters(self, question_ids: Collection[str], *stages: Document) -> dict[str, int]:
        if not question_ids:
            return {}
        among: Document = {"$match": {"question_id": {"$in": [*question_ids]}}}
        rows = self["question_votes"].aggregate([among, *stages], session=self.session)
        return {row["_id"]: row["voters"] for row in rows}

    # Agendas

    def note_agendas(self, run_ids: Collection[str], question_id: str = "") -> None:
        """Note that the agendas of some runs, or of one question only, are to be looked at."""
        notes = [AgendaNote(self.new_id(), each, question_id) for each in set(run_ids)]
        self.insert("agenda_notes", [to_document(each) for each in notes])

    def noted_agendas(self, most: int) -> list[str]:
        """Return up to `most` runs whose agendas are to be looked at."""
        stages: list[Document] = [{"$group": {"_id": "$run_id"}}, {"$limit": most}]
        return [row["_id"] for row in self["agenda_notes"].aggregate(stages, session=self.session)]

    def agenda_notes(self, run_id: str, most: int) -> list[AgendaNote]:
        """Return the `most` oldest notes of a run."""
        rows = self["agenda_notes"].find({"run_id": run_id}, session=self.session)
        return [from_document(row, AgendaNote) for row in rows.sort("_id").limit(most)]

    def drop_agenda_notes(self, notes: Sequence[AgendaNote]) -> None:
        """Delete notes."""
        query = {"_id": {"$in": [each.id for each in notes]}}
        self["agenda_notes"].delete_many(query, session=self.session)

    def classes_to_come(self, run_id: str) -> list[Session]:
        """Return the LIVE sessions of a run, and the SCHEDULED ones that may still be held."""
        scheduled = {"state": SessionState.SCHEDULED, "not_held_at": None}
        query = {"run_id": run_id, "$or": [scheduled, {"state": SessionState.LIVE}]}
        rows = self["sessions"].find(query, session=self.session)
        return [from_document(row, Session) for row in rows]


def _document(question: Question) -> Document:
    return to_document(question) | {"words": [*distinct_words(question.text)]}
