"""Run a role: python -m services.catalog api|worker|relay|auditor|migrate|declare."""

from chassis.roles import main
from services.catalog.settings import Settings


def api(settings: Settings) -> None:
    """Answer gRPC requests."""
    from functools import partial

    from tandem.catalog.v1 import catalog_pb2

    from chassis import roles
    from chassis.edge import server
    from chassis.edge.grpc import client
    from chassis.edge.methods import Servicer
    from services.catalog import rights
    from services.catalog.api import CatalogApi
    from services.catalog.library import GrpcLibrary
    from services.catalog.store import CatalogStore

    database = roles.open_database(settings, "catalog", CatalogStore)
    with client.channel(settings.library_target, settings) as channel:
        servicer = Servicer(
            CatalogApi(database, GrpcLibrary(channel), settings.import_size, settings.large_intake),
            catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"],
            partial(rights.relation, database),
        )
        server.serve(settings, "catalog", database, [servicer])


def worker(settings: Settings) -> None:
    """Note when people can teach; check and apply imports; do resyncs."""
    from chassis import roles
    from chassis import worker as runtime
    from chassis.resync.work import resyncing
    from services.catalog import privacy
    from services.catalog.importing import importing
    from services.catalog.sources import SOURCES
    from services.catalog.store import CatalogStore
    from services.catalog.worker import subscriptions

    database = roles.open_database(settings, "catalog", CatalogStore)
    jobs = (
        importing(settings.import_unpacked),
        resyncing("catalog", settings.amqp_url, SOURCES),
        privacy.jobs(),
    )
    runtime.serve(settings, "catalog", database, subscriptions(), (), jobs)


def relay(settings: Settings) -> None:
    """Publish what happened."""
    from chassis import roles
    from chassis.messaging import relay as runtime
    from services.catalog.store import CatalogStore

    roles.wait_for_database(settings, "catalog", CatalogStore)
    runtime.serve(settings, "catalog")


def auditor(settings: Settings) -> None:
    """Compare the copies that services keep with their originals."""
    from services.catalog import auditing

    auditing.serve(settings)


def migrate(settings: Settings) -> None:
    """Bring the database to this version."""
    from chassis import roles
    from services.catalog.store import CatalogStore

    roles.migrate(settings, "catalog", CatalogStore)


def declare(settings: Settings) -> None:
    """Declare the exchange, the history and the queue."""
    from chassis.messaging import topology
    from services.catalog.worker import subscriptions

    topology.declare_when_there(settings.amqp_url, subscriptions())


if __name__ == "__main__":
    main(
        "catalog",
        Settings,
        {
            "api": api,
            "worker": worker,
            "relay": relay,
            "auditor": auditor,
            "migrate": migrate,
            "declare": declare,
        },
    )
