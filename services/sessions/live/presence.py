"""Who is in a class, as all replicas tell it. Pure: times are given in seconds of any clock."""

from collections.abc import Iterable, Set

# Seconds after which what another replica told does not count, unless it told it again.
EXPIRES = 30.0
# Seconds after which a replica tells it again.
TELL_AGAIN = 10.0
# So many members are told in a second, at most: when thousands join, each of them is news for all.
TOLD_PER_SECOND = 500


class Presences:
    """The people of one class, by replica; each person counts once."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[frozenset[str], float]] = {}
        self._last: Set[str] = frozenset()
        self._due = -float("inf")
        self._told_at = -float("inf")
        self._own: Set[str] = frozenset()

    def note(self, replica: str, people: Iterable[str], now: float) -> None:
        """Note the people that another replica has."""
        self._told[replica] = frozenset(people), now + EXPIRES

    def has_to_tell(self, own: Set[str], now: float) -> bool:
        """Return whether this replica has to tell the others whom it has, and take it as told."""
        if own == self._own and now < self._told_at + TELL_AGAIN:
            return False
        self._own, self._told_at = frozenset(own), now
        return True

    def changed(self, own: Set[str], now: float) -> list[str] | None:
        """Return all people in order, if they are not those that were returned last; else None. The
        more they are, the longer it is None afterwards.
        """
        if now < self._due:
            return None
        self._told = {name: told for name, told in self._told.items() if told[1] > now}
        found = frozenset(own).union(*(people for people, _ in self._told.values()))
        if found == self._last:
            return None
        self._last, self._due = found, now + len(found) // TOLD_PER_SECOND
        return sorted(found)
