"""Opening files: good ones of all types, and damaged ones, within limits."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from typing import Any

import pytest

from services.library import datasets
from services.library.domain import types
from services.library.probe import MOST_READ, Verdict, examine
from services.library.ranges import SHORTEST, RangedFile
from tests.unit.library import damage, examples
from tests.unit.library.test_ranges import Ranges

SECONDS = 4
LIVE = {"live": "1"}  # as a browser records: the header tells no playing time
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
MOOV_FIRST = {"moov_size": "20000"}


def opened(media_type: str, content: bytes) -> Verdict:
    """What is found in a file."""
    return examine(media_type, RangedFile(Ranges(content), len(content), MOST_READ))


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("video/mp4", examples.film("mp4", "libx264", SECONDS)),
        ("video/mp4", examples.film("mp4", "libx264", SECONDS, **FRAGMENTED)),
        ("video/quicktime", examples.film("mov", "mpeg4", SECONDS)),
        ("video/webm", examples.film("webm", "libvpx", SECONDS)),
        ("video/webm", examples.film("webm", "libvpx", SECONDS, **LIVE)),
        ("video/x-matroska", examples.film("matroska", "libx264", SECONDS)),
        ("video/avi", examples.film("avi", "mpeg4", SECONDS)),
        ("video/ogg", examples.film("ogg", "libvpx", SECONDS)),
        ("audio/mpeg", examples.sound("mp3", "libmp3lame", SECONDS)),
        ("audio/aac", examples.sound("adts", "aac", SECONDS)),
        ("audio/ogg", examples.sound("ogg", "libopus", SECONDS)),
        ("audio/flac", examples.sound("flac", "flac", SECONDS)),
        ("audio/aiff", examples.sound("aiff", "pcm_s16be", SECONDS)),
        ("audio/mp4", examples.sound("ipod", "aac", SECONDS)),
        ("audio/webm", examples.sound("webm", "libopus", SECONDS)),
        ("audio/wav", examples.wav(SECONDS)),
        ("audio/mpeg", examples.mp3(SECONDS * 44100 // 1152)),
    ],
)
def test_audio_and_video_are_measured(media_type: str, content: bytes) -> None:
    """Whether or not their header tells a playing time."""
    verdict = opened(media_type, content)
    assert not verdict.fault
    assert verdict.seconds == pytest.approx(SECONDS, rel=0.02)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        (types.PDF, examples.PDF),
        (types.PDF, examples.pdf(30)),
        (types.EPUB, examples.EPUB),
        (types.PPTX, examples.PPTX),
        (types.DOCX, examples.DOCX),
        (types.DOCX, examples.office("word/document2.xml", examples.DOCX_MAIN)),
        (types.ODP, examples.ODP),
        (types.ODS, examples.ODS),
        (types.XLSX, examples.XLSX),
        (types.ZIP, examples.EPUB),
        (types.VTT, examples.VTT),
        (types.CSV, examples.CSV),
        (types.TSV, examples.TSV),
        (types.JSON, examples.JSON),
        (types.JSON_LINES, examples.JSON_LINES),
        (types.NDJSON, examples.JSON_LINES),
        (types.PARQUET, examples.PARQUET),
        *((types.HDF5, examples.hdf5(version)) for version in range(4)),
        (types.NETCDF, examples.hdf5(2)),
        (types.NETCDF, examples.NETCDF),
    ],
)
def test_documents_are_opened(media_type: str, content: bytes) -> None:
    """They have no playing time."""
    assert opened(media_type, content) == Verdict()


@pytest.mark.parametrize(
    ("media_type", "content", "reason"),
    [
        (types.VTT, b"WEBVTTX\n\n00:01.000 --> 00:02.000\nA", "its first line is not WEBVTT"),
        (types.VTT, b"", "its first line is not WEBVTT"),
        (types.VTT, b"WEBVTT\n\nNOTE nothing", "it has no cues"),
        (types.VTT, b"WEBVTT\n\n00:01.000 --> 00:02.0", "line 3 has no timings, such as "),
        (types.VTT, b"WEBVTT\r\rA\r", "line 4 has no timings, such as "),
        (types.VTT, b"WEBVTT\n\nA\n00:61.000 --> 01:02.000\nA", "line 4 has no timings"),
        (types.VTT, b"WEBVTT\n\n00:02.000 --> 00:02.000\nA", "line 3 ends before it begins"),
        (
            types.VTT,
            b"WEBVTT\n\n00:01.000 --> 00:02.000\nA\n00:02.000 --> 00:03.000\nB",
            "no blank line ends the cue in line 3",
        ),
        (types.VTT, b"WEBVTT\n\n00:01.000 --> 00:02.000\n\xff", "can't be opened as text/vtt"),
        (types.CSV, b"", "it has no rows"),
        (types.CSV, b'a,b\nc,"d', "its line 2 can't be read"),
        (types.CSV, b"a,b\n\xff", "can't be opened as text/csv"),
        (types.JSON_LINES, b'{"a": 1}\n{"a": ', "its line 2 is not JSON"),
        (types.JSON_LINES, b"", "it has no rows"),
        (types.JSON, b'{"a": NaN}', "NaN is no value of JSON"),
        (types.PARQUET, examples.PARQUET[:-1], "it was cut short"),
        (types.HDF5, examples.hdf5()[:-1], "tells 200 bytes; it has 199"),
        (types.HDF5, examples.hdf5(3).replace(b"\n\x03", b"\n\x09"), "no superblock"),
        (types.ZIP, examples.EPUB[:-30], "can't be opened as application/zip"),
    ],
)
def test_what_a_reader_would_miss_is_told(media_type: str, content: bytes, reason: str) -> None:
    """Crafted or cut captions and datasets are refused, with the reason and the place."""
    assert reason in opened(media_type, content).fault


def test_of_a_long_table_only_the_beginning_is_read() -> None:
    """A fault far behind it does not count."""
    row = b"x" * 1_000_000 + b"\n"
    content = row * (datasets.MOST_TEXT // len(row) + 2) + b'"'
    assert opened(types.CSV, content) == Verdict()


def test_a_long_recording_is_measured_by_a_part_of_it() -> None:
    """Where the packets near the end confirm the header, those before it are not read."""
    content = examples.wav(2000)
    ranges = Ranges(content)
    verdict = examine("audio/wav", RangedFile(ranges, len(content), MOST_READ))
    assert not verdict.fault
    assert verdict.seconds == pytest.approx(2000)
    assert sum(length for _, length in ranges.reads) < len(content) / 2


def test_a_file_too_large_to_be_measured_is_played_nevertheless() -> None:
    """Its header tells no playing time, and its end is too far: then what was announced counts."""
    content = examples.sound("mp3", "libmp3lame", 12)
    assert len(content) > SHORTEST
    assert examine("audio/mpeg", RangedFile(Ranges(content), len(content), SHORTEST)) == Verdict()


def test_a_film_that_lacks_its_second_half_is_refused() -> None:
    """Its header is whole and tells the time of all frames."""
    film = examples.film("mp4", "mpeg4", 20, **MOOV_FIRST)
    cut = film[: film.index(b"mdat") + (len(film) - film.index(b"mdat")) // 2]
    fault = opened("video/mp4", cut).fault
    assert "its header tells 20.0 s" in fault


def test_a_film_without_pictures_is_refused() -> None:
    """Sound alone is audio."""
    assert opened("video/mp4", examples.sound("ipod", "aac")).fault == (
        "it has no video of a known codec"
    )


@pytest.fixture(scope="module")
def verdicts() -> dict[str, list[dict[str, Any]]]:
    """The verdicts on all damaged files, by the first word of what was done to them."""
    done = subprocess.run(
        [sys.executable, "-m", damage.__name__],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": str(examples.ROOT), "PATH": os.defpath},
        timeout=600,
        check=True,
    )
    found = defaultdict(list)
    for line in done.stdout.splitlines():
        verdict = json.loads(line)
        found[verdict["how"].split()[0]].append(verdict)
    return found


def test_every_damaged_file_gets_a_verdict(verdicts: dict[str, list[dict[str, Any]]]) -> None:
    """One process with a probe's limits opens all of them: it has a playing time or a reason."""
    assert len(verdicts["cut"]) == len(damage.GOOD) * (damage.CUTS - 1)
    assert len(verdicts["flipped"]) == len(damage.GOOD) * damage.FLIPPED
    for each in (one for some in verdicts.values() for one in some):
        assert 0 <= each["seconds"] < types.LONGEST, each
        assert len(each["fault"]) <= 200, each
        assert not (each["fault"] and each["seconds"]), each


@pytest.mark.parametrize("how", ["empty", "named", "bomb", "lacks", "locked", "playlist", "noise"])
def test_a_file_that_nobody_can_read_is_refused(
    verdicts: dict[str, list[dict[str, Any]]], how: str
) -> None:
    """Each has a reason."""
    assert verdicts[how]
    assert [each for each in verdicts[how] if not each["fault"]] == []


def test_a_cut_document_is_refused(verdicts: dict[str, list[dict[str, Any]]]) -> None:
    """Its directory is at its end."""
    cut = [each for each in verdicts["cut"] if each["media_type"].startswith("application/")]
    assert len(cut) == 8 * (damage.CUTS - 1)
    assert [each for each in cut if not each["fault"]] == []


def test_a_cut_film_has_a_shorter_playing_time_or_none(
    verdicts: dict[str, list[dict[str, Any]]],
) -> None:
    """What was cut off does not count."""
    cut = [each for each in verdicts["cut"] if not each["media_type"].startswith("application/")]
    assert len(cut) == 11 * (damage.CUTS - 1)
    assert [each for each in cut if each["seconds"] > SECONDS * 0.98] == []


def test_huge_pictures_are_not_decoded(verdicts: dict[str, list[dict[str, Any]]]) -> None:
    """Neither if the header tells their size, nor if it tells another."""
    told, lying = verdicts["huge"]
    assert "144000000 pixels" in told["fault"]
    assert lying["fault"]


def test_what_is_not_opened_does_no_harm(verdicts: dict[str, list[dict[str, Any]]]) -> None:
    """Archives in a book, and the cover of a song, are left alone."""
    (nested,), (covered,) = verdicts["nested"], verdicts["covered"]
    assert nested["fault"] == covered["fault"] == ""
    assert covered["seconds"] == pytest.approx(SECONDS, rel=0.02)
