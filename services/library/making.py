"""Runs the maker (`maker.py`) of a rendition as a process, and takes what it has written."""

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, cast

import structlog

from chassis.contracts.mapping import from_document
from services.library import maker
from services.library.child import RUBBISH, Ended, running
from services.library.domain.items import Item, Rendition
from services.library.domain.renditions import Made, NotMade
from services.library.ranges import Read

CHUNK = 2**20
# A busy machine needs so many times the seconds of computing that a maker may use.
PATIENCE = 6
LONGEST_PLAYLIST = 4 * 2**20
LARGEST_NUMBER = 2**31

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Product:
    """A rendition as a file of this machine, open until the next one is made."""

    file: Rendition
    content: BinaryIO
    pages: int
    playlist: str


class Maker:
    """Makes renditions, one at a time, each in a process with limits.

    With `maker.limits`, the number of makers decides the memory that a worker needs.
    """

    def __init__(self, module: str = maker.__name__) -> None:
        """`module`: what is run, with the arguments of maker.main."""
        self._module = module
        self._turn = threading.Lock()

    @contextmanager
    def making(
        self,
        name: str,
        item: Item,
        read: Read,
        go_on: Callable[[], None],
        tell: Callable[[float], None],
    ) -> Iterator[Product | NotMade]:
        """Yield a rendition of an item's original, or why it is not made.

        `go_on` is called before each range, and between chunks; `tell` gets the share that is done.
        Raises what these and `read` raise, and CantStart. Files are temporary ones without a name,
        so that nothing is left if this process is killed.
        """
        with self._turn, tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as playlist:
            try:
                made = self._made(name, item, read, go_on, tell, (content, playlist))
                yield (
                    made
                    if isinstance(made, NotMade)
                    else _product(name, made, content, playlist, go_on)
                )
            except Ended as why:
                log.warning("a maker gave no result", item=item.id, rendition=name, why=str(why))
                yield NotMade(reason=str(why), is_fault=True)

    def _made(
        self,
        name: str,
        item: Item,
        read: Read,
        go_on: Callable[[], None],
        tell: Callable[[float], None],
        files: tuple[IO[bytes], IO[bytes]],
    ) -> Made | NotMade:
        original = item.original
        arguments = (name, original.media_type, str(original.size), str(item.seconds))
        longest = PATIENCE * maker.limits(name, item.seconds).cpu_seconds
        with running(
            self._module, *arguments, files=files, doing="making it", longest=longest
        ) as child:
            for said in child.serve(original.size, maker.most_read(original.size), read, go_on):
                if "progress" not in said:
                    return _answer(said)
                tell(_share(said["progress"]))
        raise AssertionError("serve ends by Ended only")


def _product(
    name: str, made: Made, content: IO[bytes], playlist: IO[bytes], go_on: Callable[[], None]
) -> Product:
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    while chunk := content.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        go_on()
    if not size:
        raise Ended(RUBBISH)
    content.seek(0)
    playlist.seek(0)
    listed = playlist.read(LONGEST_PLAYLIST + 1)
    if len(listed) > LONGEST_PLAYLIST:
        raise Ended("its playlist is too long")
    file = Rendition(
        name=name,
        media_type=made.media_type,
        size=size,
        sha256=digest.hexdigest(),
        width=made.width,
        height=made.height,
        bits_per_second=made.bits_per_second,
        codecs=made.codecs,
    )
    return Product(file, cast(BinaryIO, content), made.pages, listed.decode("utf-8", "replace"))


def _answer(said: dict[str, Any]) -> Made | NotMade:
    if said.keys() == {"made"}:
        return _checked(said["made"])
    for key, is_fault in (("absent", False), ("fault", True)):
        reason = said.get(key)
        if said.keys() == {key} and isinstance(reason, str):
            return NotMade(reason=reason[: maker.LONGEST_REASON], is_fault=is_fault)
    raise Ended(RUBBISH)


def _checked(fields: Any) -> Made:
    """Return what a maker tells of its file. Raises Ended if it is nothing that one tells."""
    if not isinstance(fields, dict) or fields.get("media_type") not in maker.MEDIA_TYPES:
        raise Ended(RUBBISH)
    numbers = [fields.get(key) for key in ("width", "height", "bits_per_second", "pages")]
    if not all(type(each) is int and 0 <= each < LARGEST_NUMBER for each in numbers):
        raise Ended(RUBBISH)
    codecs = fields.get("codecs")
    if not isinstance(codecs, str) or len(codecs) > maker.LONGEST_REASON:
        raise Ended(RUBBISH)
    return from_document(fields, Made)


def _share(told: Any) -> float:
    if not isinstance(told, int | float) or not 0 <= told <= 1:
        raise Ended(RUBBISH)
    return float(told)
