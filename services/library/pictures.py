"""Makes small pictures of items: the cover of a document, the poster of a film, as JPEG.

Only the maker's process imports this: PDF by PDFium, pictures by Pillow.
"""

import io
from typing import Any, cast

import pypdfium2
from av.video.frame import VideoFrame
from PIL import Image, UnidentifiedImageError

from services.library.documents import opened_epub
from services.library.domain import types
from services.library.domain.renditions import Made
from services.library.domain.verification import Fault
from services.library.media import MOST_PIXELS, playing
from services.library.ranges import SHORTEST
from services.library.task import Absent, Task

# Pixels of the longer side.
LONGEST_SIDE = 1280
QUALITY = 80
# Bytes of a cover's picture in an EPUB.
LARGEST = 32 * 2**20
# Pillow's readers of pictures that EPUB allows (EPUB 3.3, section 3.2), without SVG.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
# Where a film is looked at for its poster, as shares of its playing time.
PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)


def make_cover(task: Task) -> Made:
    """Draw the first page of a PDF, or the cover of an EPUB. Raises Absent if it has none."""
    if task.media_type == types.EPUB:
        return _write(task, _epub_cover(task))
    document = pypdfium2.PdfDocument(cast(Any, io.BufferedReader(task.file, SHORTEST)))
    page = document[0]
    scale = LONGEST_SIDE / max(*page.get_size(), 1.0)
    return _write(task, page.render(scale=scale).to_pil(), pages=len(document))


def make_poster(task: Task) -> Made:
    """Choose the picture of a film that shows most. Raises Absent if it has none."""
    with playing(task.media_type, task.file) as player:
        if player.film is None:
            raise Absent("it has no pictures")
        found = (player.picture(place * task.seconds) for place in PLACES)
        pictures = [_image(frame) for frame in found if frame]
    if not pictures:
        raise Fault("no picture of it can be decoded")
    # A black or blurred picture has little entropy.
    return _write(task, max(pictures, key=lambda picture: picture.entropy()))


def _epub_cover(task: Task) -> Image.Image:
    with opened_epub(task.file) as book:
        if not book.cover:
            raise Absent("it names no cover")
        content = book.read(book.cover, LARGEST)
    try:
        picture = Image.open(io.BytesIO(content), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise Absent(f"its cover is none of {', '.join(_FORMATS)}") from error
    width, height = picture.size
    if width * height > MOST_PIXELS:
        raise Fault(f"its cover has {width * height} pixels; at most {MOST_PIXELS} are allowed")
    picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    return picture


def _image(frame: VideoFrame) -> Image.Image:
    share = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
    width, height = (max(1, round(side * share)) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="rgb24")
    picture: Image.Image = cast(Any, small).to_image()
    return picture.rotate(frame.rotation, expand=True)


def _write(task: Task, picture: Image.Image, pages: int = 0) -> Made:
    small = picture.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    small.save(task.made, "JPEG", quality=QUALITY, progressive=True)
    return Made(media_type="image/jpeg", width=small.width, height=small.height, pages=pages)
