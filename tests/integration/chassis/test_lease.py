"""Leases in a real MongoDB."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chassis.data import lease
from chassis.data.store import Store

LONG, SHORT = timedelta(seconds=60), timedelta(milliseconds=50)


class LeaseStore(Store):
    service = "catalog"


@pytest.fixture
def leases(make_database: Any) -> Any:
    """A service's leases."""
    return make_database(LeaseStore).mongo["leases"]


def test_one_of_many_gets_it(leases: Any) -> None:
    """Of sixteen that ask at once one gets it, and keeps it when it asks again."""
    with ThreadPoolExecutor(16) as pool:
        took = list(pool.map(lambda n: lease.take(leases, "work", str(n), LONG), range(16)))
    assert sum(took) == 1
    assert lease.take(leases, "work", str(took.index(True)), LONG)


def test_leases_know_nothing_of_each_other(leases: Any) -> None:
    """Two names, two holders."""
    assert lease.take(leases, "one", "a", LONG)
    assert lease.take(leases, "other", "b", LONG)


def test_it_ends_with_its_time(leases: Any) -> None:
    """A holder that does not renew is succeeded."""
    assert lease.take(leases, "work", "a", SHORT)
    time.sleep(0.2)
    assert lease.take(leases, "work", "b", LONG)
    assert not lease.take(leases, "work", "a", LONG)


def test_it_can_be_given_up_by_its_holder_only(leases: Any) -> None:
    """Only the holder can release it."""
    assert lease.take(leases, "work", "a", LONG)
    lease.release(leases, "work", "b")
    assert not lease.take(leases, "work", "b", LONG)
    lease.release(leases, "work", "a")
    assert lease.take(leases, "work", "b", LONG)
