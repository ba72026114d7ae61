"""Celery, as a peer of notify: a task for each recipient, in its own environment.

`python -m bench closure` installs it from bench/celery.lock into .venv-celery;
`python -m bench.celery_peer COUNT` sends the tasks. A task does what a
service on Celery would: it looks the person up, writes the text with notify's own templates, and
stores the message and its mail, each by one write that a majority has. It is acknowledged when it
is done, so that a killed worker loses none; a repeat finds the documents that exist.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError

from services.notify.domain.enums import Kind
from services.notify.texts import Texts

app = Celery("closure", broker=os.environ["TANDEM_AMQP_URL"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_default_queue="bench.closure",
    worker_prefetch_multiplier=64,
)
_texts = Texts()
_client: list[Any] = []


def _database() -> Any:
    """Return the database; each process of the pool has its own connections."""
    if not _client:
        _client.append(MongoClient(os.environ["TANDEM_MONGO_URL"], w="majority"))
    return _client[0][os.environ["TANDEM_MONGO_DATABASE"]]


@app.task(name="bench.notify")  # type: ignore[untyped-decorator]
def notify(event_id: str, person_id: str, values: dict[str, Any]) -> None:
    """Put the news of a cancelled class into a person's inbox and into the queue for mail."""
    database = _database()
    person = database["people"].find_one({"_id": person_id})
    told = {**values, "start_time": datetime.fromisoformat(values["start_time"])}
    text = _texts.write(
        Kind.SESSION_CANCELLED, person["language"], person["zone"], person["name"], told
    )
    key, now = f"{event_id}:{person_id}", datetime.now(UTC)
    message = {
        "person_id": person_id,
        "event_id": event_id,
        "title": text.title,
        "body": text.body,
        "values": told,
        "created_at": now,
        "read_at": None,
    }
    mail = {
        "person_id": person_id,
        "event_id": event_id,
        "message_id": key,
        "state": "QUEUED",
        "queued_at": now,
    }
    _store(database["messages"], {"_id": key, **message})
    _store(database["deliveries"], {"_id": key, **mail})


def _store(rows: Any, row: dict[str, Any]) -> None:
    try:
        rows.insert_one(row)
    except DuplicateKeyError:
        return


def main(people: int) -> None:
    """Send a task for each person."""
    values = {
        "session": "Motion",
        "start_time": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        "reason": "The campus is closed.",
        "substitute_item_id": "",
        "substitute": "",
    }
    for number in range(people):
        notify.delay("closure", f"p{number:06d}", values)


if __name__ == "__main__":
    main(int(sys.argv[1]))
