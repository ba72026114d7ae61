"""What happens, as use cases count it in the metrics."""

from enum import StrEnum
from typing import Protocol


class Happening(StrEnum):
    """What is counted. The value is metric and label: `<metric>.<label>`."""

    ASKED_LIVE = "questions.asked_live"
    ASKED_BETWEEN = "questions.asked_between"
    ASKED_RECORDING = "questions.asked_recording"
    ANSWERED_LIVE = "questions.answered_live"
    ANSWERED_IN_WORDS = "questions.answered_in_words"
    QUESTIONS_MERGED = "questions.merged"
    CARRIED_OVER = "questions.carried_over"
    POLL_OPENED = "polls.opened"
    POLL_CLOSED = "polls.closed"
    VOTED = "polls.voted"
    FEEDBACK_GIVEN = "feedback.given"
    FEEDBACK_SHOWN = "feedback.shown"
    FEEDBACK_HELD_BACK = "feedback.held_back"
    CHECKED_IN = "check_ins.accepted"
    OLD_CODE = "check_ins.old_code"
    WRONG_CODE = "check_ins.wrong_code"
    HELP_INVITED = "help.invited"
    HELP_TAKEN = "help.taken"
    HELP_DECLINED = "help.declined"
    HELP_LAPSED = "help.lapsed"
    HELP_WITHDRAWN = "help.withdrawn"


class CountingStore(Protocol):
    """The counters of the metrics."""

    def count(self, what: Happening, number: int = 1) -> None:
        """Count something, after the unit of work is committed, and only then."""
