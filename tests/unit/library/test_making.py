"""Renditions of real files, each made by a process; and whatever such a process does."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import av
import pytest
from PIL import Image

from campus.demo import media
from services.library import maker
from services.library.child import RUBBISH
from services.library.domain import types
from services.library.domain.items import Rendition
from services.library.domain.renditions import NotMade
from services.library.making import Maker, Product
from tests.deep import ONLY_DEEP
from tests.unit.library import bad_maker, damage, examples
from tests.unit.library.test_renditions import film

SECONDS = 14.0
LINES = re.compile(r"#EXT-X-BYTERANGE:(\d+)@(\d+)")


@contextmanager
def made(
    name: str, media_type: str, content: bytes, seconds: float = 0.0, module: str = maker.__name__
) -> Iterator[tuple[Product | NotMade, list[float]]]:
    """What a process makes, and the progress that it told."""
    original = Rendition(name="original", media_type=media_type, size=len(content), sha256="")
    item = film(promised=original, renditions=(original,), seconds=seconds)
    told: list[float] = []
    with Maker(module).making(
        name, item, lambda at, n: content[at : at + n], lambda: None, told.append
    ) as product:
        yield product, told


def text_of(media_type: str, content: bytes) -> tuple[str, int]:
    """The text of a document, and its pages."""
    with made("text", media_type, content) as (product, _):
        assert isinstance(product, Product), product
        return product.content.read().decode(), product.pages


def why_not(name: str, media_type: str, content: bytes, seconds: float = 0.0) -> tuple[str, bool]:
    """Why a rendition is not made, and whether that is a fault."""
    with made(name, media_type, content, seconds) as (product, _):
        assert isinstance(product, NotMade)
        return product.reason, product.is_fault


@pytest.mark.parametrize(
    ("media_type", "content", "text", "pages"),
    [
        (types.PDF, media.document("What is motion?"), "What is motion?", 1),
        (types.EPUB, examples.NOVEL, "Zeno\n\nNothing\u00a0moves.\n\nWhy?", 2),
        (types.VTT, examples.VTT, "What is motion?\n- Ask Zeno.\nNothing moves.", 0),
        (types.TEXT, b"Zeno\r\n\r\n\r\n\tmoves\x0c not", "Zeno\n\nmoves not", 0),
    ],
)
def test_a_text_is_extracted(media_type: str, content: bytes, text: str, pages: int) -> None:
    """In UTF-8, without markup; pages are counted where there are any."""
    found, counted = text_of(media_type, content)
    assert (found.replace("\u00a0", " "), counted) == (text.replace("\u00a0", " "), pages)


def test_a_book_that_marks_no_pages_has_an_estimate() -> None:
    """A page has 1,800 characters."""
    chapter = f"<html><body>{'x' * 4000}</body></html>"
    book = examples.zipped({**examples.BOOK, "a.xhtml": chapter})
    assert text_of(types.EPUB, book) == ("x" * 4000, 3)


@pytest.mark.parametrize(
    ("media_type", "content", "size"),
    [(types.PDF, media.document("Motion"), (990, 1280)), (types.EPUB, examples.NOVEL, (60, 90))],
)
def test_a_cover_is_drawn(media_type: str, content: bytes, size: tuple[int, int]) -> None:
    """The first page of a PDF, the picture that an EPUB names; never larger than the original."""
    with made("cover", media_type, content) as (product, _):
        assert isinstance(product, Product), product
        picture = Image.open(product.content)
        assert (picture.format, picture.size) == ("JPEG", size)
        assert (product.file.width, product.file.height) == size
        assert product.pages == (1 if media_type == types.PDF else 0)
        assert picture.convert("L").getextrema() != (0, 0)


def test_what_a_document_lacks_is_no_fault() -> None:
    """A book without a cover, a PDF of pictures."""
    assert why_not("cover", types.EPUB, examples.EPUB) == ("it names no cover", False)
    assert why_not("text", types.PDF, examples.PDF) == (
        "it has no text; its pages may be pictures",
        False,
    )


def test_a_poster_shows_what_a_film_shows() -> None:
    """And not its grey beginning."""
    with made("poster", "video/mp4", examples.lecture(), SECONDS) as (product, _):
        assert isinstance(product, Product), product
        picture = Image.open(product.content)
        assert picture.size == (426, 300)
        assert picture.entropy() > 1


def test_a_quality_has_segments_that_can_be_played_alone() -> None:
    """Of six seconds each; the first bytes and any segment together are a film of their own."""
    with made("240p", "video/mp4", examples.lecture(), SECONDS) as (product, told):
        assert isinstance(product, Product), product
        content = product.content.read()
        file = product.file
    assert told == sorted(told)
    assert len(told) > 5
    assert (file.width, file.height, file.size) == (340, 240, len(content))
    assert re.fullmatch(r"avc1\.4d[0-9a-f]{4},mp4a\.40\.2", file.codecs)
    ranges = [(int(at), int(size)) for size, at in LINES.findall(product.playlist)]
    assert sum(size for _, size in ranges) < file.size
    assert re.findall(r"#EXTINF:(\d+)\.", product.playlist) == ["6", "6", "2"]
    (head,) = re.findall(r'BYTERANGE="(\d+)@0"', product.playlist)
    for place, (at, size) in enumerate(ranges):
        piece = content[: int(head)] + content[at : at + size]
        assert 8 * size <= file.bits_per_second * 6.1
        with av.open(io.BytesIO(piece), "r") as segment:
            first = next(segment.decode(video=0))
            assert first.time == pytest.approx(6.0 * place, abs=0.05)
    with av.open(io.BytesIO(content), "r") as whole:
        frames = list(whole.decode(video=0))
        assert [round(frame.time or 0, 2) for frame in frames[:3]] == [
            0.02,
            0.12,
            0.22,
        ]  # after AAC's first frame
        assert len(frames) == 140


def test_a_film_has_no_quality_above_its_own() -> None:
    """Its lines are told."""
    lecture = examples.lecture()
    assert why_not("720p", "video/mp4", lecture, SECONDS) == (
        "its pictures have 300 lines",
        False,
    )
    with made("480p", "video/mp4", lecture, SECONDS) as (product, _):
        assert isinstance(product, Product), product
        assert (product.file.width, product.file.height) == (426, 300)


@pytest.mark.parametrize("loud", [0.02, 0.9])
def test_sound_is_equally_loud(loud: float) -> None:
    """-16 LUFS, whether it was quiet or loud (EBU R 128 measures it)."""
    with made("audio", "video/mp4", examples.lecture(seconds=4, loud=loud), 4.0) as (product, _):
        assert isinstance(product, Product), product
        content = product.content.read()
    assert product.file.media_type == "audio/mpeg"
    assert loudness(content) == pytest.approx(-16.0, abs=1.0)


@pytest.mark.parametrize("seconds", [1, 4])
def test_silence_stays_silent(seconds: int) -> None:
    """However short it is."""
    with made("audio", "audio/wav", examples.wav(seconds), float(seconds)) as (product, _):
        assert isinstance(product, Product), product
        assert loudness(product.content.read()) <= -70.0


def loudness(content: bytes) -> float:
    """The integrated loudness in LUFS, as FFmpeg's filter ebur128 measures it."""
    with av.open(io.BytesIO(content), "r") as container:
        (stream,) = container.streams.audio
        graph = av.filter.Graph()
        nodes = (
            graph.add_abuffer(template=stream),
            graph.add("ebur128", "metadata=1"),
            graph.add("abuffersink"),
        )
        graph.link_nodes(*nodes).configure()
        last = ""
        for frame in container.decode(stream):
            graph.push(frame)
            while True:
                try:
                    last = graph.pull().metadata.get("lavfi.r128.I", last)
                except (av.BlockingIOError, av.EOFError):
                    break
    return float(last)


def test_a_film_without_sound_has_no_audio() -> None:
    """And its qualities have none either."""
    silent = examples.film("mp4", "libx264")
    assert why_not("audio", "video/mp4", silent, 4.0) == ("it has no sound", False)
    with made("240p", "video/mp4", silent, 4.0) as (product, _):
        assert isinstance(product, Product), product
        assert product.file.codecs.startswith("avc1.")
        assert "mp4a" not in product.file.codecs
    assert why_not("poster", "audio/wav", examples.wav(2), 2.0)[0] == "it has no pictures"


def test_a_broken_file_is_a_fault() -> None:
    """With a reason; here the file does not even begin as a film."""
    reason, is_fault = why_not("240p", "video/mp4", b"x" * 5000, 10.0)
    assert is_fault
    assert reason.startswith("it can't be made: ")


@pytest.mark.parametrize(
    "deed",
    ["nothing", "type", "number", "huge", "true", "text", "codecs", "both", "progress"],
)
def test_rubbish_is_told(deed: str) -> None:
    """Nothing that a process may say is taken for a file that it has not written."""
    with made(deed, "text/plain", b"x", module=bad_maker.__name__) as (product, _):
        assert product == NotMade(reason=RUBBISH, is_fault=True)


def test_a_playlist_is_limited() -> None:
    """However much the process writes."""
    with made("list", "text/plain", b"x", module=bad_maker.__name__) as (product, _):
        assert product == NotMade(reason="its playlist is too long", is_fault=True)


def test_a_maker_has_only_the_files_that_it_writes() -> None:
    """Beside its link and the null device."""
    with made("files", "text/plain", b"x", module=bad_maker.__name__) as (product, _):
        assert isinstance(product, NotMade)
        assert len(product.reason.split()) == 6  # with the folder that it lists


def test_what_a_maker_may_use_follows_from_the_playing_time() -> None:
    """A rate, and some more; a film of unknown length may use what four hours use."""
    hour = maker.limits("240p", 3600.0)
    assert 100 * 2**20 < hour.file_size < 300 * 2**20
    assert maker.limits("240p", 0.0).cpu_seconds == 120 + 40 * 3600
    assert maker.limits("text", 0.0).file_size == 32 * 2**20


@pytest.mark.parametrize("step", [307, pytest.param(1, marks=ONLY_DEEP)])
def test_a_damaged_file_gets_an_answer_for_each_rendition(step: int) -> None:
    """Made, absent, or why not: cut, flipped and crafted files end no maker by a signal."""
    done = subprocess.run(
        [sys.executable, "-m", damage.__name__, str(step)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": str(examples.ROOT), "PATH": os.defpath},
        timeout=800,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each for each in answers if not {"made", "absent", "fault"} & each.keys()] == []
    assert {"made", "fault"} <= {key for each in answers for key in each}
    assert all(len(str(each.get("fault", ""))) <= maker.LONGEST_REASON for each in answers)
