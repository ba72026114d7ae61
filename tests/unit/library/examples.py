"""Files as they come, made of code: each small, and opened by its readers."""

import io
import math
import struct
import wave
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import cast

import av
import pypdf
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
FILM = ROOT / "campus" / "demo" / "recording.mp4"
FILM_SECONDS = 2400.0
RATE = 8000  # samples a second


def pdf(pages: int = 1, password: str = "", owner: str = "") -> bytes:
    """Empty pages. `password`: to read them; `owner`: to change them."""
    writer = pypdf.PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password or owner:
        writer.encrypt(password, owner or None, algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


PDF = pdf()
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(30)


def zipped(entries: Mapping[str, str | bytes]) -> bytes:
    """A ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="book.opf"/></rootfiles></container>'
)
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="a.xhtml"/>'
    '</manifest><spine><itemref idref="a"/></spine></package>'
)
BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "book.opf": PACKAGE,
    "a.xhtml": "<html/>",
}
EPUB = zipped(BOOK)
PICTURE = io.BytesIO()
Image.new("RGB", (60, 90), "red").save(PICTURE, "PNG")
NOVEL = zipped(
    {
        **BOOK,
        "OEBPS/a b.xhtml": "<html><head><title>x</title></head><body><h1>Zeno</h1><p>Nothing&nbsp;"
        "moves.<span epub:type='pagebreak'/></p><script>no</script><p>Why?"
        "<span role='doc-pagebreak'></span></p></body></html>",
        "META-INF/container.xml": CONTAINER.replace("book.opf", "OEBPS/book.opf"),
        "OEBPS/book.opf": PACKAGE.replace("a.xhtml", "a%20b.xhtml").replace(
            "</manifest>",
            '<item id="c" href="../c.png" properties="cover-image"/></manifest>',
        ),
        "c.png": PICTURE.getvalue(),
    }
)
OFFICE = "application/vnd.openxmlformats-officedocument"
PPTX_MAIN = f"{OFFICE}.presentationml.presentation.main+xml"
DOCX_MAIN = f"{OFFICE}.wordprocessingml.document.main+xml"


MACROS_MAIN = "application/vnd.ms-word.document.macroEnabled.main+xml"


def listing(main: str, content_type: str) -> str:
    """The entry [Content_Types].xml of Office Open XML."""
    namespace = "http://schemas.openxmlformats.org/package/2006/content-types"
    entry = f'<Override PartName="/{main}" ContentType="{content_type}"/>'
    return f'<Types xmlns="{namespace}">{entry}</Types>'


def office(main: str, content_type: str) -> bytes:
    """Office Open XML with a main part."""
    return zipped({"[Content_Types].xml": listing(main, content_type), main: "<main/>"})


LISTING = listing("word/document.xml", DOCX_MAIN)
PPTX = office("ppt/presentation.xml", PPTX_MAIN)
DOCX = office("word/document.xml", DOCX_MAIN)
ODP = zipped({"mimetype": "application/vnd.oasis.opendocument.presentation", "content.xml": "<o/>"})

XLSX = office("xl/workbook.xml", f"{OFFICE}.spreadsheetml.sheet.main+xml")
ODS = zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<o/>"})
VTT = b"""\xef\xbb\xbfWEBVTT Motion
Kind: captions

STYLE
::cue { color: lime }

NOTE translated --> twice

first
00:01.000 --> 00:04.000 line:0
What is motion?
- Ask Zeno.\r
\r
100:00:04.000 --> 100:00:05.000\r
<v Ada>Nothing moves.
"""
CSV = b'learner,mark\r\nada,"1,3"\r\nbob,2\r\n'
TSV = b'learner\tmark\nada\t"13\n'
JSON = b'{"marks": [1.3, 2], "of": null}'
JSON_LINES = b'{"mark": 1.3}\n{"mark": 2}\n'
# The metadata of a file without columns (Parquet's file format).
PARQUET = b"PAR1" + bytes(20) + (20).to_bytes(4, "little") + b"PAR1"
NETCDF = b"CDF\x02" + bytes(28)


def hdf5(version: int = 0, size: int = 200) -> bytes:
    """The superblock of a version (HDF5 file format specification 3.0, section II.A), and zeros."""
    sizes = b"\x08\x08" + bytes(2)
    before = bytes((version, *bytes(4))) + sizes + bytes(7 + 4 * version)
    head = before if version < 2 else bytes((version,)) + sizes[:3]
    addresses = bytes(8) + b"\xff" * 8 + size.to_bytes(8, "little")
    return (b"\x89HDF\r\n\x1a\n" + head + addresses).ljust(size, b"\0")


@cache
def film(
    container_format: str, codec: str, seconds: int = 4, size: int = 64, **options: str
) -> bytes:
    """A square film of four pictures a second, in FFmpeg's format and codec."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format, options=options) as container:
        stream = cast(VideoStream, container.add_stream(codec, rate=4))
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        for place in range(4 * seconds):
            frame = av.VideoFrame(size, size, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([40 + place * 10 % 200]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@cache
def sound(container_format: str, codec: str, seconds: int = 4) -> bytes:
    """Silence, in FFmpeg's format and codec."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream = cast(AudioStream, container.add_stream(codec, rate=48000, layout="mono"))
        for place in range(10 * seconds):
            frame = av.AudioFrame("s16", "mono", 4800)
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            frame.sample_rate, frame.pts, frame.time_base = 48000, place * 4800, Fraction(1, 48000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@cache
def lecture(seconds: int = 14, width: int = 426, height: int = 300, loud: float = 0.05) -> bytes:
    """A film in MP4: grey at first, then a pattern that moves; and a tone, quiet unless `loud` says
    otherwise (1: as loud as can be).
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        film = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        film.width, film.height, film.pix_fmt = width, height, "yuv420p"
        tone = container.add_stream("aac", rate=48000, layout="mono")
        wave = b"".join(
            struct.pack("<h", int(32767 * loud * math.sin(each / 17))) for each in range(4800)
        )
        for place in range(10 * seconds):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane in frame.planes:
                row = bytes((each * place) % 256 for each in range(256)) if place > 5 else b"\x80"
                size = plane.buffer_size
                plane.update((row * (size // len(row) + 1))[:size])
            frame.pts, frame.time_base = place, Fraction(1, 10)
            container.mux(film.encode(frame))
            heard = av.AudioFrame("s16", "mono", 4800)
            heard.planes[0].update(wave)
            heard.sample_rate, heard.pts = 48000, place * 4800
            heard.time_base = Fraction(1, 48000)
            container.mux(tone.encode(heard))
        container.mux(film.encode(None))
        container.mux(tone.encode(None))
    return buffer.getvalue()


def wav(seconds: int) -> bytes:
    """Silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(RATE)
        sound.writeframes(b"\x80" * RATE * seconds)
    return buffer.getvalue()


def mp3(frames: int) -> bytes:
    """Silence: MPEG 1, layer III, 128 kbit/s, 44.1 kHz; a frame is 417 bytes and 1152 samples."""
    return (b"\xff\xfb\x90\xc4" + bytes(413)) * frames


def box(kind: bytes, content: bytes) -> bytes:
    """A box (ISO/IEC 14496-12, section 4.2)."""
    return struct.pack(">I4s", 8 + len(content), kind) + content
