"""Mail: what notify's workers send a second, beside smtplib over one kept connection.

Ours marks, checks, sends, settles and publishes an outcome for each mail; the peer has the same
bytes in memory and keeps no books.
"""

import os
import smtplib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench import rig
from bench.figures import Figure, beside
from campus.stack.smtp import SMTP, read_mail
from chassis.clock import SystemClock
from chassis.data.store import Database, connect
from services.notify import samples
from services.notify.domain.enums import Channel, Kind
from services.notify.domain.messages import Mail, compose
from services.notify.domain.notices import Notice
from services.notify.domain.people import Person
from services.notify.mail import write
from services.notify.store import NotifyStore
from services.notify.texts import Texts

MAILS = int(os.environ.get("BENCH_MAILS", "20000"))
ROUNDS = 3
PART = 500
DATABASE = "bench_notify"
SENDER = "tandem@university.example"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
KIND = Kind.SESSION_CANCELLED
VALUES = samples.sample(KIND)
TEXT = Texts().write_mail(KIND, "en", "Europe/Dublin", "Ada Lovelace", VALUES)


def measure() -> Iterator[Figure]:
    """With one replica of the worker, and with two. The sink is the benchmark's own."""
    sink = SMTP(rig.FOLDER / "sink")
    sink.start()
    try:
        yield beside("mail", "mails/s", 0.3, ROUNDS, lambda: _ours(sink, 1), lambda: _peer(sink))
        two = "mail, two replicas"
        yield beside(two, "mails/s", None, ROUNDS, lambda: _ours(sink, 2), lambda: _peer(sink))
    finally:
        sink.stop()


def _ours(sink: SMTP, replicas: int) -> float:
    outcomes = _queued().mongo["outbox"]
    settings = {
        "TANDEM_MONGO_DATABASE": DATABASE,
        "TANDEM_MAIL_FROM": SENDER,
        "TANDEM_SMTP_URL": sink.address,
    }
    rig.run("services.notify", "declare", settings=settings)
    with ExitStack() as stack:
        for _ in range(replicas):
            stack.enter_context(rig.running("services.notify", "worker", settings=settings))
        rate = rig.rate(outcomes.estimated_document_count, MAILS)
    _check_arrived(sink.mail)
    return rate


def _peer(sink: SMTP) -> float:
    url = urlsplit(sink.address)
    texts = [write(_mail(number), SENDER).as_bytes() for number in range(MAILS)]
    with smtplib.SMTP(url.hostname or "", url.port or 25, "university.example") as connection:
        began = time.perf_counter()
        for number, text in enumerate(texts):
            connection.sendmail(SENDER, _address(number), text)
        rate = MAILS / (time.perf_counter() - began)
    _check_arrived(sink.mail)
    return rate


def _queued() -> Database[NotifyStore]:
    """A database in which all mails are queued, and nothing was told of them yet."""
    client = connect(rig.environment()["TANDEM_MONGO_URL"], "bench")
    client.drop_database(DATABASE)
    database = Database(client, DATABASE, NotifyStore, SystemClock())
    database.prepare()
    for first in range(0, MAILS, PART):
        numbers = range(first, min(first + PART, MAILS))
        database.transact(partial(_queue, numbers=numbers))
    return database


def _queue(store: NotifyStore, numbers: range) -> None:
    store.put_replicas([_person(number) for number in numbers])
    notice = Notice("event", "tandem.sessions.session.cancelled.v1", KIND, VALUES)
    channels = [Channel.EMAIL]
    store.add_notifications(
        [compose(notice, f"p{number}", channels, TEXT, None, store.now) for number in numbers]
    )


def _person(number: int) -> Person:
    return Person(f"p{number}", "Ada Lovelace", _address(number), "en", "Europe/Dublin", 1)


def _mail(number: int) -> Mail:
    return Mail(f"mail-{number}", _address(number), TEXT, AT)


def _address(number: int) -> str:
    return f"learner-{number}@students.university.example"


def _check_arrived(folder: Path) -> None:
    """Raise where not each mail is in the sink once; then empty it."""
    arrived = [str(mail["To"]) for mail in read_mail(folder)]
    for file in folder.glob("*.eml"):
        file.unlink()
    if len(arrived) != MAILS or len(set(arrived)) != MAILS:
        raise RuntimeError(f"{len(arrived)} mails of {len(set(arrived))} people, not {MAILS}")
