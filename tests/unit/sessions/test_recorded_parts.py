"""Which parts a session's recording has, and in which order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.contracts.events import LARGEST_BODY, body_of, message_for
from services.sessions.domain import former_parts
from services.sessions.domain.events import about
from services.sessions.domain.former_parts import MOST_FORMER, MOST_REPLACED, remembered
from services.sessions.domain.recorded_parts import (
    MOST_PARTS,
    AttachRecording,
    Captions,
    Chapter,
    RecordedPart,
    RecordedStretch,
    Recording,
    SessionRecording,
    chapter_violations,
    chapters_in_order,
    first_playable,
    part_violations,
    parts_of,
    place_violations,
    placed,
    shown,
    taken,
    with_parts,
    withdrawn_violations,
    without,
)
from services.sessions.domain.recording_events import RecordingAttached, RecordingWithdrawn
from services.sessions.domain.roster import Item, Policy, Run, kept_violations
from tests.unit.sessions.examples import NINE, session

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def attach(item_id: str, minutes: float | None = None, **more: Any) -> AttachRecording:
    """A part that begins some minutes after the class's start."""
    offset = None if minutes is None else minutes * MINUTE
    return AttachRecording(session_id="s1", item_id=item_id, starts_at_offset=offset, **more)


def stretch(start: float, length: float) -> RecordedStretch:
    """A stretch, in minutes."""
    return RecordedStretch(start * MINUTE, length * MINUTE)


def ids(*commands: AttachRecording) -> list[str]:
    """The items of a session's parts after some were attached."""
    parts: tuple[RecordedPart, ...] = ()
    for command in commands:
        assert not list(place_violations(parts, command))
        parts = placed(parts, command)
    return [each.item_id for each in parts]


def test_a_part_takes_the_place_that_it_names() -> None:
    """The only one without a word, another one by its name, and beside the others as a further."""
    assert ids(attach("a"), attach("b")) == ["b"]
    assert ids(attach("a", 30), attach("b", 0, further_part=True)) == ["b", "a"]
    assert ids(attach("a"), attach("b", 30, further_part=True), attach("a", 60)) == ["b", "a"]
    cut = attach("cut", 1, replaces_item_id="a")
    assert ids(attach("a"), attach("b", 30, further_part=True), cut) == ["cut", "b"]
    assert ids(attach("a"), attach("b", 30, further_part=True), cut, cut) == ["cut", "b"]
    merged = attach("b", 0, replaces_item_id="a")
    assert ids(attach("a"), attach("b", 30, further_part=True), merged) == ["b"]


def test_what_has_no_place_is_refused() -> None:
    """Of several parts one must be named, and known; no two begin at one time, and 20 are most."""
    two = placed(placed((), attach("a")), attach("b", 30, further_part=True))
    cases = {
        attach("c"): "item_id",
        attach("c", 60, replaces_item_id="x"): "replaces_item_id",
        attach("c", 30, further_part=True): "starts_at_offset",
        attach("b"): "starts_at_offset",
        attach("c", stretches=(stretch(30, 1),), further_part=True): "stretches",
    }
    for command, field in cases.items():
        assert [each.field for each in place_violations(two, command)] == [field]
    most = tuple(RecordedPart(str(each), each * MINUTE) for each in range(MOST_PARTS))
    [full] = place_violations(most, attach("c", 60, further_part=True))
    assert full.field == "further_part"


def test_all_faults_of_a_part_are_told() -> None:
    """What contradicts itself, stretches that overlap or last no time, a language twice."""
    wrong = attach(
        "a",
        1500,
        further_part=True,
        replaces_item_id="a",
        stretches=(stretch(0, 10), stretch(9, 0), stretch(1500, 1500)),
        captions=(Captions("x", "en"), Captions("y", "EN")),
    )
    assert [each.field for each in part_violations(wrong)] == [
        "further_part",
        "replaces_item_id",
        "starts_at_offset",
        "starts_at_offset",
        "stretches[1].length",
        "stretches[1].starts_at",
        "stretches[2].starts_at",
        "stretches[2].length",
        "captions[1].language",
    ]
    assert not list(part_violations(attach("a", stretches=(stretch(-5, 10), stretch(5, 1)))))


def test_a_part_begins_with_its_first_stretch() -> None:
    """So parts with and without stretches have one order."""
    told = attach("a", stretches=(stretch(-2, 10), stretch(20, 5)))
    assert told.part.starts_at_offset == -2 * MINUTE


def test_replaced_parts_are_remembered() -> None:
    """Of several replacements the latest, each once, and not what is a part again."""
    first, second, third = (RecordedPart(each) for each in ("a", "b", "c"))
    once = remembered((), [first], [second])
    twice = remembered(once, [second], [third])
    assert (once, twice) == ((first,), (first, second))
    assert remembered(twice, [third], [first]) == (second, third)
    assert remembered(twice, [third], [third]) == twice
    many = [RecordedPart(f"{place}") for place in range(MOST_REPLACED)]
    assert remembered(many, [third], [first]) == (*many[1:], third)


def test_former_items_end_with_the_recording() -> None:
    """What was replaced or withdrawn, with its texts, unless it is there again; then nothing is
    left.
    """
    film = RecordedPart("film", transcript_item_id="text")
    cut, last = RecordedPart("cut", transcript_item_id="text"), RecordedPart("last")
    recording = former_parts.attached(SessionRecording(id="s", run_id="r"), (), (film,))
    assert recording.former_ids == ()
    recording = former_parts.attached(recording, (film,), (cut,))
    assert (recording.former_ids, recording.replaced) == (("film",), (film,))
    recording = former_parts.withdrawn(recording, (cut,), ())
    assert (recording.former_ids, recording.replaced) == (("film", "cut", "text"), ())
    recording = former_parts.attached(recording, (), (last,))
    assert former_parts.ended(recording, (last,)) == ("last", "film", "cut", "text")
    recording = former_parts.expired(recording, former_parts.ended(recording, (last,)))
    assert recording == SessionRecording(
        id="s", run_id="r", expired_ids=("last", "film", "cut", "text")
    )
    assert former_parts.gone(recording, (last,)) == ("film", "cut", "text")


def test_what_is_withdrawn_is_told_with_its_texts() -> None:
    """Unless another part has the same transcript or captions."""
    one = RecordedPart("a", transcript_item_id="text", captions=(Captions("cc", "en"),))
    other = RecordedPart("b", MINUTE, transcript_item_id="text")
    assert without((one, other), "a") == (other,)
    assert taken((one, other), (other,)) == ("a", "cc")
    assert without((one, other), "") == ()
    assert taken((one, other), ()) == ("a", "text", "cc", "b")
    [unknown] = withdrawn_violations((one,), "x")
    assert unknown.field == "item_id"
    assert not list(withdrawn_violations((), ""))


def test_what_an_older_version_attached_is_the_only_part() -> None:
    """It knows the session's document alone, where the first part is."""
    parts = (RecordedPart("a"), RecordedPart("b", MINUTE))
    stored = SessionRecording(id="s1", run_id="run", parts=parts)
    held = with_parts(session(), parts)
    assert (held.recording_item_id, parts_of(held, stored)) == ("a", parts)
    older = replace(held, recording_item_id="new", recording_offset=MINUTE)
    assert parts_of(older, stored) == (RecordedPart("new", MINUTE),)
    assert parts_of(older, None) == (RecordedPart("new", MINUTE),)
    assert parts_of(with_parts(held, ()), stored) == ()
    assert parts_of(session(), None) == ()


def test_the_first_part_that_can_be_watched_is_the_recording() -> None:
    """Of parts that all have to be processed, the first."""
    late = shown(RecordedPart("a"), None)
    ready = shown(RecordedPart("b"), Item("b", True, "", 1, 60.0))
    assert (late.playable, ready.playable) == (False, True)
    assert first_playable([late, ready]) == ready
    assert first_playable([late]) == late == Recording("a", False, "")
    assert first_playable([]) is None


@given(st.permutations([attach(str(each), each, further_part=True) for each in range(5)]))
def test_parts_have_one_order(commands: list[AttachRecording]) -> None:
    """In whatever order they come, they are by where they begin."""
    assert ids(*commands) == ["0", "1", "2", "3", "4"]


def test_chapters_are_by_where_they_begin() -> None:
    """No two begin at one time, and none is more than a day from the class."""
    one, other = Chapter("Waves", 20 * MINUTE), Chapter("Light", -MINUTE)
    assert chapters_in_order([one, other]) == (other, one)
    wrong = [one, replace(other, starts_at=20 * MINUTE), replace(other, starts_at=2 * DAY)]
    assert [each.field for each in chapter_violations(wrong)] == [
        "chapters[1].starts_at",
        "chapters[2].starts_at",
    ]


def test_a_run_keeps_its_recordings_as_long_as_its_policy_says() -> None:
    """After its last day; without a policy or a known end for ever."""
    run = Run("run", (), Policy(keep_recordings=30 * DAY), 1, ends_at=NINE)
    assert run.recordings_end == NINE + 30 * DAY
    assert not list(kept_violations(run, NINE + 29 * DAY))
    [over] = kept_violations(run, NINE + 30 * DAY)
    assert over.field == "session_id"
    for endless in (replace(run, policy=Policy()), replace(run, ends_at=None), None):
        assert not list(kept_violations(endless, NINE + 999 * DAY))


def test_the_largest_recording_fits_into_an_event() -> None:
    """Twenty parts of a hundred stretches, each with captions in twenty languages; and all that
    ends with it. A resync also tells with them what the session has no more.
    """
    long = "x" * 64
    part = RecordedPart(
        long,
        stretches=tuple(stretch(each / 7, 1 / 7) for each in range(100)),
        transcript_item_id=long,
        captions=(Captions(long, "x" * 35),) * 20,
    )
    told = about(
        session(),
        RecordingAttached,
        item_id=long,
        attached_at=NINE,
        starts_at_offset=MINUTE,
        parts=(part,) * MOST_PARTS,
        replaced_item_ids=part.item_ids,
    )
    ended = about(
        session(),
        RecordingWithdrawn,
        item_ids=(*part.item_ids * MOST_PARTS, *[long] * MOST_FORMER),
        reason="x" * 1_000,
        withdrawn_at=NINE,
        parts=(),
        expired=True,
        withdrawn_by="",
    )
    former, expired = (
        tuple(f"{kind}{number:063}" for number in range(MOST_FORMER)) for kind in "fe"
    )
    remembered_all = SessionRecording(id="s", run_id="r", former_ids=former, expired_ids=expired)
    gone = former_parts.gone(remembered_all, (part,))
    assert gone[-1] == former[-1]
    for each in (told, ended, replace(told, replaced_item_ids=gone)):
        assert len(body_of(message_for("sessions", each))) < LARGEST_BODY
