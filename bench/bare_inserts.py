"""A bare loop of inserts, beside which what stores the same documents is measured."""

import time
from typing import Any

from pymongo import MongoClient

from campus.parallel import chunks

COUNT, BATCH = 20_000, 500
SCRATCH = "bench_bare"


def bare_inserts(mongo: "MongoClient[dict[str, Any]]", database: str, collection: str) -> float:
    """Insert copies of stored documents into an empty collection with the same indexes; return how
    many a second.
    """
    source, target = mongo[database][collection], mongo[SCRATCH][collection]
    copies = list(source.find(limit=COUNT))
    mongo.drop_database(SCRATCH)
    for index in list(source.list_indexes())[1:]:
        target.create_index(list(index["key"].items()))
    began = time.perf_counter()
    for part in chunks(copies, BATCH):
        target.insert_many(part)
    took = time.perf_counter() - began
    mongo.drop_database(SCRATCH)
    return len(copies) / took
