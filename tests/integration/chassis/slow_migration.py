"""A migration that takes its time, to be killed in: doubles `n` of every row, a row at a time.

Usage: slow_migration.py URL DATABASE   (tells each row that it did)
"""

import sys
import time
from datetime import timedelta
from typing import Any

import pymongo

from chassis.data import migrations
from chassis.data.migrations import Migration, adding, migrate


def doubling(pause: float) -> Any:
    """The step: a row that has its double is left alone, so it may be repeated."""

    def run(mongo: Any) -> None:
        for row in mongo["rows"].find({"double": {"$exists": False}}):
            mongo["rows"].update_one({"_id": row["_id"]}, {"$set": {"double": row["n"] * 2}})
            print(row["n"], flush=True)
            time.sleep(pause)

    return run


def steps(pause: float) -> tuple[Migration, ...]:
    """All steps."""
    return (Migration(1, "rows", adding({"rows": []})), Migration(2, "doubles", doubling(pause)))


if __name__ == "__main__":
    migrations.LEASE = timedelta(seconds=1)
    migrate(pymongo.MongoClient(sys.argv[1])[sys.argv[2]], {"test": steps(0.05)})
