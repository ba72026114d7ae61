"""The peer of the worker: a stock nameko handler, one transaction a message, inbox included."""

import eventlet

eventlet.monkey_patch()

import os  # noqa: E402
import signal  # noqa: E402
from typing import Any  # noqa: E402

import pymongo  # noqa: E402
from nameko.events import event_handler  # noqa: E402
from nameko.runners import ServiceRunner  # noqa: E402

_client: Any = pymongo.MongoClient(os.environ["TANDEM_MONGO_URL"])
_database = _client["bench"]


class Peer:
    """Counts each event under its key; what the contract's consumers do with stock tools."""

    name = "peer"

    @event_handler("tandem", "tandem.progress.activity.completed.v1")  # type: ignore[untyped-decorator]
    def apply(self, payload: dict[str, Any]) -> None:
        """Apply one event in one transaction."""
        with _client.start_session() as session:
            session.with_transaction(lambda session: _apply(payload, session))


def _apply(payload: dict[str, Any], session: Any) -> None:
    # A stock handler is not given the headers: a fresh id as the inbox mark costs the same.
    mark = {"_id": os.urandom(12).hex()}
    if _database["inbox"].find_one(mark, session=session) is None:
        _database["effects"].update_one(
            {"_id": payload["enrolmentId"]}, {"$inc": {"count": 1}}, upsert=True, session=session
        )
        _database["inbox"].insert_one(mark, session=session)


def main() -> None:
    """Run until SIGTERM."""
    runner = ServiceRunner({"AMQP_URI": os.environ["TANDEM_AMQP_URL"], "max_workers": 10})
    runner.add_service(Peer)
    runner.start()
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_n(runner.stop))
    runner.wait()


if __name__ == "__main__":
    main()
