"""Which media types an item may have, and whether bytes are what they are said to be."""

from collections.abc import Collection, Iterator

from chassis.errors import FieldViolation
from services.library.domain.enums import ItemKind

PDF, EPUB, ZIP, MP4 = "application/pdf", "application/epub+zip", "application/zip", "video/mp4"
TEXT, MARKDOWN = "text/plain", "text/markdown"
_OOXML = "application/vnd.openxmlformats-officedocument"
PPTX, DOCX = f"{_OOXML}.presentationml.presentation", f"{_OOXML}.wordprocessingml.document"
ODP, ODT = (f"application/vnd.oasis.opendocument.{kind}" for kind in ("presentation", "text"))

# Seconds. What a file tells beyond a week is not believed.
LONGEST = 7 * 24 * 3600.0

ALLOWED: dict[ItemKind, tuple[str, ...]] = {
    ItemKind.EBOOK: (EPUB, PDF),
    ItemKind.JOURNAL: (PDF, EPUB, DOCX, ODT, TEXT, MARKDOWN),
    ItemKind.PDF: (PDF,),
    ItemKind.AUDIO: ("audio/*",),
    ItemKind.VIDEO: ("video/*",),
    ItemKind.RECORDING: ("video/*", "audio/*"),
    ItemKind.SLIDES: (PDF, PPTX, ODP, DOCX, ODT, TEXT, MARKDOWN),
}

# One format, several names, or one container for sound and pictures: what is announced as one may
# be found as another. Documents in ZIP files are told apart by what is in them (inspection.py).
_FAMILIES = (
    # ISO base media (ISO/IEC 14496-12) and QuickTime, which it comes from
    {MP4, "video/quicktime", "audio/mp4", "audio/m4a", "audio/x-m4a", "video/x-m4v", "video/3gpp"},
    {"audio/mpeg", "audio/mp3", "audio/x-mp3"},
    {"audio/aac", "audio/x-aac", "audio/aacp"},
    {"audio/ogg", "video/ogg", "application/ogg", "audio/opus", "audio/vorbis"},
    {"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"},
    # WebM is a subset of Matroska (RFC 9559)
    {"video/webm", "audio/webm", "video/matroska", "video/x-matroska", "audio/x-matroska"},
    {"audio/flac", "audio/x-flac"},
    {"audio/aiff", "audio/x-aiff"},
    {"video/avi", "video/x-msvideo", "video/msvideo"},
    # a text has no signature: any bytes that are UTF-8 without control characters are one
    {TEXT, MARKDOWN},
)


def kind_violations(kind: ItemKind, media_type: str) -> Iterator[FieldViolation]:
    """The fault of a media type that the kind can't have."""
    if not any(_matches(media_type, allowed) for allowed in ALLOWED[kind]):
        right = " or ".join(ALLOWED[kind])
        yield FieldViolation("media_type", f"{media_type} is no {kind}", right)


def is_of_type(announced: str, found: Collection[str]) -> bool:
    """Whether bytes that look like `found` (every type that fits them) are what was announced.

    An empty `found` is a no: what can't be recognised can't be verified.
    """
    family = next((each for each in _FAMILIES if announced in each), {announced})
    return not family.isdisjoint(found)


def may_play(media_type: str) -> bool:
    """Whether a file of the type has a playing time."""
    return media_type.startswith(("audio/", "video/"))


def _matches(media_type: str, allowed: str) -> bool:
    return media_type.startswith(allowed[:-1]) if allowed.endswith("/*") else media_type == allowed
