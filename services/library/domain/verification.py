"""Compares the stored file with the announced one."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from services.library.domain.enums import ItemState
from services.library.domain.events import ItemAvailable, ItemFailed, ItemUploaded
from services.library.domain.items import Item
from services.library.domain.types import is_of_type

# The announced playing time may be rounded. If it differs by a larger share, the file's counts.
TOLERANCE = 0.02
FEW = 4
LOST = "the S3 store has lost the file or a part of it; upload it again"
NOT_READ_BACK = "the bytes read back from the S3 store differ; upload it again"


class Fault(Exception):
    """A stored file can't be opened; the text says why, for its uploader."""


@dataclass(frozen=True, slots=True)
class Found:
    """The properties of the stored file. `seconds`: the measured playing time, 0 if it has none."""

    size: int
    sha256: str
    types: Collection[str]
    seconds: float = 0.0
    fault: str = ""
    """Why the file can't be opened; "" if it can."""
    read_back: bool = True
    """True if ranged reads of its first and last bytes gave the same bytes as the full read."""


def mismatches(item: Item, found: Found) -> Iterator[str]:
    """Yield a message for each property that differs from the announced one."""
    promised = item.promised
    if found.size != promised.size:
        yield f"it has {found.size} bytes; {promised.size} were announced"
    if found.sha256 != promised.sha256:
        yield f"its SHA-256 is {found.sha256}; {promised.sha256} was announced"
    if not is_of_type(promised.media_type, found.types):
        yield f"its bytes are {_looks(found.types)}; {promised.media_type} was announced"


def uploaded(item: Item) -> ItemUploaded:
    """Return the event that the bytes are those that were announced."""
    return ItemUploaded(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        media_type=item.promised.media_type,
        size=item.promised.size,
        sha256=item.promised.sha256,
        uploaded_by=item.uploaded_by,
    )


def available(item: Item, found: Found, now: datetime) -> tuple[Item, ItemAvailable]:
    """Return the item as AVAILABLE, and its event."""
    after = replace(
        item,
        state=ItemState.AVAILABLE,
        renditions=(item.promised,),
        seconds=playing_time(item.seconds, found.seconds),
        available_at=now,
    )
    return after, available_event(after, now)


def available_event(item: Item, at: datetime) -> ItemAvailable:
    """Return the event that an item is AVAILABLE since an instant."""
    return ItemAvailable(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        media_type=item.promised.media_type,
        seconds=item.seconds,
        run_ids=item.run_ids,
        available_at=at,
        access=item.access,
        not_before=item.not_before,
        replaces_item_id=item.replaces_item_id,
    )


def failed(item: Item, reason: str, now: datetime) -> tuple[Item, ItemFailed]:
    """Return the item as FAILED, and its event with the reason."""
    after = replace(item, state=ItemState.FAILED, failure=reason)
    return after, failed_event(after, now)


def failed_event(item: Item, at: datetime) -> ItemFailed:
    """Return the event that an item was refused at an instant."""
    return ItemFailed(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        reason=item.failure,
        failed_at=at,
    )


def playing_time(announced: float, found: float) -> float:
    """Return the playing time in seconds: the announced one, unless the file's differs clearly."""
    if not found:
        return announced
    return announced if abs(found - announced) <= TOLERANCE * found else found


def _looks(types: Collection[str]) -> str:
    """Return types as text. Some signatures fit dozens of types; the text names a few of them."""
    if not types:
        return "of no known type"
    few = " or ".join(sorted(types)[:FEW])
    return f"{few} or the like" if len(types) > FEW else few
