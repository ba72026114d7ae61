"""The contract's words."""

from enum import StrEnum


class ItemKind(StrEnum):
    """What an item is."""

    EBOOK = "EBOOK"
    JOURNAL = "JOURNAL"
    PDF = "PDF"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    RECORDING = "RECORDING"
    SLIDES = "SLIDES"


class ItemState(StrEnum):
    """How far an item is."""

    UPLOADING = "UPLOADING"
    VERIFYING = "VERIFYING"
    AVAILABLE = "AVAILABLE"
    FAILED = "FAILED"


class UploadState(StrEnum):
    """How far an upload is."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    ABORTED = "ABORTED"


class EnrolmentState(StrEnum):
    """Whether a learner holds a place in a run, as the library last heard."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"
