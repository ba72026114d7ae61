"""The files of the demo: a real video and small documents.

`recording.mp4` is 40 minutes at one frame a second; it shows a bar that grows. It was made by
`ffmpeg -f lavfi -i color=c=0x1d3557:s=160x90:r=1:d=2400
-vf "drawbox=x=0:y=80:w=160*t/2400:h=6:color=0xf1faee:t=fill"
-c:v libx264 -crf 40 -g 600 -pix_fmt yuv420p -movflags +faststart recording.mp4`.
"""

from pathlib import Path

RECORDING_SECONDS = 2400.0


def recording() -> bytes:
    """Return the recording of the class (video/mp4)."""
    return Path(__file__).with_name("recording.mp4").read_bytes()


def document(title: str) -> bytes:
    """Return a PDF of one page that shows `title` (ISO 32000-1, as small as readers accept)."""
    text = (
        title.encode("latin-1", "replace").replace(b"\\", b"").replace(b"(", b"").replace(b")", b"")
    )
    stream = b"BT /F1 24 Tf 72 720 Td (" + text + b") Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    return _assemble(objects)


def _assemble(objects: list[bytes]) -> bytes:
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + head + table + tail
