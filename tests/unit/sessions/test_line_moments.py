"""What questions, polls and live answers add to the line of a recording."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain import question_changes
from services.sessions.domain import question_checks as checks
from services.sessions.domain.line_moments import (
    LONGEST_TEXT,
    agenda_chapters,
    answer_moments,
    asked_moments,
    poll_moments,
    shortened,
)
from services.sessions.domain.questions import (
    AskQuestion,
    Question,
    QuestionMoment,
    QuestionState,
)
from services.sessions.domain.recorded_parts import Chapter, RaisedHands
from services.sessions.domain.recording_line import (
    LinePointKind,
    Moment,
    Track,
    class_second_of,
    line_of,
    moments_of,
)
from services.sessions.domain.roster import Item
from services.sessions.domain.session import ended, started
from tests.unit.sessions.examples import HOUR, NINE, poll, session

SECOND = timedelta(seconds=1)
LIVE = started(session(id="monday"), NINE)
# A file with a pause from 600 s to 900 s.
FILM = Track("film", ((0.0, 600.0), (900.0, 600.0)))
FILM_ITEM = Item("film", True, "", 1)


def live(id_: str, second: float, **changes: object) -> Question:
    """A question asked in the class, at a second of it."""
    command = AskQuestion("run", "ada", f"{id_}?", session_id="monday")
    asked = question_changes.asked(command, id_, LIVE, (), NINE + second * SECOND)
    return replace(asked, **changes)  # type: ignore[arg-type]


def later(id_: str, item_id: str, second: float, shown: float | None) -> Question:
    """A question asked a day later at a second of a file, which showed a second of the class."""
    command = AskQuestion("run", "ada", f"{id_}?", "monday", item_id, second)
    return question_changes.asked(command, id_, LIVE, (), NINE + 24 * HOUR, shown)


def at_seconds(asked: list[Question], *tracks: Track, **targets: Question) -> list[object]:
    """The places of questions on the line, with their ids."""
    found = line_of(tracks, asked_moments(NINE, tracks, asked, targets))
    assert all((each.kind, each.text) == ("QUESTION", f"{each.about_id}?") for each in found)
    return [(each.item_id, each.second, each.at / SECOND, each.about_id) for each in found]


def answer(second: float, text: str = "Why?") -> Moment:
    """A live answer at a second of the class."""
    return Moment(at=second * SECOND, kind=LinePointKind.ANSWERED, text=text, about_id="q")


def test_a_question_of_the_class_is_at_its_instant() -> None:
    """In a pause it is at the next recorded second; one asked between classes is nowhere."""
    assert at_seconds([live("b", 960), live("a", 700), live("c", 10)], FILM) == [
        ("film", 10, 10, "c"),
        ("film", 600, 700, "a"),
        ("film", 660, 960, "b"),
    ]


def test_merged_questions_are_shown_as_what_they_were_merged_into() -> None:
    """Each at its instant; two in one pause are one point, and a hidden one is none."""
    merged = [
        live(id_, at, state=QuestionState.MERGED, merged_into="top")
        for id_, at in (("a", 10), ("b", 700), ("c", 800))
    ]
    top = live("top", 30)
    shown = at_seconds([*merged, top], FILM, top=top)
    assert shown == [
        ("film", 10, 10, "top"),
        ("film", 30, 30, "top"),
        ("film", 600, 700, "top"),
    ]
    for state in (QuestionState.HIDDEN, QuestionState.WITHDRAWN):
        gone = replace(top, state=state)
        assert at_seconds([*merged, gone], FILM, top=gone) == []


def test_a_question_at_a_second_of_a_file_stays_there() -> None:
    """Also where another file shows the same, which shows it, too; if the file was replaced, what
    it showed counts.
    """
    other = Track("other", ((0.0, 1_500.0),))
    asked = [later("q", "film", 660, 960)]
    both = [("other", 960, 960, "q"), ("film", 660, 960, "q")]
    assert at_seconds(asked, other, FILM) == both
    assert at_seconds(asked, other) == [("other", 960, 960, "q")]
    cut = Track("film", ((0.0, 600.0),))
    assert at_seconds(asked, cut, other) == [("other", 960, 960, "q")]
    assert at_seconds([later("q", "film", 660, None)], other) == []


def test_live_answers_of_the_class() -> None:
    """Each moment in this class is one; of a question that is open again there is none."""
    moments = tuple(
        QuestionMoment(each, NINE + at * SECOND, at)
        for each, at in (("monday", 60), ("sunday", 90), ("monday", 700))
    )
    asked = live("q", 1, state=QuestionState.ANSWERED, moments=moments)
    found = [*answer_moments(NINE, "monday", [asked])]
    assert [(each.at / SECOND, each.kind, each.about_id) for each in found] == [
        (60, "ANSWERED", "q"),
        (700, "ANSWERED", "q"),
    ]
    again = replace(asked, state=QuestionState.OPEN)
    assert [*answer_moments(NINE, "monday", [again])] == []


def test_polls_open_and_close() -> None:
    """A poll that is still open has one moment."""
    asked = poll(opened_at=NINE + 5 * SECOND)
    assert [(each.kind, each.at / SECOND) for each in poll_moments(NINE, [asked])] == [
        ("POLL_OPENED", 5)
    ]
    closed = replace(asked, closed_at=NINE + 65 * SECOND)
    found = [(each.kind, each.at / SECOND, each.text, each.about_id)
             for each in poll_moments(NINE, [closed])]  # fmt: skip
    assert found == [
        ("POLL_OPENED", 5, "What is g?", "p1"),
        ("POLL_CLOSED", 65, "What is g?", "p1"),
    ]


def test_live_answers_are_chapters() -> None:
    """One within 30 s of a chapter that people set, before or after it, is none."""
    chapters = [Chapter("Light", 100 * SECOND)]
    found = agenda_chapters(chapters, [answer(each) for each in (69.9, 70, 100, 130, 130.1)])
    assert [(each.kind, each.at / SECOND, each.text, each.about_id) for each in found] == [
        ("CHAPTER", 69.9, "Why?", "q"),
        ("CHAPTER", 130.1, "Why?", "q"),
    ]
    [title] = [each.text for each in agenda_chapters([], [answer(1, "Why " * 50)])]
    assert (len(title), title[-4:]) == (80, "Why…")


@given(st.text(max_size=300), st.integers(1, 250))
def test_a_text_is_shortened_to_one_line(text: str, most: int) -> None:
    """It is a beginning of the text, and never longer than asked for."""
    line = shortened(text, most)
    assert len(line) <= most
    assert line.splitlines() in ([line], [])
    assert shortened(text, LONGEST_TEXT + 300).startswith(line.removesuffix("…"))


def test_what_several_files_show_is_on_each() -> None:
    """Who watches one of two cameras sees what was asked at that minute; what neither shows is at
    the next recorded second only.
    """
    camera = Track("camera", ((500.0, 50.0), (940.0, 100.0)))
    asked = [live("both", 520), live("pause", 700), later("at", "camera", 60, 950.0)]
    assert at_seconds(asked, FILM, camera) == [
        ("film", 520, 520, "both"),
        ("film", 600, 700, "pause"),
        ("film", 650, 950, "at"),
        ("camera", 20, 520, "both"),
        ("camera", 60, 950, "at"),
    ]


def test_chapters_of_a_pause_are_in_their_order() -> None:
    """What begins later in a pause comes later, whatever its name."""
    names = ["Zoo", "Break", "Light", "Aula"]
    chapters = [Chapter(name, (610 + place) * SECOND) for place, name in enumerate(names)]
    found = line_of([FILM], moments_of(reversed(chapters), []))
    assert [(each.second, each.text) for each in found] == [(600, name) for name in names]


def test_hands_of_a_pause_are_one_point() -> None:
    """What is the same at one second is one point with the sum of the counts."""
    hands = [RaisedHands(at * SECOND, count) for at, count in ((700, 2), (650, 1), (960, 4))]
    found = line_of([FILM], moments_of([], hands))
    assert [(each.second, each.at / SECOND, each.count) for each in found] == [
        (600, 650, 3),
        (660, 960, 4),
    ]


def test_only_a_second_of_the_recording_can_be_asked_about() -> None:
    """A file that is no part of it, and a second after its end, are refused; its end is not."""
    held = ended(LIVE, NINE + HOUR)

    def wrong(item_id: str, second: float, item: Item | None = FILM_ITEM) -> list[str]:
        command = AskQuestion("run", "ada", "Why?", "monday", item_id, second)
        return [each.field for each in checks.place_violations(command, held, item, [FILM])]

    assert wrong("film", 0) == wrong("film", 1_199.9) == []
    assert wrong("film", 1_200) == wrong("film", 1_200.9) == []  # a player at its end
    assert wrong("film", 1_201) == ["offset_seconds"]
    assert wrong("other", 0) == ["item_id"]
    assert wrong("other", 0, None) == ["item_id", "item_id"]
    assert class_second_of([FILM], "film", 660) == 960
