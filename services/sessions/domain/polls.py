"""Polls in a class: what may be asked, and how polls open and close.

In an anonymous poll a vote is stored under a keyed hash of its learner, so that each learner has
one and can change it; the key is deleted when the poll closes, and then nobody can tell whose vote
it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import FieldViolation
from chassis.texts import is_blank, normal
from services.sessions.domain.anonymity import pseudonym
from services.sessions.domain.votes import NO_VOTES, Tally, choice_violations

FEWEST_OPTIONS, MOST_OPTIONS = 2, 20
MOST_POLLS = 100
"""Polls of a session."""
KEPT = timedelta(days=7)
"""How long the votes of an anonymous poll are kept; when it is closed, nobody needs them."""


class PollResults(StrEnum):
    """When the class sees results."""

    AT_ONCE = "AT_ONCE"
    WHEN_CLOSED = "WHEN_CLOSED"


class PollState(StrEnum):
    """Where a poll is."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class PollScale:
    """A scale of whole numbers; each is an option."""

    lowest: int
    highest: int
    lowest_label: str = ""
    highest_label: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """Return the numbers as texts."""
        return tuple(map(str, range(self.lowest, self.highest + 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPoll:
    """Ask a class something."""

    session_id: str
    question: str
    options: tuple[str, ...] = ()
    scale: PollScale | None = None
    several: bool = False
    named: bool = False
    results_shown: PollResults
    right: tuple[int, ...] = ()
    explanation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A poll; its votes are apart from it."""

    id: str
    session_id: str
    run_id: str
    question: str
    options: tuple[str, ...]
    scale: PollScale | None
    several: bool
    named: bool
    """Whether staff may see who voted for what; otherwise it is anonymous."""
    results_shown: PollResults
    right: tuple[int, ...]
    explanation: str
    opened_by: str
    opened_at: datetime
    secret: str
    """The key of the voters' hashes, in hex; empty if it is named, or closed."""
    state: PollState = PollState.OPEN
    closed_at: datetime | None = None
    closed_by: str = ""
    """Empty: the platform, because the class was over."""
    tally: Tally = NO_VOTES
    """The results; final when it is CLOSED, and empty before."""

    @property
    def votes_until(self) -> datetime | None:
        """Return until when its votes are kept; None: for good."""
        return None if self.named else self.opened_at + KEPT


def open_violations(command: OpenPoll) -> Iterator[FieldViolation]:
    """Yield everything that is wrong with a poll to open."""
    if bool(command.options) is (command.scale is not None):
        yield FieldViolation("options", "need a scale, or texts", "one of the two")
    elif command.scale is not None:
        yield from _scale_violations(command.scale)
    else:
        yield from _option_violations(command.options)
    if command.right and command.scale is not None:
        yield FieldViolation("right", "a scale has no right options", "none")
    elif command.options:
        yield from choice_violations(command.right, len(command.options), True, "right")


def number_violations(opened: int) -> Iterator[FieldViolation]:
    """Yield a violation if a session has had as many polls as it may have."""
    if opened >= MOST_POLLS:
        yield FieldViolation("session_id", f"has had {opened} polls", f"at most {MOST_POLLS}")


def closed_violations(poll: Poll) -> Iterator[FieldViolation]:
    """Yield a violation if nobody can vote in a poll any more."""
    if poll.state is not PollState.OPEN:
        yield FieldViolation("poll_id", f"the poll is {poll.state}", "a poll that is OPEN")


def named_violations(poll: Poll) -> Iterator[FieldViolation]:
    """Yield a violation if nobody may see who voted for what."""
    if not poll.named:
        yield FieldViolation("poll_id", "the poll is anonymous", "a poll that is named")


def opened(
    command: OpenPoll, poll_id: str, run_id: str, opened_by: str, secret: str, now: datetime
) -> Poll:
    """Return a new poll. `secret`: the key of its voters' hashes, if it is anonymous."""
    return Poll(
        id=poll_id,
        session_id=command.session_id,
        run_id=run_id,
        question=command.question,
        options=command.scale.options if command.scale else command.options,
        scale=command.scale,
        several=command.several,
        named=command.named,
        results_shown=command.results_shown,
        right=tuple(sorted(command.right)),
        explanation=command.explanation,
        opened_by=opened_by,
        opened_at=now,
        secret="" if command.named else secret,
    )


def closed(poll: Poll, tally: Tally, closed_by: str, now: datetime) -> Poll:
    """Return the poll, CLOSED with its results, and without the key of its voters' hashes."""
    over = replace(poll, state=PollState.CLOSED, closed_at=now, closed_by=closed_by)
    return replace(over, tally=tally, secret="")


def voter_of(poll: Poll, learner_id: str) -> str:
    """Return what a learner's vote is stored under; empty if nobody can tell it any more."""
    if poll.named:
        return learner_id
    return pseudonym(poll.secret, learner_id) if poll.secret else ""


def _scale_violations(scale: PollScale) -> Iterator[FieldViolation]:
    steps = scale.highest - scale.lowest + 1
    if not FEWEST_OPTIONS <= steps <= MOST_OPTIONS:
        wrong = f"{scale.lowest} to {scale.highest} are {max(steps, 0)} numbers"
        yield FieldViolation("scale.highest", wrong, f"{FEWEST_OPTIONS} to {MOST_OPTIONS} numbers")


def _option_violations(options: Sequence[str]) -> Iterator[FieldViolation]:
    if not FEWEST_OPTIONS <= len(options) <= MOST_OPTIONS:
        right = f"{FEWEST_OPTIONS} to {MOST_OPTIONS}"
        yield FieldViolation("options", f"are {len(options)}", right)
    names = [*map(normal, options)]
    for place, text in enumerate(options):
        if is_blank(text):
            yield FieldViolation(f"options[{place}]", "is blank", "a text that people see")
        elif names[place] in names[:place]:
            yield FieldViolation(f"options[{place}]", f"{text!a} is there twice", "each once")
