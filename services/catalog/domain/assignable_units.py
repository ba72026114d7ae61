"""Assignable units of cmi5 in a path: content that runs elsewhere (cmi5, section 13.1.4)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from chassis.errors import FieldViolation
from services.catalog.domain.enums import ActivityKind, LaunchMethod, MoveOn

KINDS = (ActivityKind.ITEM, ActivityKind.CHECKPOINT)
PARAMETERS = frozenset({"endpoint", "fetch", "actor", "registration", "activityId"})
"""The parameters of a launch (section 8.1)."""
DECIMALS = 4
"""Of a mastery score (section 9.6.3.2)."""


@dataclass(frozen=True, slots=True)
class AssignableUnit:
    """How an activity is launched, and what completes it."""

    publisher_id: str
    url: str
    launch_method: LaunchMethod
    move_on: MoveOn
    mastery_score: float | None = None
    launch_parameters: str = ""
    entitlement_key: str = ""


class Step(Protocol):
    """A step of a path."""

    @property
    def kind(self) -> ActivityKind:
        """Return its kind."""

    @property
    def item_id(self) -> str:
        """Return its item of the library; empty if it has none."""

    @property
    def cmi5(self) -> AssignableUnit | None:
        """Return the assignable unit that it is; None if it is none."""


def unit_violations(steps: Sequence[Step]) -> Iterator[FieldViolation]:
    """Yield the faults of the assignable units of a path."""
    units = [(place, step, step.cmi5) for place, step in enumerate(steps) if step.cmi5]
    times = Counter(unit.publisher_id for _, _, unit in units)
    for place, step, unit in units:
        field = f"activities[{place}].cmi5"
        if step.kind not in KINDS:
            yield FieldViolation(field, f"is set on a {step.kind}", "on an ITEM or a CHECKPOINT")
        if step.item_id:
            wrong = f"is set beside item_id {step.item_id!r}"
            yield FieldViolation(field, wrong, "one of both: the unit, or an item of the library")
        if times[unit.publisher_id] > 1:
            wrong = f"{unit.publisher_id!r} is there {times[unit.publisher_id]} times"
            yield FieldViolation(f"{field}.publisher_id", wrong, "an id of its own")
        yield from _url_violations(unit.url, f"{field}.url")
        yield from _score_violations(unit.mastery_score, f"{field}.mastery_score")


def _url_violations(url: str, field: str) -> Iterator[FieldViolation]:
    try:
        parts = urlsplit(url)
        named = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        is_url = bool(parts.hostname)
    except ValueError:
        named, is_url = set(), False
    if not is_url:
        yield FieldViolation(field, f"is {url[:100]!r}, which names no host", "a whole URL")
    for name in sorted(named & PARAMETERS):
        wrong = f"has {name}, which the launch sets"
        yield FieldViolation(field, wrong, "a query without the parameters of a launch")


def _score_violations(score: float | None, field: str) -> Iterator[FieldViolation]:
    if score is not None and round(score, DECIMALS) != score:
        yield FieldViolation(field, f"is {score}", f"up to {DECIMALS} decimal places")
