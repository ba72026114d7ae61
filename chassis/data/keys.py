"""Keys that make a collection's names unique in any case and form: `chassis.texts.identity`.

A key is a field beside the name, under a unique index. New documents get it with the name.
"""

from typing import Any

from pymongo import IndexModel
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from chassis.texts import identity


def unique_key(field: str) -> IndexModel:
    """Return a unique index of a key. Documents without the key are not in it: twins that existed
    before, and what an older version inserts during an upgrade.
    """
    return IndexModel(field, unique=True, partialFilterExpression={field: {"$exists": True}})


def add_keys(collection: Collection[dict[str, Any]], name: str, field: str) -> None:
    """Give each document its key, oldest first, as a step of a migration.

    Of existing twins only the oldest gets the key. The others keep their names and work as before;
    nobody can add another twin.
    """
    rows = collection.find({field: {"$exists": False}}, {name: 1}).sort("_id")
    for row in list(rows):
        try:
            collection.update_one({"_id": row["_id"]}, {"$set": {field: identity(row[name])}})
        except DuplicateKeyError:
            continue
