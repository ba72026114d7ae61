"""Run a role: python -m services.sessions api|live|worker|solver|meetings|relay|migrate|declare."""

from chassis.operations.settings import NO_FILE
from chassis.roles import main
from services.sessions.settings import Settings


def api(settings: Settings) -> None:
    """Answer requests by gRPC and HTTP."""
    from functools import partial

    from tandem.sessions.v1 import sessions_pb2

    from chassis import roles
    from chassis.edge import server
    from chassis.edge.methods import Servicer
    from services.sessions import rights
    from services.sessions.api import SessionsApi
    from services.sessions.meeting_pool import MeetingPool
    from services.sessions.pages_calendars import Calendars, feed_urls
    from services.sessions.pages_joining import Doors, join_urls
    from services.sessions.store import SessionsStore

    pool = MeetingPool(settings.meetings_file, settings.webhooks_url)
    database = roles.open_database(settings, "sessions", SessionsStore)
    secret = settings.pages_url, settings.pages_key
    urls = feed_urls(*secret) if settings.pages_url else None
    doors = Doors(database, pool, join_urls(*secret) if settings.pages_url else None)
    servicer = Servicer(
        SessionsApi(database, urls, settings.online_seats, doors),
        sessions_pb2.DESCRIPTOR.services_by_name["SessionsService"],
        partial(rights.relation, database),
    )
    pages = [*doors.pages(), *([Calendars(database, urls).page()] if urls else [])]
    server.serve(settings, "sessions", database, [servicer], pages)


def live(settings: Settings) -> None:
    """Serve the live channel of classes."""
    from chassis import roles
    from services.sessions.live import server

    announcer = server.Announcer()
    database = roles.open_database(settings, "sessions", announcer.store)
    server.serve(settings, database, announcer)


def worker(settings: Settings) -> None:
    """Apply others' events, and do resyncs."""
    from chassis import roles
    from chassis import worker as runtime
    from chassis.resync.work import resyncing
    from services.sessions import privacy
    from services.sessions.sources import SOURCES
    from services.sessions.store import SessionsStore
    from services.sessions.timers_meetings import meeting_timers
    from services.sessions.worker import subscriptions, timers

    database = roles.open_database(settings, "sessions", SessionsStore)
    notice = settings.meetings_ahead, settings.meetings_warning
    watch = [*timers(settings.end_grace), *meeting_timers(*notice)]
    jobs = (privacy.jobs(), resyncing("sessions", settings.amqp_url, SOURCES))
    runtime.serve(settings, "sessions", database, subscriptions(), watch, jobs)


def solver(settings: Settings) -> None:
    """Solve and apply timetables."""
    from chassis import roles
    from chassis.jobs import process
    from services.sessions.solver_child import USUAL_PYTHON, Solver
    from services.sessions.solving import solving
    from services.sessions.store import SessionsStore

    database = roles.open_database(settings, "sessions", SessionsStore)
    python = USUAL_PYTHON if settings.timetabler_python == NO_FILE else settings.timetabler_python
    memory = settings.timetabler_memory * 2**20
    child = Solver(python, memory, settings.timetabler_workers)
    process.serve(settings, "sessions", database, [solving(child, settings.online_seats)])


def meetings(settings: Settings) -> None:
    """Make and end online meetings; copy their recordings."""
    from chassis import roles
    from chassis.edge.grpc import client
    from chassis.jobs import process
    from services.sessions.jobs_meetings import hosting, linking
    from services.sessions.jobs_recordings import Means, copying
    from services.sessions.library_uploads import GrpcLibrary
    from services.sessions.meeting_pool import MeetingPool
    from services.sessions.providers.http import Limits
    from services.sessions.store import SessionsStore

    pool = MeetingPool(settings.meetings_file, settings.webhooks_url)
    database = roles.open_database(settings, "sessions", SessionsStore)
    total, size = settings.recordings_seconds.total_seconds(), settings.recordings_size * 2**20
    with client.channel(settings.library_target, settings) as channel:
        library = GrpcLibrary(channel, settings.recordings_store)
        means = Means(pool, library, Limits(read=60.0, total=total, size=size))
        jobs = [hosting(pool, settings.meetings_calls), linking(pool), copying(means)]
        process.serve(settings, "sessions", database, jobs)


def relay(settings: Settings) -> None:
    """Publish what happened."""
    from chassis import roles
    from chassis.messaging import relay as runtime
    from services.sessions.store import SessionsStore

    roles.wait_for_database(settings, "sessions", SessionsStore)
    runtime.serve(settings, "sessions")


def migrate(settings: Settings) -> None:
    """Bring the database to this version."""
    from chassis import roles
    from services.sessions.store import SessionsStore

    roles.migrate(settings, "sessions", SessionsStore)


def declare(settings: Settings) -> None:
    """Declare the service's queues."""
    from chassis.messaging import topology
    from services.sessions.worker import subscriptions

    topology.declare_when_there(settings.amqp_url, subscriptions(), settings.partitions)


if __name__ == "__main__":
    main(
        "sessions",
        Settings,
        {
            "api": api,
            "live": live,
            "worker": worker,
            "solver": solver,
            "meetings": meetings,
            "relay": relay,
            "migrate": migrate,
            "declare": declare,
        },
    )
