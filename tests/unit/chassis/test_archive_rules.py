"""The archive's rules: spans, segments, lines and sequences."""

import tracemalloc
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.archive import layout, lines, segments
from chassis.archive.layout import UNREADABLE, Span
from chassis.archive.segments import DamagedSegment, Piece
from chassis.archive.sequences import Gap, Sequences
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.messaging.history import Message
from tests.integration.chassis.bus import an_event

OFFSETS = st.integers(0, 40)
SPANS = st.lists(st.tuples(OFFSETS, OFFSETS).map(lambda two: Span(min(two), max(two))), max_size=8)


def message_of(event: Event[Any], offset: int = 0) -> Message:
    """An event as the stream has it."""
    headers = events.headers_of(event)
    return Message(offset, headers, events.body_of(event.data), events.CONTENT_TYPE)


def plain(offset: int, body: bytes = b"{}") -> Message:
    """A stranger's message."""
    return Message(offset, {}, body, None)


def offsets(spans: Any) -> list[int]:
    """All offsets of some spans."""
    return [each for span in spans for each in range(span.first, span.last + 1)]


@given(SPANS, OFFSETS, OFFSETS)
def test_holes_are_what_no_span_covers(spans: list[Span], one: int, other: int) -> None:
    """In order, each offset once, and nothing outside of what was asked for."""
    whole = Span(min(one, other), max(one, other))
    covered = set(offsets(spans))
    wanted = [each for each in offsets([whole]) if each not in covered]
    assert offsets(layout.holes(spans, whole)) == wanted


@given(SPANS)
def test_spans_that_overlap_are_together(spans: list[Span]) -> None:
    """Every span is in one group, and no two groups have an offset in common."""
    groups = list(layout.overlapping(spans))
    assert sorted(each for group in groups for each in group) == sorted(spans)
    seen = [set(offsets(group)) for group in groups]
    assert sum(map(len, seen)) == len(set().union(*seen))


def test_keys_tell_their_span() -> None:
    """Also the greatest offset; another object has none."""
    for span in (Span(0, 0), Span(7, 2**63)):
        assert layout.span_of(layout.key_of(layout.SEGMENTS, span)) == span
    assert layout.span_of("segments/readme.txt") is None


def test_a_day_is_of_utc_and_a_strange_type_stays_in_its_folder() -> None:
    """An event late in the evening of a zone is of the next day; no type leaves its folder."""
    late = datetime.fromisoformat("2026-03-01T23:30:00-05:00")
    assert layout.group_of(late, "a.b") == "events/2026-03-02/a.b/"
    strange = layout.group_of(late, "../" + "é/" * 300)
    assert strange.count("/") == 3
    assert len(strange.encode()) < 300


VALUES = st.one_of(
    st.text(max_size=20), st.integers(), st.binary(max_size=5), st.booleans(), st.none()
)
NAMES = st.sampled_from(
    ["id", "type", "source", "time", "sequence", "subject", "data", "offset", "error", "x", ""]
).map(lambda name: f"cloudEvents_{name}")
BODIES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"", b"{}", b'{"a":\n1}', b'{"a":1e999}', b'"\\u2028"', b'{"data":{"data":1}}']
    ),
)


@given(st.dictionaries(NAMES, VALUES), BODIES, st.sampled_from([None, "text/plain"]), OFFSETS)
@example({"cloudEvents_id": 'x","data":1'}, b"{}", None, 1)
def test_every_message_has_one_line(
    headers: dict[str, Any], body: bytes, content_type: str | None, offset: int
) -> None:
    """Whatever it is: the line is always the same, and is read as the stream's message is."""
    required = {"id": 'i","data":', "type": "t", "source": "s", "time": "2026-03-02T08:00:00Z"}
    whole = {f"cloudEvents_{name}": value for name, value in required.items()}
    for given_headers in (headers, {**headers, **whole}):
        message = Message(offset, given_headers, body, content_type)
        line = lines.encode(message)
        assert b"\n" not in line.text
        assert line == lines.encode(message)
        found = lines.decode(line.text)
        assert found.offset == offset
        assert str(found.event) == str(message.event)
        if line.group != UNREADABLE:
            assert (found.body, found.content_type) == (body, content_type)


def test_an_event_is_a_cloudevent_in_json_and_comes_back_as_it_was() -> None:
    """Its line has the attributes by their names, and its data."""
    event = an_event("e", sequence=3)
    line = lines.encode(message_of(event, 12))
    assert line.group == "events/2026-03-02/tandem.catalog.enrolment.withdrawn.v1/"
    assert b'"sequence":"00000000000000000003"' in line.text
    assert b'"data":{"enrolmentId"' in line.text
    assert lines.decode(line.text) == message_of(event, 12)
    assert lines.decode(line.text).event == event


def test_what_the_broker_can_not_hand_over_is_archived_as_that() -> None:
    """Its offset is not missing, and its reason is kept."""
    line = lines.encode(Message(4, {}, b"", None, "the broker can't hand it over"))
    assert line.group == UNREADABLE
    assert lines.decode(line.text).error == "the broker can't hand it over"


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[1]", b'{"offset":"x"}', b'{"offset":"1"}', b"\xff"]
)
def test_a_line_of_nobody_is_damaged(text: bytes) -> None:
    """It raises nothing else."""
    with pytest.raises(lines.DamagedLine):
        lines.decode(text)


@given(st.sets(OFFSETS), OFFSETS, OFFSETS, st.integers(1, 5), st.booleans())
def test_pieces_have_every_offset_once(
    kept: set[int], one: int, other: int, most: int, deleted_meanwhile: bool
) -> None:
    """Pieces and lost spans together are the hole, as far as the stream tells. What is missing is
    the broker's own where the stream has the message before, else it is lost.
    """
    hole = Span(min(one, other), max(one, other))

    def has(offset: int) -> bool:
        return offset in kept and not deleted_meanwhile

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "MOST_MESSAGES", most)
        found = list(segments.pieces(map(plain, sorted(kept)), hole, has))
    told: list[int] = []
    lost: list[int] = []
    for piece in found:
        if isinstance(piece, Span):
            told += offsets([piece])
            lost += offsets([piece])
            continue
        told += offsets([piece.span])
        own = [each.offset for each in piece.messages]
        assert len(own) <= most
        assert sorted([*own, *offsets(piece.broker)]) == offsets([piece.span])
        assert set(own) <= kept
    assert not kept & set(lost)
    reached = max((each for each in kept if each >= hole.first), default=-1)
    assert told == [each for each in offsets([hole]) if each <= reached]
    first = min((each for each in kept if each >= hole.first), default=0)
    if not deleted_meanwhile:
        beginning = [] if hole.first - 1 in kept else range(hole.first, min(first, hole.last + 1))
        assert lost == list(beginning)


def test_a_piece_ends_with_its_bytes() -> None:
    """Large messages make short segments; none is too large for one."""
    large = [plain(number, b"x" * segments.MOST_BYTES) for number in range(3)]
    found = segments.pieces(large, Span(0, 9), lambda _: True)
    assert [each.span for each in found if not isinstance(each, Span)] == [
        Span(number, number) for number in range(3)
    ]


def test_a_segment_is_packed_by_day_and_type_and_always_alike() -> None:
    """Each file has its own events, in order; the same messages give the same bytes."""
    some = [message_of(an_event(f"e{number}"), number) for number in range(3)]
    some.append(plain(3))
    later = an_event("late")
    later = Event(**{**vars_of(later), "time": later.time + timedelta(days=1)})
    some.append(message_of(later, 4))
    piece = Piece(Span(0, 5), some, [Span(5, 5)])
    segment, contents = segments.pack(piece, {})
    assert segments.pack(piece, {}) == (segment, contents)
    assert [file.messages for file in segment.files] == [3, 1, 1]
    assert [file.key for file in segment.files] == list(contents)
    unpacked = [
        each for file in segment.files for each in segments.unpack(file, contents[file.key])
    ]
    assert sorted(each.offset for each in unpacked) == [0, 1, 2, 3, 4]
    assert segments.read(segment.span, segments.write(segment)) == segment


def vars_of(event: Event[Any]) -> dict[str, Any]:
    """The fields of an event."""
    return {name: getattr(event, name) for name in Event.__slots__}


def test_a_file_or_segment_that_was_changed_is_told() -> None:
    """By its hash; a segment also by its name."""
    segment, contents = segments.pack(Piece(Span(0, 0), [plain(0)], []), {})
    (file,) = segment.files
    with pytest.raises(DamagedSegment, match="SHA-256"):
        segments.unpack(file, contents[file.key] + b"x")
    with pytest.raises(DamagedSegment, match="says that it is"):
        segments.read(Span(1, 1), segments.write(segment))
    for broken in (b"", b"[]", b'{"files":[{}]}'):
        with pytest.raises(DamagedSegment):
            segments.read(Span(0, 0), broken)


@given(st.lists(st.integers(0, 12)), st.integers(0, 4))
def test_gaps_are_the_numbers_that_nobody_saw(numbers: list[int], most: int) -> None:
    """From 1 to the greatest, in any order and with repeats, however few of them are in memory; 0
    is no number.
    """
    sequences = Sequences(most)
    for number in numbers:
        sequences.add("/s", "k", number)
    missing = [each for gap in sequences.gaps() for each in range(gap.first, gap.last + 1)]
    assert missing == [each for each in range(1, max(numbers, default=0)) if each not in numbers]


def test_gaps_are_of_one_source_and_key() -> None:
    """The same key of two services has two sequences."""
    sequences = Sequences()
    for source, sequence in (("/a", 1), ("/b", 2), ("/a", 4)):
        sequences.add(source, "k", sequence)
    assert list(sequences.gaps()) == [Gap("/a", "k", 2, 3), Gap("/b", "k", 1, 1)]


def test_keys_may_be_any_text_and_numbers_as_great_as_possible() -> None:
    """A stranger's event is no reason to end."""
    greatest, odd = 2**63 - 1, "\ud800\0"
    sequences = Sequences()
    sequences.add(odd, odd, greatest)
    assert list(sequences.gaps()) == [Gap(odd, odd, 1, greatest - 1)]


def test_memory_does_not_grow_with_the_keys() -> None:
    """Ten thousand keys, each with a gap that is found, take as much as two hundred."""
    few, many = peak(200), peak(10_000)
    assert many < few + 100_000


def peak(keys: int) -> int:
    """The bytes of Python that sequences of so many keys need."""
    tracemalloc.start()
    try:
        sequences = Sequences(most=100)
        for number in (2, 4):
            for key in range(keys):
                sequences.add("/s", str(key), number)
        found = sum(1 for _ in sequences.gaps())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert found == 2 * keys


def test_times_are_compared_in_utc() -> None:
    """A line has its time in UTC, whatever the publisher wrote."""
    headers = events.headers_of(an_event("e"))
    headers["cloudEvents_time"] = "2026-03-02T09:00:00+01:00"
    line = lines.encode(Message(0, headers, b"{}", None))
    assert b'"time":"2026-03-02T08:00:00Z"' in line.text
