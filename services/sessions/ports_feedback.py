"""What the use cases of feedback need of the store."""

from collections.abc import Iterable
from typing import Protocol

from services.sessions.domain.feedback import FeedbackWindow, LeaveFeedback, OwnFeedback, Ratings


class FeedbackStore(Protocol):
    """The data of feedback as one unit of work sees them."""

    def feedback_window(self, session_id: str) -> FeedbackWindow | None:
        """Return the window for feedback on a session; None if there is none."""

    def feedback_window_for_update(self, session_id: str) -> FeedbackWindow | None:
        """Return a window, locked against other units of work that change it; answers don't."""

    def put_feedback_window(self, window: FeedbackWindow) -> None:
        """Store a window, new or changed."""

    def put_feedback(self, author: str, answer: LeaveFeedback) -> bool:
        """Store an author's answer in place of an earlier one, without the learner's id; return
        whether it is the first one.
        """

    def feedback_by(self, session_id: str, author: str) -> OwnFeedback | None:
        """Return an author's answer; None if there is none."""

    def feedback_answers(self, session_id: str) -> int:
        """Return how many answers a session has."""

    def feedback_ratings(self, session_id: str) -> Iterable[Ratings]:
        """Return the ratings of all answers on a session."""

    def show_feedback(self, session_id: str) -> None:
        """Let the comments on a session be shown as they are now."""

    def forget_feedback(self, session_id: str) -> None:
        """Delete of the answers on a session all but the comments that are shown."""
