"""What all parts of an import need: the rows of a chunk with what the source gave before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from chassis.errors import DomainError, FieldViolation
from services.catalog.domain.oneroster.facts import Facts
from services.catalog.domain.oneroster.files import File
from services.catalog.domain.oneroster.imports import Import, ImportOptions
from services.catalog.domain.oneroster.rows import ImportRow, Link, Result
from services.catalog.ports import Store

F = TypeVar("F", bound=Facts)


@dataclass(slots=True)
class Work:
    """One chunk of an import in one unit of work. Links are written at its end."""

    store: Store
    begun: Import
    file: File
    rows: Sequence[ImportRow]
    links: dict[str, Link] = field(default_factory=dict)
    _results: dict[str, ImportRow] = field(default_factory=dict)
    _links: dict[str, Link] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look up what the source gave before."""
        self.links = self.linked(self.file, (row.sourced_id for row in self.rows))

    @property
    def options(self) -> ImportOptions:
        """Return the import's options."""
        return self.begun.options

    def linked(self, file: File, sourced_ids: Iterable[str]) -> dict[str, Link]:
        """Return what the source gave in a file, by sourcedId."""
        return self.store.links(self.begun.source, file, set(sourced_ids))

    def ours(self, file: File, targets: Iterable[str]) -> set[str]:
        """Return those things that the source brought."""
        found = self.store.links_to(file, targets)
        return {link.of for link in found if link.source == self.begun.source and link.owned}

    def done(self, row: ImportRow, of: str, owned: bool, parent: str = "") -> None:
        """Note that a row was applied. What is not the source's own is only linked."""
        assert row.facts is not None
        link = Link(
            source=self.begun.source,
            file=self.file,
            sourced_id=row.sourced_id,
            facts=row.facts,
            of=of,
            owned=owned,
            parent=parent,
        )
        self._links[link.id] = link
        self._results[row.sourced_id] = row if owned else row.became(Result.LINKED)

    def removed(self, row: ImportRow) -> None:
        """Note that a row was taken back."""
        link = self.links[row.sourced_id].taken()
        self._links[link.id] = link
        self._results[row.sourced_id] = row

    def refuse(self, row: ImportRow, why: DomainError | Iterable[FieldViolation]) -> None:
        """Note that a row is refused; other rows go on."""
        self._results[row.sourced_id] = row.refused(_violations(why))

    def write(self) -> None:
        """Store the links so far, so that queries see them."""
        self.store.put_links(list(self._links.values()))
        self._links.clear()

    def results(self) -> list[ImportRow]:
        """Store the links, and return what became of each row, in order."""
        self.write()
        return [self._results[row.sourced_id] for row in self.rows]


def _violations(why: DomainError | Iterable[FieldViolation]) -> tuple[FieldViolation, ...]:
    if isinstance(why, DomainError):
        return why.violations or (FieldViolation("", why.summary),)
    return tuple(why)


def facts_of(row: ImportRow, kind: type[F]) -> F:
    """Return a row's facts, which are of this kind."""
    assert isinstance(row.facts, kind)
    return row.facts


def unnamed(store: Store, file: File, links: Sequence[Link]) -> list[str]:
    """Return what these links named, and no other link names now, in order."""
    targets = {link.of for link in links}
    named = {link.of for link in store.links_to(file, targets) if not link.removed}
    return sorted(targets - named)


def is_last(store: Store, link: Link) -> bool:
    """Return whether no other link names the same thing."""
    return all(each.removed or each.id == link.id for each in store.links_to(link.file, [link.of]))
