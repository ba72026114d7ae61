"""What exists during an import: what the source gave before, and what the archive says now."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from chassis.errors import FieldViolation
from services.catalog.domain.oneroster.facts import ClassFacts, Facts, Reference, TermFacts
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.rows import Link
from services.catalog.ports import Store

# The files whose facts other rows need.
_KEPT = (TermFacts, ClassFacts)


class Known:
    """Answers whether a reference leads somewhere, with few queries and little memory."""

    def __init__(self, store: Store, source: str) -> None:
        self._store, self._source = store, source
        self._lines: dict[File, dict[str, int]] = defaultdict(dict)
        self._accepted: dict[File, set[str]] = defaultdict(set)
        self._dropped: dict[File, set[str]] = defaultdict(set)
        self._complete: set[File] = set()
        self._earlier: dict[File, dict[str, Link | None]] = defaultdict(dict)
        self._facts: dict[tuple[File, str], Facts] = {}
        self._gives_orgs: bool | None = None

    def links(self, file: File, ids: Iterable[str]) -> dict[str, Link]:
        """Return what the source gave before, by sourcedId."""
        return self._store.links(self._source, file, filter(None, ids))

    def see(self, file: File, sourced_id: str, line: int) -> FieldViolation | None:
        """Note that a file has a row; return a violation if it had one of that id before."""
        first = self._lines[file].setdefault(sourced_id, line) if sourced_id else line
        if first == line:
            return None
        return FieldViolation("sourcedId", f"is also that of line {first}", "each sourcedId once")

    def was_seen(self, file: File, sourced_id: str) -> bool:
        """Return whether the file has a row of that id, good or bad."""
        return sourced_id in self._lines[file]

    def unseen(self, file: File, ids: Sequence[str]) -> list[Link]:
        """Return what the source gave before and the file does not have, of these ids."""
        missing = [each for each in ids if not self.was_seen(file, each)]
        return [link for link in self.links(file, missing).values() if not link.removed]

    def accept(self, file: File, sourced_id: str, facts: Facts) -> None:
        """Note that a row was taken."""
        self._accepted[file].add(sourced_id)
        if isinstance(facts, _KEPT):
            self._facts[file, sourced_id] = facts

    def drop(self, file: File, sourced_id: str) -> None:
        """Note that a row is removed."""
        self._dropped[file].add(sourced_id)

    def begin(self, file: File) -> None:
        """Forget which ids a file has; from now on its rows are taken or refused."""
        self._accepted[file].clear()

    def list_ids(self, file: File, ids: Iterable[str]) -> None:
        """Accept the ids of a file that is read later."""
        self._accepted[file].update(ids)

    def is_complete(self, file: File) -> None:
        """Note that a bulk file was read to its end: what it lacks is gone."""
        self._complete.add(file)

    def prefetch(self, wanted: Iterable[Reference]) -> None:
        """Look up references together."""
        by_file: dict[File, set[str]] = defaultdict(set)
        for each in wanted:
            new = each.sourced_id not in self._accepted[each.file]
            if new and each.sourced_id not in self._earlier[each.file]:
                by_file[each.file].add(each.sourced_id)
        for file, ids in by_file.items():
            found = self.links(file, ids)
            self._earlier[file].update({each: found.get(each) for each in ids})

    def has(self, reference: Reference) -> bool:
        """Return whether what a row refers to exists after this import."""
        file, sourced_id = reference.file, reference.sourced_id
        if sourced_id in self._accepted[file]:
            return True
        if file is File.ORGS and not self._orgs_are_given():
            return True  # many exports have no orgs; Tandem keeps nothing of them
        gone = sourced_id in self._dropped[file]
        absent = file in self._complete and not self.was_seen(file, sourced_id)
        return not gone and not absent and self._earlier_link(file, sourced_id) is not None

    def facts(self, file: File, sourced_id: str) -> Facts | None:
        """Return the facts of a class or a term; None if there is none."""
        if (file, sourced_id) in self._facts:
            return self._facts[file, sourced_id]
        link = self._earlier_link(file, sourced_id)
        return link.facts if link else None

    def _earlier_link(self, file: File, sourced_id: str) -> Link | None:
        if sourced_id not in self._earlier[file]:
            self._earlier[file][sourced_id] = self.links(file, [sourced_id]).get(sourced_id)
        link = self._earlier[file][sourced_id]
        return None if link is None or link.removed else link

    def _orgs_are_given(self) -> bool:
        if self._gives_orgs is None:
            first = next(iter(self._store.all_links(self._source, File.ORGS)), None)
            self._gives_orgs = bool(self._lines[File.ORGS]) or first is not None
        return self._gives_orgs
