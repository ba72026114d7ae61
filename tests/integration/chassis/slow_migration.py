"""A migration that sticks in the middle, to be killed in: doubles `n` of every row, one by one.

Usage: slow_migration.py URL DATABASE   (tells each row that it did)
"""

import sys
import time
from datetime import timedelta
from typing import Any

import pymongo

from chassis.data import migrations
from chassis.data.migrations import Migration, adding, migrate

NOWHERE, STUCK_AT = -1, 9


def doubling(stuck_at: int) -> Any:
    """The step: a row that has its double is left alone, so it may be repeated.

    After the row whose `n` is `stuck_at` it does nothing more for an hour.
    """

    def run(mongo: Any) -> None:
        for row in mongo["rows"].find({"double": {"$exists": False}}):
            mongo["rows"].update_one({"_id": row["_id"]}, {"$set": {"double": row["n"] * 2}})
            print(row["n"], flush=True)
            if row["n"] == stuck_at:
                time.sleep(3_600)

    return run


def steps(stuck_at: int = NOWHERE) -> tuple[Migration, ...]:
    """All steps."""
    return (Migration(1, "rows", adding({"rows": []})), Migration(2, "doubles", doubling(stuck_at)))


if __name__ == "__main__":
    migrations.LEASE = timedelta(seconds=1)
    migrate(pymongo.MongoClient(sys.argv[1])[sys.argv[2]], {"test": steps(STUCK_AT)})
