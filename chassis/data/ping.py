"""A ping of MongoDB, for /ready and for the health service."""

from typing import Any

import pymongo
from pymongo.errors import PyMongoError

# Seconds. A frozen server keeps its connections open, so a ping needs a time limit.
PING_TIMEOUT = 2.0


def is_answering(client: "pymongo.MongoClient[Any]") -> bool:
    """Return whether the database's primary answers within two seconds."""
    try:
        with pymongo.timeout(PING_TIMEOUT):
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
