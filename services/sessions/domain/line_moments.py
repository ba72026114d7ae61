"""What a class's questions, polls and agenda add to the line of its recording. Nobody is named."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.texts import normal
from services.sessions.domain.polls import Poll
from services.sessions.domain.questions import STANDING, Question, QuestionPlace, QuestionState
from services.sessions.domain.recorded_parts import Chapter
from services.sessions.domain.recording_line import (
    LinePointKind,
    Moment,
    Place,
    Track,
    class_second_of,
)

LONGEST_TEXT = 200
"""Signs of a text on the line, so that a page is small; the question or poll itself has all."""
LONGEST_TITLE = 80
"""Signs of the title of a chapter that is made from a question."""
NEAR = timedelta(seconds=30)
"""How near a chapter that people set takes the place of one from the agenda."""


def asked_moments(
    started_at: datetime,
    tracks: Sequence[Track],
    asked: Iterable[Question],
    targets: Mapping[str, Question],
) -> Iterator[Moment]:
    """Yield the questions that were asked in a class, or at its recording.

    `targets`: those into which some were merged, which are shown instead. What is withdrawn or
    hidden is left out.
    """
    for each in asked:
        shown = targets.get(each.merged_into, each)
        at, place = asked_at(started_at, tracks, each)
        if shown.state in STANDING and at is not None:
            yield _about(shown, at, LinePointKind.QUESTION, place)


def asked_at(
    started_at: datetime, tracks: Sequence[Track], question: Question
) -> tuple[timedelta | None, Place | None]:
    """Return when in the class a question was asked, and at which second of a file if at one.

    Where that file was replaced, or does not reach so far any more, what it showed counts.
    """
    if question.place is not QuestionPlace.RECORDING:
        return question.asked_at - started_at, None
    file = question.item_id, question.offset_seconds
    shown = class_second_of(tracks, *file)
    if shown is not None:
        return timedelta(seconds=shown), Place(*file)
    before = question.class_second
    return None if before is None else timedelta(seconds=before), None


def answer_moments(
    started_at: datetime, session_id: str, found: Iterable[Question]
) -> Iterator[Moment]:
    """Yield the live answers of a class, of those of some questions that are ANSWERED."""
    for each in found:
        for moment in each.moments:
            if moment.session_id == session_id and each.state is QuestionState.ANSWERED:
                yield _about(each, moment.at - started_at, LinePointKind.ANSWERED)


def poll_moments(started_at: datetime, polls: Iterable[Poll]) -> Iterator[Moment]:
    """Yield when polls of a class opened and closed."""
    for poll in polls:
        text = shortened(poll.question, LONGEST_TEXT)
        opened = Moment(
            at=poll.opened_at - started_at,
            kind=LinePointKind.POLL_OPENED,
            text=text,
            about_id=poll.id,
        )
        yield opened
        if poll.closed_at:
            closed = poll.closed_at - started_at
            yield replace(opened, at=closed, kind=LinePointKind.POLL_CLOSED)


def agenda_chapters(chapters: Iterable[Chapter], answers: Iterable[Moment]) -> Iterator[Moment]:
    """Yield a chapter for each live answer, but those within 30 s of a chapter that people set."""
    begins = [each.starts_at for each in chapters]
    for each in answers:
        if all(abs(each.at - begin) > NEAR for begin in begins):
            title = shortened(each.text, LONGEST_TITLE)
            yield replace(each, kind=LinePointKind.CHAPTER, text=title)


def shortened(text: str, most: int) -> str:
    """Return a text as one line of at most so many signs; where it is cut, `…` is the last."""
    line = normal(text)
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _about(
    question: Question, at: timedelta, kind: LinePointKind, place: Place | None = None
) -> Moment:
    text = shortened(question.text, LONGEST_TEXT)
    return Moment(at=at, kind=kind, text=text, about_id=question.id, place=place)
