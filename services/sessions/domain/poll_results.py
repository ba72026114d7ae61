"""What is told of a poll: to its class, to staff, and to other systems.

It tells nothing of single people: counts are shown from five voters on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.sessions.domain.anonymity import SMALLEST
from services.sessions.domain.poll_events import PollClosed
from services.sessions.domain.polls import Poll, PollResults, PollScale, PollState
from services.sessions.domain.votes import Tally


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
