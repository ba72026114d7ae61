"""Quotas: how many bytes the items of a run may have in all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import FieldViolation
from services.library.domain.enums import ItemState

COUNTED = (ItemState.UPLOADING, ItemState.VERIFYING, ItemState.AVAILABLE)
"""The states of items that count: an open upload with the size that was announced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUsage:
    """What the items of a run need, and what they may need; sizes in bytes."""

    run_id: str
    items: int
    used: int
    open: int
    """The part of `used` that is not AVAILABLE yet."""
    limit: int
    """The quota; 0 if there is none."""


def quota_violations(
    run_ids: Sequence[str], usages: Mapping[str, RunUsage], size: int
) -> Iterator[FieldViolation]:
    """Yield a violation for each run that has no room for one more file of `size` bytes.

    `usages`: of the runs that have a quota.
    """
    for place, run_id in enumerate(run_ids):
        usage = usages.get(run_id)
        if usage and usage.used + size > usage.limit:
            left = max(0, usage.limit - usage.used)
            yield FieldViolation(
                f"run_ids[{place}]",
                f"run {run_id!r} uses {usage.used} of its {usage.limit} bytes; the file has {size}",
                f"a file of up to {left} bytes, or a larger quota for the run",
            )
