"""Files as they come, made of code: each the smallest that shows what it is."""

import io
import struct
import wave
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FILM = ROOT / "campus" / "demo" / "recording.mp4"
FILM_SECONDS = 2400.0
PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\ntrailer << >>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(30)


def zipped(entries: Mapping[str, str]) -> bytes:
    """A ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


EPUB = zipped({"mimetype": "application/epub+zip", "META-INF/container.xml": "<container/>"})
PPTX = zipped({"[Content_Types].xml": "<Types/>", "ppt/presentation.xml": "<p/>"})
DOCX = zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": "<w/>"})
ODP = zipped({"mimetype": "application/vnd.oasis.opendocument.presentation", "content.xml": "<o/>"})


def wav(seconds: int) -> bytes:
    """Silence."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000 * seconds)
    return buffer.getvalue()


def mp3(frames: int) -> bytes:
    """Silence: MPEG 1, layer III, 128 kbit/s, 44.1 kHz; a frame is 417 bytes and 1152 samples."""
    return (b"\xff\xfb\x90\xc4" + bytes(413)) * frames


def box(kind: bytes, content: bytes) -> bytes:
    """A box (ISO/IEC 14496-12, section 4.2)."""
    return struct.pack(">I4s", 8 + len(content), kind) + content
