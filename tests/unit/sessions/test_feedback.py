"""Feedback: until when it is taken, and that what is shown tells nothing of single people."""

from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.anonymity import pseudonym
from services.sessions.domain.enums import SessionState
from services.sessions.domain.feedback import (
    FeedbackWindow,
    Ratings,
    Summary,
    closed,
    closed_event,
    is_due,
    late_violations,
    opened,
    summary_of,
)
from tests.unit.sessions.examples import HOUR, NINE, session

DAY = timedelta(days=1)
ENDED = session(state=SessionState.ENDED, started_at=NINE, ended_at=NINE + HOUR)
RATING = st.integers(1, 5)
STEPS = st.lists(st.tuples(st.integers(0, 14), RATING) | st.none(), max_size=60)
"""Somebody answers, perhaps again; or (None) the worker looks what is to be shown."""


def window() -> FeedbackWindow:
    """A window of a day."""
    found = opened(ENDED, DAY, "ab" * 32)
    assert found is not None
    return found


@dataclass
class Reader:
    """Follows all that can be read, and who had answered for the first time, or anew, before."""

    published: Summary = field(default_factory=Summary)
    ratings: dict[int, int] = field(default_factory=dict)
    shown: set[int] = field(default_factory=set)
    reads: list[Summary] = field(default_factory=list)
    batches: list[set[int]] = field(default_factory=list)

    def answer(self, person: int, rating: int) -> None:
        """Somebody answers."""
        self.ratings[person] = rating

    def look(self) -> None:
        """The worker shows answers if there are enough, as the use case does."""
        now = summary_of(Ratings(each, each, each) for each in self.ratings.values())
        if is_due(self.published, now):
            self.published = now
            self.batches.append(set(self.ratings) - self.shown)
            self.shown = set(self.ratings)
        self.reads.append(self.published)


def follow(steps: list[tuple[int, int] | None], exchanged: dict[int, int]) -> Reader:
    """What is read where people give each other's answers."""
    reader = Reader()
    for step in steps:
        if step is None:
            reader.look()
        else:
            person, rating = step
            reader.answer(exchanged.get(person, person), rating)
    reader.look()
    return reader


@given(STEPS)
def test_what_is_shown_changes_by_five_people_at_least(
    steps: list[tuple[int, int] | None],
) -> None:
    """Between two reads that differ at least five people answered for the first time, so nobody can
    tell from the difference what one of them said, if the others are unknown.
    """
    reader = follow(steps, {})
    for before, after in zip(reader.reads, reader.reads[1:], strict=False):
        assert after == before or after.answers - before.answers >= 5
    assert all(len(batch) >= 5 for batch in reader.batches)
    assert reader.published.answers == sum(map(len, reader.batches))


@given(STEPS, st.randoms())
def test_nobody_can_tell_people_apart_that_are_shown_together(
    steps: list[tuple[int, int] | None], random: object
) -> None:
    """If people who are shown together for the first time had said what the others said, all reads
    would have been the same.
    """
    first = [each for place, each in enumerate(steps) if _is_first(steps, place)]
    reader = follow(first, {})
    exchanged: dict[int, int] = {}
    for batch in reader.batches:
        others = sorted(batch)
        random.shuffle(others)  # type: ignore[attr-defined]
        exchanged |= dict(zip(sorted(batch), others, strict=True))
    assert follow(first, exchanged).reads == reader.reads


def _is_first(steps: list[tuple[int, int] | None], place: int) -> bool:
    """Whether a step is a look, or somebody's first answer."""
    step = steps[place]
    earlier = {each[0] for each in steps[:place] if each is not None}
    return step is None or step[0] not in earlier


@given(st.lists(st.builds(Ratings, RATING, RATING, RATING), max_size=30))
def test_a_summary_counts_each_rating(answers: list[Ratings]) -> None:
    """For each question by itself."""
    found = summary_of(answers)
    assert found.answers == len(answers)
    for question in ("pace", "clarity", "usefulness"):
        given_ = [getattr(each, question) for each in answers]
        assert getattr(found, question) == tuple(given_.count(each) for each in range(1, 6))


def test_feedback_is_taken_from_the_end_on_for_a_while() -> None:
    """Up to the window's end, and not after it was closed; 0 asks for none."""
    one = window()
    assert one.closes_at == NINE + HOUR + DAY
    assert not [*late_violations(one, one.closes_at - timedelta(seconds=1))]
    assert [*late_violations(one, one.closes_at)]
    assert [*late_violations(closed(one, 3, NINE), NINE)]
    assert opened(ENDED, timedelta(), "ab") is None
    assert opened(session(), DAY, "ab") is None


def test_a_closed_window_has_no_key() -> None:
    """And tells others what is shown."""
    one = closed(window(), 7, NINE)
    assert (one.secret, one.answers) == ("", 7)
    assert closed_event(one, NINE).answers == 0


def test_a_pseudonym_is_a_keyed_hash() -> None:
    """HMAC-SHA-256 as in RFC 4231, test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert pseudonym(b"Jefe".hex(), "what do ya want for nothing?") == expected
