"""The RPCs of SessionsService about feedback."""

from typing import Any

from tandem.sessions.v1 import feedback_pb2

from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import Page, page_of
from chassis.data.store import Database
from services.sessions import queries
from services.sessions.domain.feedback import LeaveFeedback
from services.sessions.store import SessionsStore
from services.sessions.usecases import feedback


class FeedbackApi:
    """Feedback after classes."""

    _database: Database[SessionsStore]

    def LeaveFeedback(
        self, request: feedback_pb2.LeaveFeedbackRequest, _context: Any
    ) -> feedback_pb2.LeaveFeedbackResponse:
        command = from_message(request, LeaveFeedback)
        window = self._database.transact(lambda store: feedback.leave_feedback(store, command))
        return to_message(window, feedback_pb2.LeaveFeedbackResponse)

    def GetOwnFeedback(
        self, request: feedback_pb2.GetOwnFeedbackRequest, _context: Any
    ) -> feedback_pb2.OwnFeedback:
        # in a transaction, so that the key is that of the answer
        window, found = self._database.transact(
            lambda store: feedback.own_feedback(store, request.session_id, request.learner_id)
        )
        told = {"session_id": window.id, "closes_at": window.closes_at}
        return to_message(found, feedback_pb2.OwnFeedback, **told)

    def GetFeedback(
        self, request: feedback_pb2.GetFeedbackRequest, _context: Any
    ) -> feedback_pb2.Feedback:
        page = page_of(request)
        # in a transaction, so that ratings and comments are those of the same answers
        return self._database.transact(lambda store: _answer(store, request.session_id, page))


def _answer(store: SessionsStore, session_id: str, page: Page) -> feedback_pb2.Feedback:
    window = feedback.feedback_on(store, session_id)
    comments, token = queries.comments_page(store, session_id, page)
    return to_message(
        window.published,  # the ratings
        feedback_pb2.Feedback,
        session_id=window.id,
        answers=window.answers,
        closes_at=window.closes_at,
        closed=window.closed_at is not None,
        published_answers=window.published.answers,
        comments=comments,
        next_page_token=token,
    )
