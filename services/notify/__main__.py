"""Run a role: python -m services.notify api|worker|relay|webhooks|migrate|declare."""

from chassis.roles import main
from services.notify.settings import Settings


def api(settings: Settings) -> None:
    """Preferences, devices, inbox and delivery log; the page by which people unsubscribe."""
    from tandem.notify.v1 import notify_pb2

    from chassis.edge import server
    from chassis.edge.methods import Servicer
    from chassis.roles import open_database
    from services.notify.addresses import bounce_addresses, secrets_of, unsubscribe_urls
    from services.notify.api import NotifyApi
    from services.notify.carriers import offered
    from services.notify.pages_unsubscribe import Unsubscribing
    from services.notify.store import NotifyStore
    from services.notify.texts import Texts

    database = open_database(settings, "notify", NotifyStore)
    servicer = Servicer(
        NotifyApi(
            database,
            Texts(),
            bounce_addresses(settings.bounce_address, settings.pages_key),
            secrets_of(settings.webhooks_key),
            allows_http=bool(settings.networks),
            offered=offered(settings),
        ),
        notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    )
    urls = unsubscribe_urls(settings.pages_url, settings.pages_key)
    pages = Unsubscribing(database, urls, Texts()).pages() if urls else []
    server.serve(settings, "notify", database, [servicer], pages)


def worker(settings: Settings) -> None:
    """Events to messages; reminders and broadcasts by time; mail, text messages, notifications."""
    from chassis import worker as runtime
    from chassis.clock import SystemClock
    from chassis.roles import open_database
    from services.notify.addresses import bounce_addresses, unsubscribe_urls
    from services.notify.carriers import carriers
    from services.notify.mail import MailServer, Marks
    from services.notify.rates import limits
    from services.notify.signing import signer
    from services.notify.store import NotifyStore
    from services.notify.texts import Texts
    from services.notify.worker import jobs, subscriptions, timers

    texts, system = Texts(), SystemClock()
    marks = Marks(
        signer(settings.dkim_key_file, settings.dkim_selector, settings.signing_domain),
        unsubscribe_urls(settings.pages_url, settings.pages_key),
        bounce_addresses(settings.bounce_address, settings.pages_key),
    )
    runtime.serve(
        settings,
        "notify",
        open_database(settings, "notify", NotifyStore),
        subscriptions(texts, settings.leads),
        timers(texts, system, settings.forgotten),
        jobs(
            texts,
            lambda: MailServer(settings.smtp_url, settings.mail_from, marks=marks),
            settings.mail_attempts,
            system,
            limits(settings.mail_provider, settings.mail_rate, system),
            carriers(settings),
        ),
    )


def relay(settings: Settings) -> None:
    """What notify tells others, from its outbox to the broker."""
    from chassis import roles
    from chassis.messaging import relay as runtime
    from services.notify.store import NotifyStore

    roles.wait_for_database(settings, "notify", NotifyStore)
    runtime.serve(settings, "notify")


def webhooks(settings: Settings) -> None:
    """Send webhooks their events, and replay those of the past."""
    from chassis.clock import SystemClock
    from chassis.jobs import process
    from chassis.roles import open_database
    from services.notify.addresses import secrets_of
    from services.notify.archives import archive_of
    from services.notify.store import NotifyStore
    from services.notify.webhook_replays import replays
    from services.notify.webhook_turns import turns

    database = open_database(settings, "notify", NotifyStore)
    secrets = secrets_of(settings.webhooks_key)
    jobs = (
        [
            turns(
                secrets,
                settings.networks,
                SystemClock(),
                settings.webhooks_within.total_seconds(),
            ),
            replays(settings.amqp_url, archive_of(settings)),
        ]
        if secrets
        else []
    )
    process.serve(settings, "notify", database, jobs)


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
        {
            "api": api,
            "worker": worker,
            "relay": relay,
            "webhooks": webhooks,
            "migrate": migrate,
            "declare": declare,
        },
    )
