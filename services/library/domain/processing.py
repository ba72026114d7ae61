"""How the renditions of an item come about, one after the other."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from services.library.domain.enums import ItemState, ProcessingState, RenditionState
from services.library.domain.events import ProcessingFailed, RenditionAvailable
from services.library.domain.items import Item, Rendition
from services.library.domain.renditions import WEIGHTS, NotMade, planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rendition that is to be made. `reason`: why it is ABSENT or FAILED."""

    name: str
    state: RenditionState = RenditionState.WAITING
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the step is that is worked on. `share`: from 0 to 1; `seconds_left`: of all steps, as
    an estimate, 0 if there is none yet.
    """

    name: str
    share: float = 0.0
    seconds_left: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """The renditions that the library makes of an item."""

    id: str
    """The id of the item."""
    steps: tuple[Step, ...]
    ended_at: datetime | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is told of a processing. `share`: of all its work, from 0 to 1; `seconds_left`: see
    Progress.
    """

    item_id: str
    state: ProcessingState
    steps: tuple[Step, ...] = ()
    share: float = 1.0
    seconds_left: float = 0.0
    ended_at: datetime | None = None


def begun(item: Item) -> Processing | None:
    """Return the processing of an item that has become AVAILABLE; None if nothing is made of it."""
    steps = tuple(Step(name=name) for name in planned(item.promised.media_type))
    return Processing(id=item.id, steps=steps) if steps else None


def next_step(processing: Processing) -> str:
    """Return the name of the rendition that is to be made next; "" if all steps are settled."""
    waiting = (step.name for step in processing.steps if step.state is RenditionState.WAITING)
    return next(waiting, "")


def is_waiting(processing: Processing, name: str) -> bool:
    """Return whether a rendition is still to be made."""
    return Step(name=name) in processing.steps


def settled(processing: Processing, step: Step, now: datetime) -> Processing:
    """Return the processing after one of its steps."""
    steps = tuple(step if each.name == step.name else each for each in processing.steps)
    after = replace(processing, steps=steps, progress=None)
    return after if next_step(after) else replace(after, ended_at=now)


def state_of(processing: Processing) -> ProcessingState:
    """Return how far an item's renditions are."""
    states = {step.state for step in processing.steps}
    if RenditionState.WAITING in states:
        is_begun = len(states) > 1 or processing.progress is not None
        return ProcessingState.RUNNING if is_begun else ProcessingState.WAITING
    return ProcessingState.FAILED if RenditionState.FAILED in states else ProcessingState.DONE


def status_of(item: Item, processing: Processing | None) -> Status:
    """Return what is told of an item's processing. `processing`: None if it is not begun, or if
    nothing is made of the item.
    """
    if processing is None:
        is_early = item.state in (ItemState.UPLOADING, ItemState.VERIFYING)
        state = ProcessingState.WAITING if is_early else ProcessingState.DONE
        return Status(item_id=item.id, state=state, share=0.0 if is_early else 1.0)
    progress = processing.progress
    return Status(
        item_id=item.id,
        state=state_of(processing),
        steps=processing.steps,
        share=share_done(processing),
        seconds_left=progress.seconds_left if progress else 0.0,
        ended_at=processing.ended_at,
    )


def share_done(processing: Processing) -> float:
    """Return the share of the work that is done, from 0 to 1."""
    progress = processing.progress
    done: float = _weight(
        step.name for step in processing.steps if step.state != RenditionState.WAITING
    )
    if progress is not None:
        done += WEIGHTS[progress.name] * progress.share
    return done / _weight(step.name for step in processing.steps)


def seconds_left(begin: float, share: float, elapsed: float) -> float:
    """Return an estimate of the seconds until all is done; 0 if nothing is known yet.

    `begin`, `share`: the shares that were done `elapsed` seconds ago, and that are done now.
    """
    return elapsed * (1 - share) / (share - begin) if share > begin else 0.0


def attached(
    item: Item, file: Rendition, pages: int, now: datetime
) -> tuple[Item, RenditionAvailable]:
    """Return the item with one more rendition, and its event. `pages`: 0 if it does not tell."""
    after = replace(item, renditions=(*item.renditions, file), pages=pages or item.pages)
    event = RenditionAvailable(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        rendition=file.name,
        media_type=file.media_type,
        size=file.size,
        available_at=now,
    )
    return after, event


def not_made(
    item: Item, name: str, why: NotMade, now: datetime
) -> tuple[Step, ProcessingFailed | None]:
    """Return the step of a rendition that was not made, and its event if that is a fault."""
    if not why.is_fault:
        return Step(name=name, state=RenditionState.ABSENT, reason=why.reason), None
    event = ProcessingFailed(
        item_id=item.id,
        kind=item.kind,
        title=item.metadata.title,
        rendition=name,
        reason=why.reason,
        failed_at=now,
    )
    return Step(name=name, state=RenditionState.FAILED, reason=why.reason), event


def _weight(names: Iterable[str]) -> int:
    return sum(WEIGHTS[name] for name in names)
