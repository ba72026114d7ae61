"""The timer of sessions that shows feedback on classes, and ends it."""

from functools import partial

from chassis.data.store import Database
from services.sessions.alone import each_alone
from services.sessions.store import SessionsStore
from services.sessions.usecases import feedback


def show_feedback(database: Database[SessionsStore]) -> None:
    """Show feedback where there is enough more, and end it where its time is over."""
    reader = database.reader()
    found = reader.feedback_to_show()
    shows = (partial(feedback.show_feedback, session_id=each) for each in found)
    each_alone("feedback can't be shown", database, shows)
    over = reader.feedback_to_close()
    ends = (partial(feedback.close_feedback, session_id=each) for each in over)
    each_alone("feedback can't be ended", database, ends)
