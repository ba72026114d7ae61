"""Run a role: python -m services.library api|worker|relay|archiver|migrate|declare."""

from chassis.roles import main
from services.library.settings import Settings


def api(settings: Settings) -> None:
    """Answer requests by gRPC and HTTP."""
    from functools import partial

    from tandem.library.v1 import library_pb2

    from chassis import roles
    from chassis.edge import server
    from chassis.edge.methods import Servicer
    from services.library import rights
    from services.library.api import LibraryApi
    from services.library.domain.feeds import FeedUrls
    from services.library.files import open_files
    from services.library.hls import Playlists
    from services.library.indexing import following, open_indexer
    from services.library.oai import OaiPmh, Repository
    from services.library.podcast import Podcasts
    from services.library.store import LibraryStore

    database = roles.open_database(settings, "library", LibraryStore)
    files, pages = open_files(settings), []
    playlists, feed_urls = None, None
    if settings.pages_url:
        feed_urls = FeedUrls(settings.pages_url, settings.pages_key)
        playlists = Playlists(
            database, files, settings.pages_url, settings.pages_key, settings.url_lifetime
        )
        pages += [playlists.page(), *Podcasts(database, files, feed_urls).pages()]
    indexer = open_indexer(
        database, files, settings.search_url, settings.search_ca, settings.search_folder
    )
    servicer = Servicer(
        LibraryApi(
            database,
            files,
            settings.part_size,
            settings.url_lifetime,
            settings.keep_retired,
            settings.run_quota,
            indexer.search,
            playlists,
            feed_urls,
        ),
        library_pb2.DESCRIPTOR.services_by_name["LibraryService"],
        partial(rights.relation, database),
    )
    if settings.oai_url:
        repository = Repository(settings.oai_url, settings.oai_name, settings.oai_admin_email)
        pages.append(OaiPmh(database, repository).page())
    with following(indexer, settings.search_every):
        server.serve(settings, "library", database, [servicer], pages)


def worker(settings: Settings) -> None:
    """Verify uploads, hear who may read what, and do resyncs."""
    from chassis import roles
    from chassis import worker as runtime
    from chassis.resync.work import resyncing
    from services.library.files import open_files
    from services.library.sources import SOURCES
    from services.library.store import LibraryStore
    from services.library.worker import jobs, subscriptions, timers

    database = roles.open_database(settings, "library", LibraryStore)
    files = open_files(settings)
    runtime.serve(
        settings,
        "library",
        database,
        subscriptions(settings.keep_retired),
        timers(files, settings.expire_uploads),
        (*jobs(files), resyncing("library", settings.amqp_url, SOURCES)),
    )


def relay(settings: Settings) -> None:
    """Publish what happened."""
    from chassis import roles
    from chassis.messaging import relay as runtime
    from services.library.store import LibraryStore

    roles.wait_for_database(settings, "library", LibraryStore)
    runtime.serve(settings, "library")


def archiver(settings: Settings) -> None:
    """Archive the history of all services in the S3 store."""
    from chassis import roles
    from chassis.archive import process
    from chassis.archive.store import Bucket
    from services.library.store import LibraryStore

    database = roles.open_database(settings, "library", LibraryStore)
    bucket = Bucket(
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key,
        settings.s3_region,
        settings.archive_bucket,
    )
    process.serve(settings, database, bucket, settings.archive_every)


def migrate(settings: Settings) -> None:
    """Bring the database to this version."""
    from chassis import roles
    from services.library.store import LibraryStore

    roles.migrate(settings, "library", LibraryStore)


def declare(settings: Settings) -> None:
    """Declare the service's queues, and make its bucket."""
    from chassis.messaging import topology
    from services.library.files import open_files
    from services.library.worker import subscriptions

    topology.declare_when_there(settings.amqp_url, subscriptions(), settings.partitions)
    open_files(settings)


if __name__ == "__main__":
    main(
        "library",
        Settings,
        {
            "api": api,
            "worker": worker,
            "relay": relay,
            "archiver": archiver,
            "migrate": migrate,
            "declare": declare,
        },
    )
