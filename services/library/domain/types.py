"""Which media types an item may have, and whether bytes are what they are said to be."""

from collections.abc import Collection, Iterator

from chassis.refusals import Fault
from services.library.domain.words import ItemKind

PDF, EPUB, ZIP, MP4 = "application/pdf", "application/epub+zip", "application/zip", "video/mp4"
_OFFICE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_ODP = "application/vnd.oasis.opendocument.presentation"

ALLOWED: dict[ItemKind, tuple[str, ...]] = {
    ItemKind.EBOOK: (EPUB, PDF),
    ItemKind.JOURNAL: (PDF, EPUB),
    ItemKind.PDF: (PDF,),
    ItemKind.AUDIO: ("audio/*",),
    ItemKind.VIDEO: ("video/*",),
    ItemKind.RECORDING: ("video/*", "audio/*"),
    ItemKind.SLIDES: (PDF, _OFFICE, _ODP),
}

# One container, several names: what is announced as one may be found as another.
_FAMILIES = (
    {MP4, "video/quicktime", "audio/mp4", "audio/x-m4a", "video/x-m4v", "application/mp4"},
    {"audio/mpeg", "audio/mp3", "audio/x-mp3"},
    {"audio/ogg", "video/ogg", "application/ogg", "audio/opus"},
    {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"},
    {"video/webm", "audio/webm", "video/x-matroska", "audio/x-matroska"},
    {"audio/flac", "audio/x-flac"},
    {EPUB, _OFFICE, _ODP, ZIP},
)


def kind_faults(kind: ItemKind, media_type: str) -> Iterator[Fault]:
    """The fault of a media type that the kind can't have."""
    if not any(_matches(media_type, allowed) for allowed in ALLOWED[kind]):
        right = " or ".join(ALLOWED[kind])
        yield Fault("media_type", f"{media_type} is no {kind}", right)


def is_of_type(announced: str, found: Collection[str]) -> bool:
    """Whether bytes that look like `found` (every type that fits them) are what was announced.

    An empty `found` is a no: every type that the library takes has a signature.
    """
    family = next((each for each in _FAMILIES if announced in each), {announced})
    return bool(family & set(found))


def _matches(media_type: str, allowed: str) -> bool:
    return media_type.startswith(allowed[:-1]) if allowed.endswith("/*") else media_type == allowed
