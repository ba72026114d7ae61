"""Items, and the uploads that become them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation
from services.library.domain.enums import Access, ItemKind, ItemState, UploadState

LONGEST_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The description of an item (Dublin Core Metadata Element Set 1.1)."""

    title: str
    creators: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    description: str = ""
    language: str = ""
    rights: str = ""
    publishers: tuple[str, ...] = ()
    contributors: tuple[str, ...] = ()
    date: str = ""
    """A year, month, day or instant (W3CDTF)."""
    types: tuple[str, ...] = ()
    """Empty: what follows from the item's kind."""
    formats: tuple[str, ...] = ()
    """Empty: the item's media type."""
    identifiers: tuple[str, ...] = ()
    """In normal form (`identifiers.normal_form`)."""
    sources: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    coverages: tuple[str, ...] = ()
    licence: str = ""
    """An id of SPDX, or a URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One file of an item. `size` in bytes, `sha256` in lower-case hex, `width` and `height` in
    pixels; the last four are empty where the library does not know them, or they do not apply.
    """

    name: str
    media_type: str
    size: int
    sha256: str
    width: int = 0
    height: int = 0
    bits_per_second: int = 0
    """The most that any part of it needs to be played without a pause."""
    codecs: str = ""
    """As in RFC 6381."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUpload:
    """Start an upload. `size` in bytes; `seconds`: the playing time, 0 if unknown."""

    kind: ItemKind
    metadata: Metadata
    media_type: str
    size: int
    sha256: str
    run_ids: tuple[str, ...]
    seconds: float
    access: Access | None = None
    """None: Access.RUNS."""
    not_before: datetime | None = None
    replaces_item_id: str = ""
    """The item of which it is the next version; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One work in the library."""

    id: str
    kind: ItemKind
    metadata: Metadata
    state: ItemState
    failure: str = ""
    run_ids: tuple[str, ...] = ()
    renditions: tuple[Rendition, ...] = ()
    seconds: float = 0.0
    pages: int = 0
    """How many pages it has; 0: it has none, or nobody has counted them."""
    uploaded_by: str = ""
    created_at: datetime
    available_at: datetime | None = None
    access: Access = Access.RUNS
    not_before: datetime | None = None
    """The end of its embargo; None: it has none."""
    predecessors: tuple[str, ...] = ()
    """The ids of its earlier versions, oldest first."""
    successor_id: str = ""
    """The next version that was announced; empty: none was."""
    replaced_by: str = ""
    """The next version, once it is AVAILABLE."""
    retired_at: datetime | None = None
    was_public: bool = False
    """Whether everybody could know of it at some time (`oai.is_public`). The store sets it."""
    promised: Rendition
    """The file as the uploader announced it."""

    @property
    def original(self) -> Rendition:
        """Return the file that was uploaded, of an item that is or was AVAILABLE."""
        return self.renditions[0]

    @property
    def is_for_all(self) -> bool:
        """Return whether everybody whom the university knows may read it, after its embargo."""
        return self.access is Access.ALL

    @property
    def replaces_item_id(self) -> str:
        """Return the id of the version before this one; "" if there is none."""
        return self.predecessors[-1] if self.predecessors else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The upload of a file. `multipart`: the S3 store's id of the multipart upload."""

    id: str
    item_id: str
    state: UploadState
    size: int
    part_size: int
    multipart: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDeletion:
    """A pending deletion in the S3 store: the file or the parts that an item left there."""

    id: str
    """Their key."""
    multipart: str = ""
    due: datetime | None = None
    """When it is to be deleted; None: at once."""


def run_violations(run_ids: Sequence[str]) -> Iterator[FieldViolation]:
    """Yield a violation for each id that can't be a run's. The ids are part of events, which must
    stay small.
    """
    for place, run_id in enumerate(run_ids):
        if not 0 < len(run_id) <= LONGEST_ID:
            wrong = f"has {len(run_id)} characters"
            yield FieldViolation(f"run_ids[{place}]", wrong, f"the id of a run, 1 to {LONGEST_ID}")
