"""Which renditions are made, which one is read, and how far they are."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.library.domain import processing, renditions
from services.library.domain.enums import ItemKind, ItemState, ProcessingState, RenditionState
from services.library.domain.items import Item, Metadata, Rendition
from services.library.domain.processing import Processing, Progress, Step
from services.library.domain.renditions import RUNGS, WEIGHTS, NotMade, Wish
from services.library.domain.types import ALLOWED

NOW = datetime(2026, 10, 5, tzinfo=UTC)
NAMES = ("original", "text", "cover", "poster", "audio", *RUNGS)
FILES = st.lists(
    st.builds(
        Rendition,
        name=st.sampled_from(NAMES),
        media_type=st.sampled_from(["video/mp4", "audio/mpeg", "text/plain", "application/pdf"]),
        size=st.integers(1, 10_000),
        sha256=st.just(""),
        bits_per_second=st.integers(0, 10_000),
    ),
    unique_by=lambda file: file.name,
)
LIMIT = st.integers(0, 10_000)


def film(**changes: object) -> Item:
    """A film that is AVAILABLE."""
    promised = Rendition(name="original", media_type="video/mp4", size=1, sha256="")
    fields: dict[str, object] = {
        "id": "film",
        "kind": ItemKind.VIDEO,
        "metadata": Metadata(title="Motion"),
        "state": ItemState.AVAILABLE,
        "created_at": NOW,
        "promised": promised,
        "renditions": (promised,),
    }
    return Item(**{**fields, **changes})  # type: ignore[arg-type]


def test_every_rendition_that_is_planned_has_a_weight() -> None:
    """Whatever media type an item may have."""
    types = {each.replace("*", "mp4") for allowed in ALLOWED.values() for each in allowed}
    planned = {name for media_type in types for name in renditions.planned(media_type)}
    assert planned == set(WEIGHTS)


@given(files=FILES, seconds=st.integers(0, 100), most=LIMIT, bits=LIMIT)
def test_what_is_read_fits_and_nothing_that_fits_is_better(
    files: list[Rendition], seconds: int, most: int, bits: int
) -> None:
    """A cover or a poster is never the item itself."""
    wish = Wish(most_bytes=most, bits_per_second=bits)
    found = renditions.fitting(files, seconds, wish)
    for file in found:
        assert file.name not in ("cover", "poster")
        assert not most or file.size <= most
        assert not bits or renditions.bits_of(file, seconds) <= bits
    best = ["original", *reversed(list(RUNGS))]
    first = [name for name in best if name in {file.name for file in found}]
    assert not first or found[0].name == first[0]
    left = [file for file in files if file not in found]
    for file in left:
        fits = (not most or file.size <= most) and (
            not bits or renditions.bits_of(file, seconds) <= bits
        )
        assert file.name in ("cover", "poster") or not fits


def test_a_name_asks_for_this_rendition() -> None:
    """Whatever its size; none if the item lacks it."""
    (original,) = film().renditions
    assert renditions.fitting([original], 0, Wish(rendition="original")) == [original]
    assert renditions.fitting([original], 0, Wish(rendition="audio")) == []


def test_the_original_needs_what_it_has_by_the_second() -> None:
    """If it is played, and its playing time is known."""
    played = Rendition(name="original", media_type="video/mp4", size=1000, sha256="")
    assert renditions.bits_of(played, 10.0) == 800
    assert renditions.bits_of(played, 0.0) == 0


@given(st.data())
def test_steps_are_settled_one_by_one(data: st.DataObject) -> None:
    """The share grows to one, the state tells what happened, and a repeat changes nothing."""
    found = processing.begun(film())
    assert found is not None
    states = {step.state for step in found.steps}
    assert (states, processing.state_of(found)) == ({"WAITING"}, ProcessingState.WAITING)
    share = processing.share_done(found)
    assert share == 0
    while name := processing.next_step(found):
        ends = data.draw(st.sampled_from(["MADE", "ABSENT", "FAILED"]))
        states.add(RenditionState(ends))
        assert processing.is_waiting(found, name)
        found = processing.settled(found, Step(name=name, state=RenditionState(ends)), NOW)
        assert not processing.is_waiting(found, name)
        assert processing.share_done(found) > share
        share = processing.share_done(found)
        assert (found.ended_at == NOW) == (not processing.next_step(found))
    assert share == 1
    failed = RenditionState.FAILED in states
    assert processing.state_of(found) is (
        ProcessingState.FAILED if failed else ProcessingState.DONE
    )


def test_a_step_that_is_worked_on_counts_by_its_share() -> None:
    """And the estimate follows from the time that the work took until now."""
    steps = (Step(name="audio"), Step(name="240p"))
    found = Processing(id="film", steps=steps, progress=Progress(name="audio", share=0.5))
    assert processing.state_of(found) is ProcessingState.RUNNING
    assert processing.share_done(found) == 0.5 * WEIGHTS["audio"] / (
        WEIGHTS["audio"] + WEIGHTS["240p"]
    )
    assert processing.seconds_left(0.5, 0.75, 10.0) == 10.0
    assert processing.seconds_left(0.5, 0.5, 10.0) == 0.0


@pytest.mark.parametrize("is_fault", [True, False])
def test_only_a_fault_is_told_as_an_event(is_fault: bool) -> None:
    """A film without sound is no fault."""
    why = NotMade(reason="it has no sound", is_fault=is_fault)
    step, event = processing.not_made(film(), "audio", why, NOW)
    assert step.reason == "it has no sound"
    assert step.state is (RenditionState.FAILED if is_fault else RenditionState.ABSENT)
    assert (event is not None) == is_fault


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (ItemState.UPLOADING, ProcessingState.WAITING),
        (ItemState.VERIFYING, ProcessingState.WAITING),
        (ItemState.AVAILABLE, ProcessingState.DONE),
        (ItemState.RETIRED, ProcessingState.DONE),
    ],
)
def test_an_item_of_which_nothing_is_made_has_a_status(
    state: ItemState, told: ProcessingState
) -> None:
    """Before it is AVAILABLE nobody knows what will be made."""
    assert processing.status_of(film(state=state), None).state is told
