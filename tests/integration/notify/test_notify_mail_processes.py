"""The roles as processes: a mail is signed, ends by one click, and comes back by the command."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dkim
import httpx
import pytest
from click.testing import CliRunner

from campus.cli import cli
from chassis.clock import SystemClock
from chassis.data.store import Database
from chassis.testing import AUDIENCE, ISSUER, Issuer
from services.notify.domain.bounces import address_hash
from services.notify.domain.enums import Category, Channel, DeliveryState, Frequency
from services.notify.store import NotifyStore
from tests.integration.notify.dns import KEY, answer_of_dns, write_key
from tests.integration.notify.world import Mailbox, World, address_of
from tests.integration.processes import RoleProcess, declare, eventually, role
from tests.reports import dsn

PAGES = "https://api.university.example"


@pytest.fixture
def real(make_database: Callable[[type[NotifyStore]], Database[NotifyStore]]) -> World:
    """A world on the system's clock: the worker has no other."""
    made = make_database(NotifyStore)
    database = Database(made.client, made.mongo.name, NotifyStore, SystemClock())
    return World(database, SystemClock(), SystemClock())


@pytest.fixture
def issuer() -> Issuer:
    """Who gives tokens."""
    return Issuer()


@pytest.fixture
def environment(
    stack: dict[str, str], vhost: str, real: World, issuer: Issuer, tmp_path: Path
) -> dict[str, str]:
    """The environment of an installation with all that mails can have."""
    variables = {
        **stack,
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_JWKS_URL": issuer.write_jwks(tmp_path / "jwks.json"),
        "TANDEM_TOKEN_ISSUER": ISSUER,
        "TANDEM_TOKEN_AUDIENCE": AUDIENCE,
        "TANDEM_AMQP_URL": vhost,
        "TANDEM_MONGO_DATABASE": real.database.mongo.name,
        "TANDEM_MAIL_FROM": "tandem@university.example",
        "TANDEM_PAGES_URL": PAGES,
        "TANDEM_PAGES_KEY": "k" * 32,
        "TANDEM_BOUNCE_ADDRESS": "bounces@university.example",
        "TANDEM_DKIM_KEY_FILE": str(write_key(tmp_path / "dkim.pem", KEY)),
        "TANDEM_DKIM_SELECTOR": "s1",
    }
    declare("notify", variables)
    return variables


def received(mailbox: Mailbox, person_id: str) -> bytes:
    """The mail to a person as the server received it."""
    (found,) = [raw for raw in mailbox.raw() if f"To: {address_of(person_id)}".encode() in raw]
    return found


def command(*words: str, message: bytes = b"") -> tuple[int, Any]:
    """What a command exits with, and its answer in JSON."""
    done = CliRunner().invoke(cli, ["notify", *words, "--json"], input=message)
    return done.exit_code, json.loads(done.stdout) if done.stdout else None


def test_a_mail_from_its_signature_to_its_return(
    real: World,
    environment: dict[str, str],
    mailbox: Mailbox,
    ada: str,
    issuer: Issuer,
    tmp_path: Path,
) -> None:
    """The worker's mail has a valid signature, a link that the api answers, and an envelope by
    which the command reports it; an operator lists and removes what follows.
    """
    real.people(ada)
    real.tell(real.assigned(ada))
    with role("notify", "worker", environment):
        eventually(lambda: real.mails_in(DeliveryState.DELIVERED))
    assert dkim.verify(received(mailbox, ada), dnsfunc=answer_of_dns)
    (mail,) = mailbox.mails(ada)
    link = str(mail["List-Unsubscribe"]).strip("<>")
    assert link.startswith(f"{PAGES}/unsubscribe/")
    api = RoleProcess(["-m", "services.notify", "api"], environment)
    try:
        here = link.replace(PAGES, api.url())
        clicked = httpx.post(here, data={"List-Unsubscribe": "One-Click"}, timeout=60)
        assert clicked.status_code == 200
        chosen = real.database.reader().choices([ada])[ada].categories
        assert chosen == {Category.CATCH_UP: {Channel.IN_APP: Frequency.IMMEDIATE}}

        target = f"127.0.0.1:{api.listening()['port']}"
        tokens = {name: tmp_path / name for name in ("service", "operator")}
        for name, file in tokens.items():
            file.write_text(issuer.token(name, [name]))
        as_server = ("--target", target, "--token-file", str(tokens["service"]))
        as_operator = ("--target", target, "--token-file", str(tokens["operator"]))
        back, report = str(mail["X-Envelope-From"]), dsn("failed", "5.1.1")
        assert command("bounce", back, *as_server, message=report) == (
            0,
            {"outcome": "SUPPRESSED"},
        )
        assert command("bounce", back, *as_server, message=b"I am away") == (65, None)
        assert command("bounce", "x@y.example", *as_server, message=report) == (65, None)
        assert command("bounce", back, *as_operator, message=report) == (75, None)
        code, (row,) = command("suppressions", *as_operator)
        id_ = address_hash(address_of(ada))
        assert (code, row["id"], row["person"], row["code"]) == (0, id_, ada, "5.1.1")
        assert command("suppressions", "--remove", id_, *as_operator) == (0, {"id": id_})
        assert command("suppressions", *as_operator) == (0, [])
        assert command("suppressions", "--remove", id_, *as_operator) == (1, None)
    finally:
        stopped = api.stop()
    assert stopped == 0
    assert command("bounce", back, *as_server, message=report) == (75, None)


def test_an_api_without_the_setting_has_no_page(environment: dict[str, str]) -> None:
    """Without TANDEM_PAGES_URL there is no page."""
    less = {key: value for key, value in environment.items() if key != "TANDEM_PAGES_URL"}
    api = RoleProcess(["-m", "services.notify", "api"], less)
    try:
        assert httpx.get(f"{api.url()}/unsubscribe/x", timeout=60).status_code == 404
        assert "this link" not in httpx.get(f"{api.url()}/unsubscribe/x", timeout=60).text
    finally:
        api.kill()
