"""The state of an upload, in a store with its parts, the whole file, or neither."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.errors import FailedPrecondition, Unavailable
from services.library import transfers
from services.library.domain.enums import UploadState
from services.library.domain.items import Upload
from services.library.ports import FilesAway, NoSuchUpload

UPLOAD = Upload(
    id="u",
    item_id="i",
    state=UploadState.OPEN,
    size=25,
    part_size=10,
    multipart="m",
    started_at=datetime(2026, 3, 2, 8, tzinfo=UTC),
)


class FakeFiles:
    """A store with parts by number, or without the upload; and with the file, or not."""

    def __init__(self, parts: Mapping[int, int] | None, whole: bool = False) -> None:
        self.parts, self.whole = parts, whole
        self.completed: Mapping[int, str] = {}

    def stored(self, _key: str, _multipart: str) -> dict[int, tuple[int, str]]:
        if self.parts is None:
            raise NoSuchUpload
        return {number: (size, f"t{number}") for number, size in self.parts.items()}

    def complete(self, _key: str, _multipart: str, tags: Mapping[int, str]) -> None:
        self.completed = tags

    def exists(self, _key: str) -> bool:
        return self.whole


def stored_sizes(files: Any) -> Mapping[int, int]:
    return transfers.stored_sizes(files, UPLOAD)


def put_together(files: Any) -> None:
    transfers.put_together(files, UPLOAD)


def test_parts_are_told_as_the_store_has_them() -> None:
    """They have their numbers and sizes."""
    assert stored_sizes(FakeFiles({1: 10, 3: 4})) == {1: 10, 3: 4}


def test_what_is_one_file_already_has_all_its_parts() -> None:
    """A process may have ended between the file and its commit: nobody has to put it again."""
    assert stored_sizes(FakeFiles(None, whole=True)) == {1: 10, 2: 10, 3: 5}


def test_what_the_store_has_lost_has_no_parts() -> None:
    """This is so if neither upload nor file exists."""
    assert stored_sizes(FakeFiles(None)) == {}


def test_complete_parts_are_put_together_by_their_tags() -> None:
    """They are joined in the order of their numbers."""
    files = FakeFiles({3: 5, 1: 10, 2: 10})
    put_together(files)
    assert files.completed == {1: "t1", 2: "t2", 3: "t3"}


def test_incomplete_parts_stay_parts() -> None:
    """Each part that is missing or has another size is listed."""
    files = FakeFiles({1: 9, 2: 10})
    with pytest.raises(FailedPrecondition) as error:
        put_together(files)
    assert [violation.field for violation in error.value.violations] == ["parts[0]", "parts[2]"]
    assert files.completed == {}


def test_what_is_one_file_already_stays_so() -> None:
    """Putting it together again is harmless; where there is no file either, it is lost."""
    put_together(FakeFiles(None, whole=True))
    with pytest.raises(FailedPrecondition, match="lost"):
        put_together(FakeFiles(None))


def test_a_store_that_is_away_is_unavailable() -> None:
    """The caller may try again."""

    class Away(FakeFiles):
        def stored(self, _key: str, _multipart: str) -> dict[int, tuple[int, str]]:
            raise FilesAway("away")

    for call in (stored_sizes, put_together):
        with pytest.raises(Unavailable):
            call(Away({}))


def test_of_completions_at_once_all_succeed_with_the_first() -> None:
    """A store that made the file for another one refuses; without the file, it is away."""

    class Refusing(FakeFiles):
        def complete(self, _key: str, _multipart: str, _tags: Mapping[int, str]) -> None:
            raise FilesAway("503")

    parts = {1: 10, 2: 10, 3: 5}
    put_together(Refusing(parts, whole=True))
    with pytest.raises(Unavailable):
        put_together(Refusing(parts))
