"""News of a learner's path: what has opened, and dues that changed.

What a learner wants to hear is decided here. Changes of dues wait for a while, and what is left of
them then is told in one message: several changes are one piece of news, and a due that changed back
is none. What the learner was told last is kept, so small changes that add up are told in the end.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.notify.domain.people import Path

SETTLE = timedelta(minutes=10)
"""How long the first change waits for others, or for its correction."""
LEAST = timedelta(hours=1)
"""A due that moves by less is not told: a class ended some minutes late. DueApproaching tells the
exact instant."""


def opened_news(path: Path | None, activity_ids: Iterable[str]) -> list[str]:
    """Return the titles of those activities whose opening is news, in their order; the id of one
    whose title is not known. Live classes are not: reminders tell them.
    """
    if path is None:
        return list(activity_ids)
    return [path.titles.get(each, each) for each in activity_ids if each not in path.classes]


@dataclass(frozen=True, slots=True)
class DueMove:
    """One due of a learner that changed: from what the learner knows to what holds now."""

    activity_id: str
    title: str
    known: datetime | None
    """The due that the learner was told last; None: that there is none."""
    due: datetime | None
    """None: there is none any more."""
    cause: str
    """The name of the contract's DueCause without its prefix."""
    sequence: int
    cause_activity_id: str = ""
    told: int = 0
    """The sequence of the newest event that the learner was told; 0: of none yet."""

    def is_news(self, now: datetime) -> bool:
        """Return whether the learner is to be told: the due has moved for long enough, and is, or
        was, to come.
        """
        if self.known is None or self.due is None:
            return self.known != self.due and (self.known or self.due or now) > now
        return abs(self.due - self.known) >= LEAST and max(self.due, self.known) > now

    def is_over(self, now: datetime) -> bool:
        """Return whether both dues are past. A due that is gone is not over: it may come back."""
        return any((self.known, self.due)) and max(self.known or now, self.due or now) <= now


@dataclass(frozen=True, slots=True)
class DueDigest:
    """The changed dues of a learner in a run, and when the learner is told of them."""

    id: str
    """The id of the enrolment."""
    run_id: str
    learner_id: str
    sequence: int
    """The newest event of dues that changed."""
    event_id: str
    event_type: str
    moves: tuple[DueMove, ...]
    tell_at: datetime | None = None
    """When they are told; None: nothing is to be told."""

    def news(self, now: datetime) -> list[DueMove]:
        """Return what is to be told, the earliest due first and dues that are gone last."""
        found = [each for each in self.moves if each.is_news(now)]
        return sorted(found, key=lambda each: (each.due is None, each.due or now, each.activity_id))

    def overtakes(self, activity_ids: Collection[str], sequence: int, now: datetime) -> bool:
        """Return whether there is newer news of all of these dues than a message of an event."""
        newer = {m.activity_id for m in self.moves if m.told > sequence or m.is_news(now)}
        return bool(activity_ids) and newer.issuperset(activity_ids)


def collected(known: DueDigest | None, arrived: DueDigest, now: datetime) -> DueDigest:
    """Return the digest with the changes of an event that arrived. An older change of a due never
    replaces a newer one.
    """
    moves = {each.activity_id: each for each in known.moves} if known else {}
    for each in arrived.moves:
        moves[each.activity_id] = _moved(moves.get(each.activity_id), each)
    newest = known if known and known.sequence > arrived.sequence else arrived
    whole = replace(newest, moves=tuple(moves.values()))
    waits_until = (known.tell_at if known else None) or now + SETTLE
    return replace(whole, tell_at=waits_until if whole.news(now) else None)


def told(digest: DueDigest, now: datetime) -> DueDigest:
    """Return the digest after its news was told, without dues that are past."""
    news = set(digest.news(now))
    moves = tuple(
        replace(each, known=each.due, told=digest.sequence) if each in news else each
        for each in digest.moves
        if not each.is_over(now)
    )
    return replace(digest, moves=moves, tell_at=None)


def _moved(known: DueMove | None, change: DueMove) -> DueMove:
    if known is not None and change.sequence <= known.sequence:
        return known
    if _is_known_otherwise(change) or (known is None and _is_planned(change)):
        return replace(change, known=change.due, told=change.sequence)
    if known is None:
        return change
    title = change.title or known.title
    return replace(change, title=title, known=known.known, told=known.told)


def _is_known_otherwise(change: DueMove) -> bool:
    """Return whether the learner has heard of it: DueExtended tells an extension, and who comes
    into a run again sees its dues.
    """
    own = change.cause == "EXTENSION" and change.cause_activity_id == change.activity_id
    return own or change.cause == "ENROLMENT"


def _is_planned(change: DueMove) -> bool:
    """Return whether a due is there for the first time, because its class was scheduled."""
    return change.cause == "SESSION_SCHEDULED" and change.known is None
