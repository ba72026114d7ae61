"""Run a role: python -m services.progress api|worker|relay|migrate|declare."""

from chassis.roles import main
from services.progress.settings import Settings


def api(settings: Settings) -> None:
    """Take statements in, by gRPC and as an LRS, and answer what learners have done and have yet
    to do.
    """
    from functools import partial

    from tandem.progress.v1 import progress_pb2

    from chassis import roles
    from chassis.edge import server
    from chassis.edge.methods import Servicer
    from services.progress import rights
    from services.progress.api import ProgressApi
    from services.progress.domain.xapi.documents import Limits, Room
    from services.progress.store import ProgressStore
    from services.progress.xapi.lrs import lrs

    database = roles.open_database(settings, "progress", ProgressStore)
    room = Room(settings.xapi_owner_documents, settings.xapi_owner_bytes)
    limits = Limits(settings.xapi_document_bytes, room)
    endpoints = lrs(database, settings.xapi_url, limits) if settings.xapi_url else []
    servicer = Servicer(
        ProgressApi(database, settings.xapi_url.rstrip("/")),
        progress_pb2.DESCRIPTOR.services_by_name["ProgressService"],
        partial(rights.relation, database),
    )
    server.serve(settings, "progress", database, [servicer], endpoints=endpoints)


def worker(settings: Settings) -> None:
    """Apply events, our own statements among them; miss what was not studied in time."""
    from chassis import roles
    from chassis import worker as runtime
    from services.progress import privacy
    from services.progress.store import ProgressStore
    from services.progress.timers import timers
    from services.progress.worker import subscriptions

    database = roles.open_database(settings, "progress", ProgressStore)
    watch, jobs = timers(settings.recording_grace), (privacy.jobs(),)
    runtime.serve(settings, "progress", database, subscriptions(), watch, jobs)


def relay(settings: Settings) -> None:
    """Publish what happened."""
    from chassis import roles
    from chassis.messaging import relay as runtime
    from services.progress.store import ProgressStore

    roles.wait_for_database(settings, "progress", ProgressStore)
    runtime.serve(settings, "progress")


def migrate(settings: Settings) -> None:
    """Bring the database to this version."""
    from chassis import roles
    from services.progress.store import ProgressStore

    roles.migrate(settings, "progress", ProgressStore)


def declare(settings: Settings) -> None:
    """Declare the service's queues."""
    from chassis.messaging import topology
    from services.progress.worker import subscriptions

    topology.declare_when_there(settings.amqp_url, subscriptions(), settings.partitions)


if __name__ == "__main__":
    main(
        "progress",
        Settings,
        {"api": api, "worker": worker, "relay": relay, "migrate": migrate, "declare": declare},
    )
