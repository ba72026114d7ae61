"""Which files of a server's recording are copied, and what a copy becomes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sessions.domain.meetings import FileKind, RecordedFile, Stretch
from services.sessions.domain.provider_recordings import FoundRecording
from services.sessions.domain.recorded_parts import Captions, part_violations
from services.sessions.domain.recording_copies import (
    NOT_BEGUN,
    NOT_RECORDED,
    NOTHING_TO_PLAY,
    TAKEN_BACK,
    TOO_MANY_PAUSES,
    CopyState,
    FileCopy,
    RecordingCopy,
    attached,
    attaching,
    followed,
    judged,
    language_of,
    obstacle,
    tried_again,
    wanted_files,
    with_file,
)
from services.sessions.domain.roster import Item

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def file(kind: FileKind, name: str = "1", language: str = "", version: str = "") -> RecordedFile:
    """A file at the server."""
    url = f"https://bbb.example.edu/{kind}/{name}"
    media = "text/vtt" if kind in (FileKind.CAPTIONS, FileKind.TRANSCRIPT) else "video/mp4"
    return RecordedFile(kind=kind, url=url, media_type=media, language=language, version=version)


FILM, SOUND = file(FileKind.VIDEO), file(FileKind.AUDIO)
ENGLISH, UNTOLD = file(FileKind.CAPTIONS, language="en"), file(FileKind.CAPTIONS)
TRANSCRIPT = file(FileKind.TRANSCRIPT)


def found(*files: RecordedFile, **changes: Any) -> FoundRecording:
    """A recording of an hour from noon on, as its server tells it."""
    plain = FoundRecording(
        id="alpha:r1",
        session_id="s1",
        start=NOON,
        end=NOON + 60 * MINUTE,
        files=files,
        found_at=NOON,
    )
    return replace(plain, **changes)


def copied(*files: RecordedFile) -> RecordingCopy:
    """A copy whose files the library has, as the items 0, 1, ..."""
    copy = followed(None, found(*files), recorded=True, now=NOON)
    assert copy is not None
    for place, each in enumerate(copy.files):
        done = replace(each, item_id=str(place), is_copied=True)
        copy = with_file(copy, place, done)
    return copy


def items(**failures: str) -> dict[str, Item]:
    """What the library told of items: empty, or why it refused them."""
    return {
        name.removeprefix("i"): Item(name.removeprefix("i"), not why, why, 1)
        for name, why in failures.items()
    }


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ([], []),
        ([SOUND, FILM], [FILM]),
        ([FILM, file(FileKind.VIDEO, "2")], [FILM]),
        ([SOUND, TRANSCRIPT, file(FileKind.TRANSCRIPT, "2")], [SOUND, TRANSCRIPT]),
        (
            [
                FILM,
                ENGLISH,
                UNTOLD,
                file(FileKind.CAPTIONS, "2", "EN"),
                file(FileKind.CAPTIONS, "3"),
            ],
            [FILM, ENGLISH, UNTOLD],
        ),
    ],
)
def test_the_best_of_each_kind_is_copied(
    there: list[RecordedFile], wanted: list[RecordedFile]
) -> None:
    """Sound only without a film, and captions once for each language, in any case."""
    assert list(wanted_files(there)) == wanted


@given(st.lists(st.sampled_from([FILM, SOUND, ENGLISH, UNTOLD, TRANSCRIPT]), max_size=8))
def test_wanted_files_make_a_valid_part(files: list[RecordedFile]) -> None:
    """Whatever a server tells, the part has no fault of its own."""
    copy = copied(*files)
    if copy.main:
        command = attaching(copy, NOON)
        assert not list(part_violations(command))
        assert len(command.captions) <= 2


def test_files_that_are_known_are_not_copied_again() -> None:
    """Only those whose content is another one; the part that it was is remembered."""
    before = attached(copied(FILM, ENGLISH), NOON)
    newer = replace(FILM, version="2")
    after = followed(before, found(newer, ENGLISH), recorded=True, now=NOON)
    assert after is not None
    assert [each.is_settled for each in after.files] == [False, True]
    assert (after.state, after.attached_item_id) == (CopyState.WANTED, "0")


def test_a_copy_follows_what_is_wanted() -> None:
    """Nothing is copied of a class that is not to be recorded, or of what is gone."""
    forbidden = followed(None, found(FILM), recorded=False, now=NOON)
    assert forbidden is not None
    assert (forbidden.state, forbidden.reason) == (CopyState.REFUSED, NOT_RECORDED)
    gone = found(FILM, gone_at=NOON)
    assert followed(None, gone, recorded=True, now=NOON) is None
    left = followed(copied(FILM), gone, recorded=True, now=NOON)
    assert left is not None
    assert left.state is CopyState.GONE


def test_a_part_is_where_its_recording_is_on_the_class_time() -> None:
    """Its stretches count from the real start; without any it is one stretch."""
    stretches = (
        Stretch(start=NOON, end=NOON + 10 * MINUTE),
        Stretch(start=NOON + 15 * MINUTE, end=NOON + 60 * MINUTE),
    )
    copy = replace(copied(FILM), stretches=stretches)
    began = NOON + 2 * MINUTE
    told = attaching(copy, began).stretches
    assert [(each.starts_at / MINUTE, each.length / MINUTE) for each in told] == [
        (-2, 10),
        (13, 45),
    ]
    (whole,) = attaching(replace(copy, stretches=()), began).stretches
    assert (whole.starts_at / MINUTE, whole.length / MINUTE) == (-2, 60)


def test_a_part_takes_the_place_of_what_it_was() -> None:
    """A first one is added, the same one corrected, another one replaces it."""
    copy = copied(FILM)
    places = [
        (command.further_part, command.replaces_item_id)
        for item_id in ("", "0", "old")
        for command in [attaching(replace(copy, attached_item_id=item_id), NOON)]
    ]
    assert places == [(True, ""), (True, ""), (False, "old")]


@pytest.mark.parametrize(
    ("changes", "began", "reason"),
    [
        ({}, NOON, ""),
        ({"attached_item_id": "there"}, NOON, ""),
        ({"attached_item_id": "gone"}, NOON, TAKEN_BACK),
        ({"files": ()}, NOON, NOTHING_TO_PLAY),
        ({"files": (FileCopy(FILM, refused="too large"),)}, NOON, "too large"),
        ({}, None, NOT_BEGUN),
        ({"stretches": (Stretch(start=NOON, end=NOON + MINUTE),) * 101}, NOON, TOO_MANY_PAUSES),
    ],
)
def test_a_part_needs_something_to_play_and_a_class_that_began(
    changes: dict[str, Any], began: datetime | None, reason: str
) -> None:
    """And it does not come in the place of a part that somebody took back."""
    assert obstacle(replace(copied(FILM), **changes), ["there"], began) == reason


@pytest.mark.parametrize(
    ("told", "tag"), [("pt_BR", "pt-BR"), ("en", "en"), ("", "und"), ("<b>", "und")]
)
def test_languages_are_tags(told: str, tag: str) -> None:
    """Whatever a server tells: an underline is a hyphen, and what is no tag is unknown."""
    assert language_of(file(FileKind.CAPTIONS, language=told)) == tag


def test_the_library_is_waited_for_and_refused_texts_are_left_out() -> None:
    """Its verdict counts once it has looked at all files; languages that nobody told are und."""
    copy = copied(FILM, ENGLISH, UNTOLD, TRANSCRIPT)
    assert not judged(copy, items(i0="", i1="", i2="")).is_known
    verdict = judged(copy, items(i0="", i1="no cue", i2="", i3=""))
    assert verdict.is_known
    command = attaching(verdict.copy, NOON)
    assert command.captions == (Captions("2", "und"),)
    assert command.transcript_item_id == "3"


def test_what_the_library_refuses_is_copied_once_more() -> None:
    """A server may have sent half of it as if it were all; what the server refused stays so."""
    copy = with_file(copied(FILM, ENGLISH), 1, FileCopy(ENGLISH, refused="404"))
    refused = judged(copy, items(i0="cut short")).copy
    again = tried_again(refused, NOON)
    assert again is not None
    assert (again.state, again.files[0]) == (CopyState.WANTED, FileCopy(FILM, is_second_try=True))
    assert again.files[1].refused == "404"
    twice = replace(again.files[0], item_id="9", is_copied=True)
    assert tried_again(judged(with_file(again, 0, twice), items(i9="cut short")).copy, NOON) is None
