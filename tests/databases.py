"""Prepared databases that tests use one after the other.

To make one costs some 50 commands (collections, indexes), to empty one only a few: so a test gets
an emptied one, unless a test before it changed what the migrations made.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import pymongo
from pymongo.database import Database as MongoDatabase

from chassis.clock import Clock
from chassis.data.store import Database, Store

Document = dict[str, Any]


class Databases:
    """Makes databases, and empties used ones; `prefix` begins their names.

    Tests take them in one thread, and another thread gives them back: what they share are lists,
    whose `append` and `pop` are atomic.
    """

    def __init__(self, client: "pymongo.MongoClient[Document]", prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._made = 0
        self._free: dict[type[Store], list[str]] = defaultdict(list)
        self._shape: dict[str, object] = {}
        self._content: dict[str, dict[str, list[Document]]] = {}

    def take(self, store: type[Store], clock: Clock) -> Database[Any]:
        """Return an empty database that is up to date with the store's migrations."""
        free = self._free[store]
        if free:
            return Database(self._client, free.pop(), store, clock)
        self._made += 1
        name = f"{self._prefix}_{self._made}_{store.service}"
        database: Database[Any] = Database(self._client, name, store, clock)
        database.prepare()
        self._shape[name] = _shape(database.mongo)
        self._content[name] = _content(database.mongo)
        return database

    def give_back(self, store: type[Store], name: str) -> None:
        """Empty a database for the next test; drop it if its collections are not as at first."""
        mongo = self._client[name]
        if _shape(mongo) != self._shape[name]:
            self._client.drop_database(name)
            return
        content = self._content[name]
        for collection in _filled(mongo, content):
            mongo[collection].delete_many({})
        for collection, documents in content.items():
            if documents:
                mongo[collection].insert_many(documents)
        self._free[store].append(name)


def _shape(mongo: MongoDatabase[Document]) -> object:
    """Return the collections with their options, and how many indexes they have together."""
    options = {each["name"]: each["options"] for each in mongo.list_collections()}
    return options, mongo.command("dbStats")["indexes"]


def _filled(mongo: MongoDatabase[Document], collections: Iterable[str]) -> list[str]:
    """Return those of some collections that have documents: by one command, because a test leaves
    most of them empty.
    """
    stages: list[Document] = [{"$documents": []}]
    for name in collections:
        one = [{"$limit": 1}, {"$project": {"_id": 0, "name": name}}]
        stages.append({"$unionWith": {"coll": name, "pipeline": one}})
    return [each["name"] for each in mongo.aggregate(stages)]


def _content(mongo: MongoDatabase[Document]) -> dict[str, list[Document]]:
    return {name: list(mongo[name].find()) for name in mongo.list_collection_names()}
