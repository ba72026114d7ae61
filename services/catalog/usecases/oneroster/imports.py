"""The life of an import: announced, uploaded, checked, confirmed, applied."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from chassis.errors import FieldViolation, NotFound, check, check_state
from services.catalog.domain.oneroster.imports import (
    AT_WORK,
    AppendImport,
    FileCounts,
    Import,
    ImportState,
    StartImport,
    append_violations,
    large_removals,
    recounted,
    start_violations,
    with_defaults,
)
from services.catalog.domain.oneroster.rows import TO_DO, ImportRow
from services.catalog.ports import Store
from services.catalog.usecases.oneroster.applying import apply_rows


class TakenOver(Exception):
    """Another worker works on the import now."""


def start_import(store: Store, command: StartImport, creator: str, most: int) -> Import:
    """Announce a file, and return its import. Raises Invalid."""
    check(start_violations(command, most))
    begun = Import(
        id=store.new_id(),
        source=command.source,
        size=command.size,
        sha256=command.sha256,
        dry_run=command.dry_run,
        options=with_defaults(command.options),
        state=ImportState.UPLOADING,
        created_by=creator,
        created_at=store.now,
    )
    store.add_import(begun)
    return begun


def get_import(store: Store, import_id: str) -> Import:
    """Return an import. Raises NotFound."""
    found = store.get_import(import_id)
    if found is None:
        raise NotFound(f"there is no import {import_id!r}")
    return found


def append_import(store: Store, command: AppendImport) -> Import:
    """Store a part of a file, and return its import; a part that is there already changes nothing.
    The last part gives the import to the workers.

    Raises NotFound; Invalid if it is no part of the file, or does not come next.
    """
    store.contends_for("import", command.import_id)
    begun = get_import(store, command.import_id)
    check(append_violations(begun, command))
    if begun.state is not ImportState.UPLOADING or command.offset < begun.received:
        return begun
    store.add_part(begun.id, command.offset, command.data)
    begun = replace(begun, received=command.offset + len(command.data))
    if begun.received == begun.size:
        begun = replace(begun, state=ImportState.CHECKING)
    store.put_import(begun)
    if begun.state is ImportState.CHECKING:
        store.wake_import(begun.id)
    return begun


def confirm_import(store: Store, import_id: str) -> Import:
    """Confirm what an import would remove, and return it. It is checked again, and asks again if it
    would remove more by then.

    Raises NotFound; FailedPrecondition if it does not wait for a confirmation.
    """
    store.contends_for("import", import_id)
    begun = get_import(store, import_id)
    if begun.state in AT_WORK and begun.confirmed:
        return begun
    check_state("nothing is to be confirmed", _unconfirmable(begun))
    begun = replace(begun, state=ImportState.CHECKING, confirmed=begun.counts, reason="")
    store.put_import(begun)
    store.wake_import(begun.id)
    return begun


def _unconfirmable(begun: Import) -> Iterable[FieldViolation]:
    if begun.state is not ImportState.NEEDS_CONFIRMATION:
        wrong = f"import {begun.id!r} is {begun.state}"
        yield FieldViolation("import_id", wrong, "an import that is NEEDS_CONFIRMATION")


def fail(store: Store, import_id: str, claim: str, reason: str) -> Import:
    """Give up an import that can't be done, and return it. Raises TakenOver."""
    begun = claimed(store, import_id, claim)
    return _ended(store, replace(begun, state=ImportState.FAILED, reason=reason))


def finish_check(
    store: Store, import_id: str, claim: str, counts: Sequence[FileCounts], read: int
) -> Import:
    """Store the result of a check, and return the import: CHECKED if it is a dry run,
    NEEDS_CONFIRMATION if it would remove too much, or else APPLYING. Raises TakenOver.
    """
    begun = claimed(store, import_id, claim)
    to_do = sum(sum(getattr(each, result.lower()) for result in TO_DO) for each in counts)
    begun = replace(begun, counts=tuple(counts), plan=claim, read=read, to_do=to_do, done=0)
    large = large_removals(counts, begun.options.removal_share, begun.confirmed)
    reason = f"would remove {'; '.join(large)}" if large else ""
    begun = replace(begun, reason=reason)
    if begun.dry_run:
        return _ended(store, replace(begun, state=ImportState.CHECKED))
    if large:
        begun = replace(begun, state=ImportState.NEEDS_CONFIRMATION)
        store.end_import(begun)
        return begun
    begun = replace(begun, state=ImportState.APPLYING)
    store.put_import(begun)
    return begun


def apply_next(store: Store, import_id: str, claim: str) -> tuple[Import, list[ImportRow]]:
    """Apply the next chunk of an import, and return the import with what became of the rows. After
    the last chunk the import is DONE. Raises TakenOver.
    """
    begun = claimed(store, import_id, claim)
    found = store.next_rows(begun.plan)
    if found is None:
        return _ended(store, replace(begun, state=ImportState.DONE)), []
    chunk_id, step, planned = found
    todo = [row for row in planned if row.result in TO_DO]
    rows = apply_rows(store, begun, step, todo)
    store.put_rows(chunk_id, rows)
    begun = replace(begun, counts=recounted(begun.counts, todo, rows), done=begun.done + len(rows))
    store.put_import(begun)
    return begun, rows


def claimed(store: Store, import_id: str, claim: str) -> Import:
    """Return an import on which a claim works. Raises TakenOver."""
    begun = store.claimed_import(import_id, claim)
    if begun is None:
        raise TakenOver(f"another worker works on import {import_id}")
    return begun


def _ended(store: Store, begun: Import) -> Import:
    begun = replace(begun, ended_at=store.now)
    store.end_import(begun)
    return begun


def same_options(begun: Import, before: Import | None) -> None:
    """Check that a source is imported with the options of before that ids and classes depend on.

    Raises FailedPrecondition.
    """
    if before is None:
        return
    names = ("sections", "subject")
    check_state("the options differ from those of the source's last import", [
        FieldViolation(
            f"options.{name}",
            f"is {getattr(begun.options, name)}",
            f"{getattr(before.options, name)}",
        )
        for name in names
        if getattr(begun.options, name) is not getattr(before.options, name)
    ])  # fmt: skip
