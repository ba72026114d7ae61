"""Votes in polls: what may be chosen, and how votes are counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chassis.errors import FieldViolation


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


NO_VOTES = Tally()


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote. It has no time, which would tell in a small class whose it is."""

    poll_id: str
    voter: str
    """The learner, or a keyed hash of the learner's id."""
    choices: tuple[int, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Return its poll and its voter, of whom it is the only vote there."""
        return self.poll_id, self.voter


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


def added(tally: Tally, other: Tally) -> Tally:
    """Return two parts of a tally together; their counts are for the same options."""
    counts = tuple(map(sum, zip(tally.counts, other.counts, strict=True)))
    return Tally(tally.voters + other.voters, counts)
