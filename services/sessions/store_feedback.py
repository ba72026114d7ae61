"""Feedback in MongoDB: a window for each session, and its answers, each under `session:hash`.

A new answer is marked (`new`) until it is shown, so that a small index finds the sessions with
enough of them. `shown_comment` is the comment as it was when answers were shown last. Answers have
no time, and names of learners stand nowhere.
"""

from collections.abc import Iterator
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from services.sessions.domain.anonymity import SMALLEST
from services.sessions.domain.feedback import (
    GRACE,
    FeedbackWindow,
    LeaveFeedback,
    OwnFeedback,
    Ratings,
)
from services.sessions.store_attendance import key
from services.sessions.store_series import SeriesStore

Document = dict[str, Any]
QUESTIONS = ("pace", "clarity", "usefulness")


class FeedbackStore(SeriesStore):
    """The part of the store for feedback."""

    def feedback_window(self, session_id: str) -> FeedbackWindow | None:
        """Return the window for feedback on a session; None if there is none."""
        return self._one("feedback_windows", {"_id": session_id}, FeedbackWindow)

    def feedback_window_for_update(self, session_id: str) -> FeedbackWindow | None:
        """Return a window, and write to it at once, so that of two units of work one starts
        again.
        """
        return self._for_update("feedback_windows", session_id, FeedbackWindow)

    def put_feedback_window(self, window: FeedbackWindow) -> None:
        """Store a window, new or changed."""
        self._put("feedback_windows", to_document(window))

    def put_feedback(self, author: str, answer: LeaveFeedback) -> bool:
        """Store an author's answer in place of an earlier one, without the learner's id; return
        whether it is the first one.
        """
        told = to_document(answer)
        del told["learner_id"]
        written = self["feedback"].update_one(
            {"_id": key(answer.session_id, author)},
            {"$set": told, "$setOnInsert": {"new": True}},
            upsert=True,
            session=self.session,
        )
        return written.upserted_id is not None

    def feedback_by(self, session_id: str, author: str) -> OwnFeedback | None:
        """Return an author's answer; None if there is none."""
        return self._one("feedback", {"_id": key(session_id, author)}, OwnFeedback)

    def feedback_answers(self, session_id: str) -> int:
        """Return how many answers a session has."""
        return self["feedback"].count_documents({"session_id": session_id}, session=self.session)

    def feedback_ratings(self, session_id: str) -> Iterator[Ratings]:
        """Return the ratings of all answers on a session."""
        query = {"session_id": session_id}
        rows = self["feedback"].find(query, QUESTIONS, session=self.session)
        return (from_document(row, Ratings) for row in rows)

    def show_feedback(self, session_id: str) -> None:
        """Let the comments on a session be shown as they are now."""
        shown: list[Document] = [{"$set": {"shown_comment": "$comment"}}, {"$unset": "new"}]
        self["feedback"].update_many({"session_id": session_id}, shown, session=self.session)

    def forget_feedback(self, session_id: str) -> None:
        """Delete of the answers on a session all but the comments that are shown."""
        of_session = {"session_id": session_id}
        silent = {**of_session, "shown_comment": {"$in": [None, ""]}}
        self["feedback"].delete_many(silent, session=self.session)
        rest = dict.fromkeys((*QUESTIONS, "comment", "new"), "")
        self["feedback"].update_many(of_session, {"$unset": rest}, session=self.session)

    def feedback_to_show(self) -> list[str]:
        """Return the sessions with enough new answers to show them."""
        stages: list[Document] = [
            {"$match": {"new": True}},
            {"$group": {"_id": "$session_id", "answers": {"$sum": 1}}},
            {"$match": {"answers": {"$gte": SMALLEST}}},
        ]
        return [row["_id"] for row in self["feedback"].aggregate(stages, session=self.session)]

    def feedback_to_close(self) -> list[str]:
        """Return the sessions on which no more feedback is taken, and whose windows are open."""
        query = {"secret": {"$gt": ""}, "closes_at": {"$lte": self.now - GRACE}}
        rows = self["feedback_windows"].find(query, {"_id": 1}, session=self.session)
        return [row["_id"] for row in rows.sort("closes_at")]
