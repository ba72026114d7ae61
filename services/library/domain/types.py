"""The media types that each kind of item may have, and the types that count as the same."""

from collections.abc import Collection, Iterator

from chassis.errors import FieldViolation
from services.library.domain.enums import ItemKind

PDF, EPUB, ZIP, MP4 = "application/pdf", "application/epub+zip", "application/zip", "video/mp4"
TEXT, MARKDOWN = "text/plain", "text/markdown"
_OOXML = "application/vnd.openxmlformats-officedocument"
PPTX, DOCX = f"{_OOXML}.presentationml.presentation", f"{_OOXML}.wordprocessingml.document"
XLSX = f"{_OOXML}.spreadsheetml.sheet"
ODP, ODT, ODS = (
    f"application/vnd.oasis.opendocument.{kind}" for kind in ("presentation", "text", "spreadsheet")
)
VTT = "text/vtt"
CSV, TSV = "text/csv", "text/tab-separated-values"
JSON, JSON_LINES, NDJSON = "application/json", "application/jsonl", "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"
HDF5, NETCDF = "application/x-hdf5", "application/x-netcdf"

# Seconds. A playing time of more than a week is taken for an error.
LONGEST = 7 * 24 * 3600.0

ALLOWED: dict[ItemKind, tuple[str, ...]] = {
    ItemKind.EBOOK: (EPUB, PDF),
    ItemKind.JOURNAL: (PDF, EPUB, DOCX, ODT, TEXT, MARKDOWN),
    ItemKind.PDF: (PDF,),
    ItemKind.AUDIO: ("audio/*",),
    ItemKind.VIDEO: ("video/*",),
    ItemKind.RECORDING: ("video/*", "audio/*"),
    ItemKind.SLIDES: (PDF, PPTX, ODP, DOCX, ODT, TEXT, MARKDOWN),
    ItemKind.CAPTIONS: (VTT,),
    ItemKind.DATASET: (
        *(CSV, TSV, JSON, JSON_LINES, NDJSON),
        *(PARQUET, HDF5, NETCDF),
        *(XLSX, ODS, ZIP),
    ),
}

# Types that count as the same: several names of one format, or one container for sound and film.
# Documents in ZIP files are distinguished by their entries (inspection.py).
_FAMILIES = (
    # ISO base media (ISO/IEC 14496-12), and QuickTime, its predecessor
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
    # a text has no signature: any UTF-8 bytes without control characters are a text
    {TEXT, MARKDOWN, CSV, TSV, JSON, JSON_LINES, NDJSON},
)
# What is read as a file of rows or values, and not as a document.
DATA = frozenset({CSV, TSV, JSON, JSON_LINES, NDJSON, PARQUET, HDF5, NETCDF})


def kind_violations(kind: ItemKind, media_type: str) -> Iterator[FieldViolation]:
    """Yield a violation if an item of the kind can't have the media type."""
    if not any(_matches(media_type, allowed) for allowed in ALLOWED[kind]):
        right = " or ".join(ALLOWED[kind])
        yield FieldViolation("media_type", f"{media_type} is not a type for {kind}", right)


def is_of_type(announced: str, found: Collection[str]) -> bool:
    """Return whether bytes are of the announced type. `found`: every type that fits the bytes.

    If `found` is empty, return False: an unknown type can't be verified.
    """
    family = next((each for each in _FAMILIES if announced in each), {announced})
    return not family.isdisjoint(found)


def may_play(media_type: str) -> bool:
    """Return whether a file of the type has a playing time."""
    return media_type.startswith(("audio/", "video/"))


def is_opened(media_type: str) -> bool:
    """Return whether a file of the type has to be opened to be verified: all but texts."""
    return media_type not in (TEXT, MARKDOWN)


def _matches(media_type: str, allowed: str) -> bool:
    return media_type.startswith(allowed[:-1]) if allowed.endswith("/*") else media_type == allowed
