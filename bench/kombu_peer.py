"""A hand-written consumer of kombu: batches of 500, an inbox, one transaction a batch; no rules.

`python -m bench.kombu_peer statements|effects QUEUE`. What somebody would write who needs the same
effect: `effects` counts events up as bench.sample does, `statements` brings those documents up to
date that progress keeps of a statement.
"""

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pymongo
from kombu import Connection, Consumer, Queue

SIZE = 500
Body = Mapping[str, Any]
Write = Callable[[Any, Any, Sequence[Body]], None]


def effects(database: Any, session: Any, bodies: Sequence[Body]) -> None:
    """Count each event under its key."""
    writes = [_increased(body["enrolmentId"], {"count": 1}) for body in bodies]
    database["effects"].bulk_write(writes, ordered=False, session=session)


def statements(database: Any, session: Any, bodies: Sequence[Body]) -> None:
    """Keep what was watched, when the learner was last seen, and how many statements a run has."""
    rows = [row for body in bodies for row in body["statements"]]
    writes = {
        "evidence": [_evidence(row) for row in rows],
        "standings": [_standing(row) for row in rows],
        "summaries": [
            _increased(run_id, {"statements": count})
            for run_id, count in Counter(row["runId"] for row in rows).items()
        ],
    }
    for name, some in writes.items():
        database[name].bulk_write(some, ordered=False, session=session)


def _evidence(row: Body) -> pymongo.UpdateOne:
    key = {"run_id": row["runId"], "learner_id": row["learnerId"]}
    start, _, end = row["video"]["playedSegments"].partition("[.]")
    kept = {"watched": [[float(start), float(end)]], "length": row["video"]["length"]}
    kept |= {**key, "target": f"activity:{row['activityId']}", "last_at": row["timestamp"]}
    number = {**key, "target": kept["target"]}
    return pymongo.UpdateOne({"_id": number}, {"$set": kept}, upsert=True)


def _standing(row: Body) -> pymongo.UpdateOne:
    key = {"run_id": row["runId"], "learner_id": row["learnerId"]}
    seen = {"$set": {**key, "last_seen_at": row["timestamp"]}}
    return pymongo.UpdateOne({"_id": key}, seen, upsert=True)


def _increased(key: str, by: Mapping[str, int]) -> pymongo.UpdateOne:
    return pymongo.UpdateOne({"_id": key}, {"$inc": by}, upsert=True)


class Peer:
    """Takes messages of one queue, and applies them 500 at a time."""

    def __init__(self, queue: str, write: Write) -> None:
        self._queue, self._write = queue, write
        self._client: Any = pymongo.MongoClient(os.environ["TANDEM_MONGO_URL"])
        self._database = self._client[os.environ["TANDEM_MONGO_DATABASE"]]
        self._pending: list[Any] = []

    def run(self) -> None:
        """Consume until the process is ended."""
        with Connection(os.environ["TANDEM_AMQP_URL"]) as connection:
            queue = Queue(self._queue, no_declare=True)
            consumer = Consumer(connection, [queue], on_message=self._take, prefetch_count=2 * SIZE)
            with consumer:
                while True:
                    try:
                        connection.drain_events(timeout=0.01)
                    except TimeoutError:
                        self._apply()

    def _take(self, message: Any) -> None:
        self._pending.append(message)
        if len(self._pending) == SIZE:
            self._apply()

    def _apply(self) -> None:
        if not self._pending:
            return
        batch, self._pending = self._pending, []
        by_id = {each.headers["cloudEvents_id"]: each for each in batch}
        with self._client.start_session() as session:
            session.with_transaction(lambda session: self._apply_in(session, by_id))
        batch[-1].ack(multiple=True)

    def _apply_in(self, session: Any, by_id: Mapping[str, Any]) -> None:
        inbox = self._database["inbox"]
        known = {row["_id"] for row in inbox.find({"_id": {"$in": list(by_id)}}, session=session)}
        fresh = {key: each for key, each in by_id.items() if key not in known}
        if fresh:
            self._write(self._database, session, [json.loads(each.body) for each in fresh.values()])
            inbox.insert_many([{"_id": key} for key in fresh], session=session)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Peer(sys.argv[2], {"effects": effects, "statements": statements}[sys.argv[1]]).run()
