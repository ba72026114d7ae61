"""Quotas of runs: set one, tell what a run uses, and refuse what has no room."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import check_state
from services.library.domain.quotas import RunUsage, quota_violations
from services.library.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRunQuota:
    """Set the quota of a run in bytes; 0: the default of all runs counts."""

    run_id: str
    bytes: int


def set_quota(store: Store, command: SetRunQuota, default: int) -> RunUsage:
    """Set the quota of a run, and return what the run uses. Items that exist stay."""
    store.put_quota(command.run_id, command.bytes)
    return usage(store, command.run_id, default)


def usage(store: Store, run_id: str, default: int) -> RunUsage:
    """Return what the items of a run use. `default`: the quota of a run without its own."""
    return store.usage(run_id, store.quota(run_id) or default)


def check_room(store: Store, run_ids: Sequence[str], size: int, default: int) -> None:
    """Raise FailedPrecondition with each run that has no room for one more file of `size` bytes.

    Units of work that look for room in the same run go on one after the other.
    """
    usages = {}
    for run_id in sorted(set(run_ids)):
        if limit := store.quota(run_id) or default:
            store.take_turn(run_id)
            usages[run_id] = store.usage(run_id, limit)
    check_state("the quota is used up", quota_violations(run_ids, usages, size))
