"""Enums, named like the contract's values without their prefix."""

from enum import StrEnum


class ItemKind(StrEnum):
    """The kind of an item."""

    EBOOK = "EBOOK"
    JOURNAL = "JOURNAL"
    PDF = "PDF"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    RECORDING = "RECORDING"
    SLIDES = "SLIDES"
    CAPTIONS = "CAPTIONS"
    DATASET = "DATASET"


class Access(StrEnum):
    """Whose learners may read an item: those of its runs, or everybody."""

    RUNS = "RUNS"
    ALL = "ALL"


class ItemState(StrEnum):
    """The state of an item."""

    UPLOADING = "UPLOADING"
    VERIFYING = "VERIFYING"
    AVAILABLE = "AVAILABLE"
    FAILED = "FAILED"
    RETIRED = "RETIRED"


class RenditionState(StrEnum):
    """How far a rendition is that the library makes. ABSENT: the item has nothing of the kind."""

    WAITING = "WAITING"
    MADE = "MADE"
    ABSENT = "ABSENT"
    FAILED = "FAILED"


class ProcessingState(StrEnum):
    """How far the renditions of an item are. FAILED: at least one could not be made."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class PackState(StrEnum):
    """How far an offline pack is."""

    WAITING = "WAITING"
    READY = "READY"
    FAILED = "FAILED"


class UploadState(StrEnum):
    """The state of an upload."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    ABORTED = "ABORTED"


class EnrolmentState(StrEnum):
    """Whether a learner holds a place in a run, by the last event that the library has."""

    ENROLLED = "ENROLLED"
    WAITLISTED = "WAITLISTED"
    WITHDRAWN = "WITHDRAWN"
