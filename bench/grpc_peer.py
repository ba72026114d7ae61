"""The peer of the gRPC commands: bare grpcio handlers that do the same MongoDB work, no more."""

import json
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import grpc
from google.protobuf.message import Message
from pymongo.read_concern import ReadConcern
from tandem.catalog.v1 import catalog_pb2, resources_pb2

from chassis import ids
from chassis.data.store import connect
from chassis.data.transactions import MAJORITY

THREADS = 32
SERVICE = "tandem.catalog.v1.CatalogService"


class Bare:
    """Commands without authentication, validation, metrics, logs, deadlines or turns."""

    def __init__(self, database: Any) -> None:
        self._database = database

    def open_run(self, request: Any, context: Any) -> Message:  # noqa: ARG002
        """One transaction: read the course; write run, number, event and request."""
        return self._transact(lambda session: self._open(request, session))

    def enrol(self, request: Any, context: Any) -> Message:  # noqa: ARG002
        """One transaction: read run, person, enrolment; write enrolment, number, event, request."""
        return self._transact(lambda session: self._enrol(request, session))

    def _transact(self, work: Callable[[Any], Message]) -> Message:
        with self._database.client.start_session() as session:
            found: Message = session.with_transaction(
                work, read_concern=ReadConcern("snapshot"), write_concern=MAJORITY
            )
        return found

    def _open(self, request: Any, session: Any) -> Message:
        database = self._database
        database["courses"].find_one({"_id": request.course_id}, session=session)
        run = resources_pb2.Run(
            id=ids.new_id(),
            course_id=request.course_id,
            term=request.term,
            title=request.title,
            zone=request.zone,
            start_date=request.start_date,
            end_date=request.end_date,
        )
        self._put("runs", run.id, _document(run), session)
        self._tell(run.id, "tandem.catalog.run.opened.v1", _document(run), session)
        self._remember(request, run, session)
        return run

    def _enrol(self, request: Any, session: Any) -> Message:
        database, who = self._database, {"_id": request.learner_id}
        database["runs"].find_one({"_id": request.run_id}, session=session)
        database["people"].find_one(who, {"_id": True}, session=session)
        wanted = {"run_id": request.run_id, "learner_id": request.learner_id}
        database["enrolments"].find_one(wanted, session=session)
        enrolment = resources_pb2.Enrolment(id=ids.new_id(), mode=request.mode, **wanted)
        document = {**_document(enrolment), "_id": enrolment.id, "state": "ENROLLED", "ticket": 0}
        database["enrolments"].insert_one(document, session=session)
        self._tell(enrolment.id, "tandem.catalog.enrolment.created.v1", document, session)
        self._remember(request, enrolment, session)
        return enrolment

    def _put(self, collection: str, id_: str, document: Any, session: Any) -> None:
        rows = self._database[collection]
        rows.update_one({"_id": id_}, {"$set": document}, upsert=True, session=session)

    def _tell(self, key: str, type_: str, document: Any, session: Any) -> None:
        numbered = self._database["sequences"].find_one_and_update(
            {"_id": key}, {"$inc": {"last": 1}}, upsert=True, session=session
        )
        id_, number = ids.new_id(), numbered["last"] + 1 if numbered else 1
        headers = {
            "cloudEvents_specversion": "1.0",
            "cloudEvents_id": id_,
            "cloudEvents_type": type_,
            "cloudEvents_source": "/tandem/catalog",
            "cloudEvents_time": datetime.now(UTC).isoformat(),
            "cloudEvents_subject": key,
            "cloudEvents_partitionkey": key,
            "cloudEvents_sequence": f"{number:020d}",
        }
        row = {"_id": id_, "key": key, "sequence": number, "type": type_, "headers": headers}
        row["body"] = json.dumps(document).encode()
        self._database["outbox"].insert_one(row, session=session)

    def _remember(self, request: Any, answer: Message, session: Any) -> None:
        document = {"_id": request.request_id, "answer": answer.SerializeToString()}
        document["request"], document["at"] = request.SerializeToString(), datetime.now(UTC)
        self._database["requests"].insert_one(document, session=session)


def _document(message: Message) -> dict[str, Any]:
    """A message's scalar fields; its id is the key."""
    names = [field.name for field in message.DESCRIPTOR.fields if field.message_type is None]
    return {name: getattr(message, name) for name in names if name not in {"id", "instructor_ids"}}


def main() -> None:
    """Serve until SIGTERM."""
    client = connect(os.environ["TANDEM_MONGO_URL"], "peer")
    server = grpc.server(ThreadPoolExecutor(THREADS))
    bare = Bare(client[os.environ["TANDEM_MONGO_DATABASE"]])
    handlers = {
        "OpenRun": _handler(bare.open_run, catalog_pb2.OpenRunRequest),
        "Enrol": _handler(bare.enrol, catalog_pb2.EnrolRequest),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(os.environ["TANDEM_GRPC_ADDRESS"])
    server.start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    server.stop(1).wait()


def _handler(behaviour: Callable[[Any, Any], Message], request: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        behaviour, request.FromString, lambda answer: answer.SerializeToString()
    )


if __name__ == "__main__":
    main()
