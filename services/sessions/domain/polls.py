"""Polls in a class: what may be asked, who may vote, and who sees which results.

Results tell nothing of single people. In an anonymous poll a vote is stored under a keyed hash of
its learner, so that each learner has one and can change it; the key is deleted when the poll
closes, and then nobody can tell whose vote it was. Counts are shown from five voters on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import FieldViolation
from chassis.texts import is_blank, normal
from services.sessions.domain.anonymity import SMALLEST, pseudonym
from services.sessions.domain.poll_events import PollClosed

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


@dataclass(frozen=True, slots=True)
class VotePoll:
    """Choose options of a poll, by place, in place of an earlier vote."""

    poll_id: str
    learner_id: str
    choices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes as they stand."""

    voters: int = 0
    counts: tuple[int, ...] = ()
    """For each option; empty while they are not shown."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote. It has no time, which would tell in a small class whose it is."""

    poll_id: str
    voter: str
    """The learner, or a keyed hash of the learner's id."""
    choices: tuple[int, ...]


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
    tally: Tally = Tally()
    """The results; final when it is CLOSED, and empty before."""

    @property
    def votes_until(self) -> datetime | None:
        """Return until when its votes are kept; None: for good."""
        return None if self.named else self.opened_at + KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class PollAsked:
    """The entry of a class by which a poll opened."""

    poll_id: str
    question: str
    options: tuple[str, ...]
    scale: PollScale | None
    several: bool
    named: bool
    results_shown: PollResults


@dataclass(frozen=True, slots=True, kw_only=True)
class PollAnswered:
    """The entry of a class by which a poll closed."""

    poll_id: str
    voters: int
    counts: tuple[int, ...]
    right: tuple[int, ...]
    explanation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOption:
    """An option as a reader may see it."""

    text: str
    votes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPoll:
    """A poll's results, right options and own vote as a reader may see them."""

    options: tuple[ShownOption, ...]
    voters: int
    right: tuple[int, ...]
    explanation: str
    my_choices: tuple[int, ...]


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


def choice_violations(
    choices: Sequence[int], options: int, several: bool, field: str = "choices"
) -> Iterator[FieldViolation]:
    """Yield everything that is wrong with chosen options of a poll that has some options."""
    if len(choices) > 1 and not several:
        yield FieldViolation(field, f"has {len(choices)} options", "one")
    for place, each in enumerate(choices):
        if not 1 <= each <= options:
            yield FieldViolation(f"{field}[{place}]", f"is {each}", f"1 to {options}")
        elif each in choices[:place]:
            yield FieldViolation(f"{field}[{place}]", f"{each} is there twice", "each once")


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


def asked(poll: Poll) -> PollAsked:
    """Return what a class is told when a poll opens."""
    return PollAsked(
        poll_id=poll.id,
        question=poll.question,
        options=poll.options,
        scale=poll.scale,
        several=poll.several,
        named=poll.named,
        results_shown=poll.results_shown,
    )


def answered(poll: Poll) -> PollAnswered:
    """Return what a class is told when a poll closes: results, what was right, and why."""
    told = shown_tally(poll, poll.tally, is_staff=False)
    return PollAnswered(
        poll_id=poll.id,
        voters=told.voters,
        counts=told.counts,
        right=poll.right,
        explanation=poll.explanation,
    )


def closed_event(poll: Poll, now: datetime) -> PollClosed:
    """Return what other systems are told when a poll closes, which is what the class sees."""
    told = shown_tally(poll, poll.tally, is_staff=False)
    return PollClosed(
        poll_id=poll.id,
        session_id=poll.session_id,
        run_id=poll.run_id,
        question=poll.question,
        options=poll.options,
        right=poll.right,
        voters=told.voters,
        counts=told.counts,
        named=poll.named,
        opened_by=poll.opened_by,
        opened_at=poll.opened_at,
        closed_by=poll.closed_by,
        closed_at=now,
    )


def voter_of(poll: Poll, learner_id: str) -> str:
    """Return what a learner's vote is stored under; empty if nobody can tell it any more."""
    if poll.named:
        return learner_id
    return pseudonym(poll.secret, learner_id) if poll.secret else ""


def added(tally: Tally, other: Tally) -> Tally:
    """Return two parts of a tally together; their counts are for the same options."""
    counts = tuple(map(sum, zip(tally.counts, other.counts, strict=True)))
    return Tally(tally.voters + other.voters, counts)


def shown_tally(poll: Poll, tally: Tally, is_staff: bool) -> Tally:
    """Return a tally as staff or the class may see it: without its counts where those would tell
    of single people, or are not told yet.
    """
    return tally if _shows_counts(poll, tally.voters, is_staff) else replace(tally, counts=())


def shown(poll: Poll, tally: Tally, is_staff: bool, my_choices: Sequence[int]) -> ShownPoll:
    """Return what a reader may see of a poll; `my_choices`: the reader's own vote."""
    counts = shown_tally(poll, tally, is_staff).counts or [None] * len(poll.options)
    tells = is_staff or poll.state is PollState.CLOSED
    return ShownPoll(
        options=tuple(
            ShownOption(text=text, votes=votes)
            for text, votes in zip(poll.options, counts, strict=True)
        ),
        voters=tally.voters,
        right=poll.right if tells else (),
        explanation=poll.explanation if tells else "",
        my_choices=tuple(my_choices),
    )


def _shows_counts(poll: Poll, voters: int, is_staff: bool) -> bool:
    if poll.named and is_staff:
        return True
    told = poll.state is PollState.CLOSED or poll.results_shown is PollResults.AT_ONCE
    return told and voters >= SMALLEST


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
