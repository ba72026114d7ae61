"""`tandem library put FILE...`: uploads files, and goes on where an earlier attempt ended."""

import hashlib
import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.library.v1.library_pb2_grpc import LibraryServiceStub
from tandem.types.v1 import types_pb2

from campus.bars import Begin, bars
from campus.faults import message_of
from campus.local_files import LocalFile, describe, reading
from campus.output import JSON_OPTION, fail, show_rows
from campus.remote import Where, channel_to, reaching
from campus.upload import AT_ONCE, OPEN, Transfer
from services.library.domain.enums import ItemKind

AVAILABLE, FAILED, RETIRED = (
    resources_pb2.ITEM_STATE_AVAILABLE,
    resources_pb2.ITEM_STATE_FAILED,
    resources_pb2.ITEM_STATE_RETIRED,
)
# Seconds between two looks at an item that is verified.
FIRST_LOOK, LONGEST_LOOK = 0.2, 5.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What all files of a command shall become. `title`, `kind`: empty if the file decides."""

    title: str
    kind: ItemKind | None
    run_ids: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a file: the state of its item, or UNFINISHED; and why."""

    file: str
    state: str
    item: str = ""
    type: str = ""
    reason: str = ""


@click.group()
def library() -> None:
    """Put files into the digital library."""


@library.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--run", "run_ids", multiple=True, help="A run whose learners may read the files.")
@click.option("--title", default="", help="The title, of one file.  [the file's name]")
@click.option("--language", default="", help="The language, a BCP 47 tag such as en-IE.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in ItemKind], case_sensitive=False),
    help="What the files are.  [by their bytes and names]",
)
@click.option(
    "--at-once",
    type=click.IntRange(1, 16),
    default=AT_ONCE,
    show_default=True,
    help="How many parts are sent at once.",
)
@reaching
@JSON_OPTION
def put(
    files: tuple[Path, ...],
    run_ids: tuple[str, ...],
    title: str,
    language: str,
    kind: str | None,
    at_once: int,
    where: Where,
    as_json: bool,
) -> None:
    """Upload FILES, and wait until people may read them.

    The same command again goes on where it ended, also on another machine that has the same file.
    Exits with 1 if a file is not AVAILABLE at the end.
    """
    if title and len(files) > 1:
        fail("--title is for one file; give each file its own command")
    wish = Wish(title, ItemKind(kind) if kind else None, run_ids, language)
    with channel_to("library", where) as channel, bars(as_json) as begin:
        stub = LibraryServiceStub(channel)
        results = [put_file(stub, path, wish, begin, at_once) for path in files]
    show_rows("Files", results, as_json)
    sys.exit(0 if all(row.state == "AVAILABLE" for row in results) else 1)


def put_file(
    library: LibraryServiceStub, path: Path, wish: Wish, begin: Begin, at_once: int = AT_ONCE
) -> Result:
    """Upload a file and wait for its verification; return what became of it.

    Errors of the file and of servers are part of the result, so that other files go on.
    """
    try:
        item, file = _put(library, path, wish, begin, at_once)
    except Exception as error:
        if not (reason := message_of(error)):
            raise
        return Result(path.name, "UNFINISHED", reason=reason)
    state = resources_pb2.ItemState.Name(item.state).removeprefix("ITEM_STATE_")
    return Result(path.name, state, item.id, file.media_type, item.failure)


def _put(
    library: LibraryServiceStub, path: Path, wish: Wish, begin: Begin, at_once: int
) -> tuple[resources_pb2.Item, LocalFile]:
    size = path.stat().st_size
    with reading(path) as read:
        file = describe(path, read, wish.kind, begin(f"{path.name}: hash", size))
        tell = begin(f"{path.name}: upload as {file.kind}, {file.media_type}", size)
        upload = announce(library, announcement(path, file, wish))
        Transfer(library, read, tell, at_once).finish(upload)
    tell(size)
    return _verified(library, upload.item_id), file


def announcement(path: Path, file: LocalFile, wish: Wish) -> library_pb2.StartUploadRequest:
    """Return the request that announces a file, without its id."""
    return library_pb2.StartUploadRequest(
        kind=types_pb2.ItemKind.Value(f"ITEM_KIND_{file.kind}"),
        metadata=resources_pb2.Metadata(title=wish.title or path.stem, language=wish.language),
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        run_ids=wish.run_ids,
    )


def announce(
    library: LibraryServiceStub, request: library_pb2.StartUploadRequest
) -> resources_pb2.Upload:
    """Return the upload of an announced file: the one that exists, or a new one.

    The request's id is made from its content, so the library finds the upload of an earlier
    attempt. If that was given up, or its item has FAILED or is RETIRED, the next id is tried.
    """
    for attempt in itertools.count():
        content = request.SerializeToString(deterministic=True)
        request_id = hashlib.sha256(b"%d:%b" % (attempt, content)).hexdigest()
        again = library_pb2.StartUploadRequest(request_id=request_id)
        again.MergeFrom(request)
        upload = library.StartUpload(again)
        if upload.state == OPEN or _is_wanted(_item(library, upload.item_id)):
            return upload
    raise AssertionError("an endless count has ended")


def _is_wanted(item: resources_pb2.Item) -> bool:
    return item.state not in (FAILED, RETIRED)


def _item(library: LibraryServiceStub, item_id: str) -> resources_pb2.Item:
    return library.GetItem(library_pb2.GetItemRequest(item_id=item_id))


def _verified(library: LibraryServiceStub, item_id: str) -> resources_pb2.Item:
    """Wait until an item is verified, however long that takes, and return it."""
    pause = FIRST_LOOK
    while (item := _item(library, item_id)).state not in (AVAILABLE, FAILED, RETIRED):
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_LOOK)
    return item
