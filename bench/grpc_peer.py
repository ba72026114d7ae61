"""The peer of the gRPC command: a bare grpcio handler that does the same MongoDB work, no more."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tandem.catalog.v1 import catalog_pb2, resources_pb2

from chassis import ids
from chassis.store import connect
from chassis.transactions import MAJORITY

THREADS = 32
SERVICE = "tandem.catalog.v1.CatalogService"


class Bare:
    """CreateCourse without authentication, validation, metrics, logs or deadlines."""

    def __init__(self, database: Any) -> None:
        self._database = database
        for name in ("courses", "requests"):
            database.create_collection(name) if name not in database.list_collection_names() else 0
        database["courses"].create_index("code", unique=True)

    def create_course(self, request: Any, context: Any) -> resources_pb2.Course:  # noqa: ARG002
        """One transaction: look the request up, look the code up, insert both."""
        with self._database.client.start_session() as session:
            course: resources_pb2.Course = session.with_transaction(
                lambda session: self._create(request, session), write_concern=MAJORITY
            )
        return course

    def _create(self, request: catalog_pb2.CreateCourseRequest, session: Any) -> Any:
        courses, requests = self._database["courses"], self._database["requests"]
        requests.find_one({"_id": request.request_id}, session=session)
        courses.find_one({"code": request.code}, session=session)
        course = resources_pb2.Course(id=ids.new_id(), code=request.code, title=request.title)
        courses.insert_one(
            {"_id": course.id, "code": course.code, "title": course.title}, session=session
        )
        requests.insert_one(
            {"_id": request.request_id, "answer": course.SerializeToString()}, session=session
        )
        return course


def main() -> None:
    """Serve until SIGTERM."""
    client = connect(os.environ["TANDEM_MONGO_URL"], "peer")
    server = grpc.server(ThreadPoolExecutor(THREADS))
    bare = Bare(client[os.environ["TANDEM_MONGO_DATABASE"]])
    method = grpc.unary_unary_rpc_method_handler(
        bare.create_course,
        catalog_pb2.CreateCourseRequest.FromString,
        resources_pb2.Course.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(SERVICE, {"CreateCourse": method})
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(os.environ["TANDEM_GRPC_ADDRESS"])
    server.start()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    stop.wait()
    server.stop(1).wait()


if __name__ == "__main__":
    main()
