"""The findings in a file, compared with its announcement."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.library.domain.enums import ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition, run_violations
from services.library.domain.verification import (
    Found,
    available,
    failed,
    mismatches,
    playing_time,
    uploaded,
)

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
ITEM = Item(
    id="i1",
    kind=ItemKind.PDF,
    metadata=Metadata(title="Motion"),
    state=ItemState.VERIFYING,
    run_ids=("r1",),
    uploaded_by="curie",
    created_at=NOW,
    promised=Rendition(name="original", media_type="application/pdf", size=9, sha256="ab" * 32),
)
FOUND = Found(size=9, sha256="ab" * 32, types={"application/pdf"})


def test_what_is_as_announced_has_no_mismatch() -> None:
    """Size, hash and type agree."""
    assert list(mismatches(ITEM, FOUND)) == []


def test_every_mismatch_says_what_was_wrong_and_right() -> None:
    """All of them at once."""
    found = Found(size=8, sha256="cd" * 32, types={"image/png"})
    assert list(mismatches(ITEM, found)) == [
        "it has 8 bytes; 9 were announced",
        f"its SHA-256 is {'cd' * 32}; {'ab' * 32} was announced",
        "its bytes are image/png; application/pdf was announced",
    ]
    assert list(mismatches(ITEM, replace(FOUND, types=()))) == [
        "its bytes are of no known type; application/pdf was announced"
    ]


def test_a_file_that_fits_many_types_is_told_briefly() -> None:
    """The reason stays one that a person reads."""
    found = replace(FOUND, types={f"application/x-{number}" for number in range(50)})
    (reason,) = mismatches(ITEM, found)
    assert len(reason) < 300


def test_an_available_item_has_its_rendition_and_time() -> None:
    """From now on people may read it as announced."""
    item, event = available(ITEM, FOUND, NOW)
    assert item.state is ItemState.AVAILABLE
    assert item.renditions == (ITEM.promised,)
    assert (item.available_at, event.available_at) == (NOW, NOW)
    assert event.run_ids == ("r1",)
    assert uploaded(ITEM).uploaded_by == "curie"


def test_a_failed_item_says_why() -> None:
    """Item and event carry the reason."""
    item, event = failed(ITEM, "it has 8 bytes", NOW)
    assert (item.state, item.failure) == (ItemState.FAILED, "it has 8 bytes")
    assert (event.reason, event.failed_at) == ("it has 8 bytes", NOW)


@pytest.mark.parametrize(
    ("announced", "found", "right"),
    [
        (0.0, 0.0, 0.0),
        (2400.0, 0.0, 2400.0),
        (0.0, 2400.0, 2400.0),
        (2400.0, 2401.5, 2400.0),
        (2400.0, 2450.0, 2450.0),
        (60.0, 2400.0, 2400.0),
    ],
)
def test_the_file_knows_its_playing_time_best(announced: float, found: float, right: float) -> None:
    """The announced time stays if the file has none, or nearly the same."""
    assert playing_time(announced, found) == right


def test_what_can_be_no_run_is_told() -> None:
    """Each place with its fault."""
    fields = [mismatch.field for mismatch in run_violations(["r1", "", "x" * 65, "x" * 64])]
    assert fields == ["run_ids[1]", "run_ids[2]"]
