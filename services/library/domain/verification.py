"""What was found in the store, against what was announced."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from services.library.domain.enums import ItemState
from services.library.domain.events import ItemAvailable, ItemFailed, ItemUploaded
from services.library.domain.items import Item
from services.library.domain.types import is_of_type

# The announced playing time may be rounded; beyond this share the file's own counts.
TOLERANCE = 0.02
FEW = 4
LOST = "the store has lost it, or a part of it; upload it again"
NOT_READ_BACK = "it could not be read back from the store as it was written; upload it again"


@dataclass(frozen=True, slots=True)
class Found:
    """What the stored bytes are. `seconds` is 0 where the file does not tell its playing time."""

    size: int
    sha256: str
    types: Collection[str]
    seconds: float = 0.0
    read_back: bool = True
    """Whether a ranged read of its first and last bytes gave what was hashed."""


def mismatches(item: Item, found: Found) -> Iterator[str]:
    """Everything that is not as announced, each with what would be right."""
    promised = item.promised
    if found.size != promised.size:
        yield f"it has {found.size} bytes; {promised.size} were announced"
    if found.sha256 != promised.sha256:
        yield f"its SHA-256 is {found.sha256}; {promised.sha256} was announced"
    if not is_of_type(promised.media_type, found.types):
        yield f"its bytes are {_looks(found.types)}; {promised.media_type} was announced"


def uploaded(item: Item) -> ItemUploaded:
    """The event that the bytes are what was announced."""
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
    """The item that people may read from now, and the event that says so."""
    after = replace(
        item,
        state=ItemState.AVAILABLE,
        renditions=(item.promised,),
        seconds=playing_time(item.seconds, found.seconds),
        available_at=now,
    )
    event = ItemAvailable(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        media_type=item.promised.media_type,
        seconds=after.seconds,
        run_ids=item.run_ids,
        available_at=now,
    )
    return after, event


def failed(item: Item, reason: str, now: datetime) -> tuple[Item, ItemFailed]:
    """The item that was refused, and the event that says why."""
    event = ItemFailed(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        reason=reason,
        failed_at=now,
    )
    return replace(item, state=ItemState.FAILED, failure=reason), event


def playing_time(announced: float, found: float) -> float:
    """Seconds: the announced ones, unless the file knows better."""
    if not found:
        return announced
    return announced if abs(found - announced) <= TOLERANCE * found else found


def _looks(types: Collection[str]) -> str:
    """Types for people. Some signatures fit dozens; a few of them say enough."""
    if not types:
        return "of no known type"
    few = " or ".join(sorted(types)[:FEW])
    return f"{few} or the like" if len(types) > FEW else few
