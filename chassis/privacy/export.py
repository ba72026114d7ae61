"""Export: all that a service holds of a person, record by record."""

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from chassis.data.migrations import Mongo
from chassis.privacy.holdings import Holding

# Records that are read at once.
BATCH = 500
# What only the platform's own work needs.
_INNER = {"job": 0, "keys": 0, "hidden": 0}


def records(mongo: Mongo, holdings: Sequence[Holding], person_id: str) -> Iterator[tuple[str, str]]:
    """Yield the kind of each record of a person, and the record as a JSON object.

    They are read as they are yielded, so that any number of them needs little memory.
    """
    for holding in holdings:
        if holding.told:
            query = holding.query(mongo, person_id)
            with mongo[holding.collection].find(query, holding.shown or _INNER) as rows:
                for row in rows.batch_size(BATCH):
                    yield holding.kind, json.dumps(row, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return _text(value)
    return str(value)


def _text(value: bytes) -> str:
    """Return bytes as the text that they are, or in base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
