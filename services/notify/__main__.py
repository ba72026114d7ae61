"""Run a role: python -m services.notify api|worker|relay|migrate|declare."""

from chassis.roles import main
from services.notify.settings import Settings


def api(settings: Settings) -> None:
    """Preferences, inbox and delivery log over gRPC."""
    from tandem.notify.v1 import notify_pb2

    from chassis.edge import server
    from chassis.edge.methods import Servicer
    from chassis.roles import open_database
    from services.notify.api import NotifyApi
    from services.notify.store import NotifyStore
    from services.notify.texts import Texts

    database = open_database(settings, "notify", NotifyStore)
    servicer = Servicer(
        NotifyApi(database, Texts()),
        notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    )
    server.serve(settings, "notify", database, [servicer])


def worker(settings: Settings) -> None:
    """Events to messages; reminders and broadcasts by time; mail."""
    from chassis import worker as runtime
    from chassis.clock import SystemClock
    from chassis.roles import open_database
    from services.notify.mail import MailServer
    from services.notify.store import NotifyStore
    from services.notify.texts import Texts
    from services.notify.worker import jobs, subscriptions, timers

    texts, system = Texts(), SystemClock()
    runtime.serve(
        settings,
        "notify",
        open_database(settings, "notify", NotifyStore),
        subscriptions(texts, settings.leads),
        timers(texts, system),
        jobs(
            texts,
            lambda: MailServer(settings.smtp_url, settings.mail_from),
            settings.mail_attempts,
            system,
        ),
    )


def relay(settings: Settings) -> None:
    """What notify tells others, from its outbox to the broker."""
    from chassis import roles
    from chassis.messaging import relay as runtime
    from services.notify.store import NotifyStore

    roles.wait_for_database(settings, "notify", NotifyStore)
    runtime.serve(settings, "notify")


def migrate(settings: Settings) -> None:
    """Bring the database to this version."""
    from chassis import roles
    from services.notify.store import NotifyStore

    roles.migrate(settings, "notify", NotifyStore)


def declare(settings: Settings) -> None:
    """The service's queues."""
    from chassis.messaging import topology
    from services.notify.texts import Texts
    from services.notify.worker import subscriptions

    topology.declare_when_there(
        settings.amqp_url, subscriptions(Texts(), settings.leads), settings.partitions
    )


if __name__ == "__main__":
    main(
        "notify",
        Settings,
        {"api": api, "worker": worker, "relay": relay, "migrate": migrate, "declare": declare},
    )
