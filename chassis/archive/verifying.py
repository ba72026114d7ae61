"""Verifying an archive: that it has what its segments say, and that nothing is missing."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chassis.archive import layout, lines, segments
from chassis.archive.archive import Archive
from chassis.archive.layout import EVENTS, PENDING, SET_ASIDE, UNREADABLE, Span, file_key
from chassis.archive.scratch import open_scratch
from chassis.archive.segments import DamagedSegment, Segment
from chassis.archive.sequences import Sequences
from chassis.archive.store import NoSuchObject
from chassis.contracts import cloudevents
from chassis.messaging.history import Message

# Whose objects are named by a segment, or by nobody.
FOLDERS = (EVENTS, UNREADABLE, SET_ASIDE)


@dataclass(frozen=True)
class Fault:
    """Something that is missing or wrong."""

    kind: str
    """lost, missing, sequence, damaged, overlap, plain, or stray."""
    what: str


@dataclass
class Report:
    """What was looked at, and what is wrong with it."""

    segments: int = 0
    files: int = 0
    messages: int = 0
    first: int = 0
    last: int = -1
    faults: list[Fault] = field(default_factory=list)


def verify(archive: Archive) -> Report:
    """Return a report on the whole archive. It may be written meanwhile. Raises StoreAway.

    lost      offsets that the stream no longer had when they were to be archived
    missing   offsets that the archive does not have, for whatever other reason
    sequence  numbers of a source and key that are missing in its events
    damaged   a segment or file that is not what was written, or is not there
    overlap   offsets that two segments have; readers take each once
    plain     a segment in which what is personal is not encrypted; a version before wrote it
    stray     a file that no segment names, or an object that was set aside; nobody reads it

    What it knows of sources, keys and files is in a temporary file, however many there are.
    """
    # In the order in which an archiver writes, so that none of its steps is missed.
    strays = _Strays(each.key for folder in FOLDERS for each in archive.bucket.listed(folder))
    unfinished, damaged = _pending(archive)
    strays.remove(unfinished)
    spans, lost = sorted(archive.segments()), archive.lost()
    whole = Span(0, max((span.last for span in (*spans, *lost)), default=-1))
    report = Report(segments=len(spans), last=whole.last)
    report.faults += [Fault("lost", f"offsets {span}") for span in lost]
    report.faults += [
        Fault("missing", f"offsets {hole}") for hole in layout.holes([*spans, *lost], whole)
    ]
    report.faults += [
        Fault("overlap", f"segments {', '.join(map(str, group))}")
        for group in layout.overlapping(spans)
        if len(group) > 1
    ]
    report.faults += damaged
    sequences = Sequences()
    for span in spans:
        _verify_segment(archive, span, report, strays, sequences)
    report.faults += [Fault("sequence", str(gap)) for gap in sequences.gaps()]
    report.faults += [Fault("stray", key) for key in strays.listed()]
    return report


class _Strays:
    """The keys of files that nothing has named yet."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._file = open_scratch()
        self._file.execute("CREATE TABLE strays (key TEXT PRIMARY KEY) WITHOUT ROWID")
        self._file.executemany("INSERT INTO strays VALUES (?)", ((key,) for key in keys))

    def remove(self, keys: Iterable[str]) -> None:
        """Remove the keys that are there."""
        self._file.executemany("DELETE FROM strays WHERE key = ?", ((key,) for key in keys))

    def listed(self) -> Iterator[str]:
        """Yield the keys in order."""
        return (key for (key,) in self._file.execute("SELECT key FROM strays ORDER BY key"))


def _verify_segment(
    archive: Archive, span: Span, report: Report, strays: _Strays, sequences: Sequences
) -> None:
    try:
        segment = archive.segment(span)
    except (DamagedSegment, NoSuchObject) as error:
        report.faults.append(Fault("damaged", f"segment {span}: {error}"))
        return
    if not segment.sealed:
        report.faults.append(Fault("plain", f"segment {span}"))
    strays.remove(file.key for file in segment.files)
    report.files += len(segment.files)
    found: Counter[int] = Counter()
    for message in _messages(archive, segment, report):
        found[message.offset] += 1
        report.messages += 1
        _note(message, sequences)
    wrong = [offset for offset, count in found.items() if count > 1 or not _within(offset, span)]
    for offset in sorted(wrong):
        report.faults.append(Fault("damaged", f"segment {span}: offset {offset} is not its own"))
    known = [*segment.broker, *(Span(each, each) for each in found)]
    for hole in layout.holes(known, span):
        report.faults.append(Fault("missing", f"offsets {hole}"))


def _messages(archive: Archive, segment: Segment, report: Report) -> Iterator[Message]:
    for file in segment.files:
        try:
            content = segments.unpack(file, archive.bucket.get(file.key))
        except (DamagedSegment, lines.DamagedLine) as error:
            report.faults.append(Fault("damaged", str(error)))
            continue
        except NoSuchObject:
            report.faults.append(Fault("damaged", f"{file.key}: the file is not there"))
            continue
        for message in content:
            if file_key(segment.span, lines.encode(message).group) != file.key:
                report.faults.append(
                    Fault("damaged", f"{file.key}: offset {message.offset} is of another file")
                )
        yield from content


def _note(message: Message, sequences: Sequences) -> None:
    try:
        found = cloudevents.read(message.headers, message.content_type)
    except cloudevents.MalformedError:
        return
    sequences.add(found.source, found.partition_key, found.sequence)


def _within(offset: int, span: Span) -> bool:
    return span.first <= offset <= span.last


def _pending(archive: Archive) -> tuple[set[str], list[Fault]]:
    """Return the files of segments that are being written, and what can't be read."""
    keys, faults = set[str](), list[Fault]()
    for each in archive.bucket.listed(PENDING):
        try:
            keys.update(segments.read_pending(each.key, archive.bucket.get(each.key)))
        except DamagedSegment as error:
            faults.append(Fault("damaged", str(error)))
        except NoSuchObject:
            continue  # it is finished by now
    return keys, faults
