"""The library's events; names and fields are those of the event messages in the protos."""

from dataclasses import dataclass
from datetime import datetime

from services.library.domain.enums import Access, ItemKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemUploaded:
    """An item's bytes are in the S3 store, and are those that were announced."""

    item_id: str
    kind: ItemKind
    title: str
    media_type: str
    size: int
    sha256: str
    uploaded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAvailable:
    """Every promised rendition was read back: people may read the item."""

    item_id: str
    kind: ItemKind
    title: str
    media_type: str
    seconds: float
    run_ids: tuple[str, ...]
    available_at: datetime
    access: Access
    not_before: datetime | None
    replaces_item_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFailed:
    """An item was refused."""

    item_id: str
    kind: ItemKind
    title: str
    reason: str
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemUpdated:
    """An item's description changed, or who may read it; or its next version is AVAILABLE."""

    item_id: str
    kind: ItemKind
    title: str
    updated_at: datetime
    run_ids: tuple[str, ...]
    access: Access
    not_before: datetime | None
    replaced_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRetired:
    """An item was taken out of use."""

    item_id: str
    kind: ItemKind
    title: str
    reason: str
    retired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RenditionAvailable:
    """One more file of an item was made, and read back."""

    item_id: str
    kind: ItemKind
    title: str
    rendition: str
    media_type: str
    size: int
    available_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessingFailed:
    """A rendition of an item can't be made; the item itself stays AVAILABLE."""

    item_id: str
    kind: ItemKind
    title: str
    rendition: str
    reason: str
    failed_at: datetime
