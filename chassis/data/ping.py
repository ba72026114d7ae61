"""Whether MongoDB answers now: what the roles tell of it in /ready and in their health."""

from typing import Any

import pymongo
from pymongo.errors import PyMongoError

# Seconds after which no answer is an answer, too: a frozen server keeps its connections open.
PING_TIMEOUT = 2.0


def is_answering(client: "pymongo.MongoClient[Any]") -> bool:
    """Whether the database's primary answers within two seconds."""
    try:
        with pymongo.timeout(PING_TIMEOUT):
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
