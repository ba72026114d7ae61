"""Notify on a real MongoDB, with the real mail sink."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc

from chassis.edge.methods import Servicer
from chassis.testing import ChannelFor, running
from services.notify import announcer, api
from services.notify.domain.devices import PushHosts
from services.notify.store import NotifyStore
from services.notify.webpush import PushClient, vapid, write_key
from tests.integration.notify.digests import MONDAY
from tests.integration.notify.hooks import SECRETS, Hooks
from tests.integration.notify.phones import Gateway, PushService, listening
from tests.integration.notify.receivers import Receiver, receiving
from tests.integration.notify.telephones import Phones
from tests.integration.notify.world import TEXTS, Mailbox, World


class SystemClockOfTests:
    """The system's clock, as far as notify's jobs know: it stands until a test moves it."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC) + timedelta(hours=1)  # what is queued now is due

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def world(
    make_database: Callable[[type[NotifyStore]], Any], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A university without people yet; a run of a timer does all there is, however slowly."""
    monkeypatch.setattr(announcer, "BUDGET", 600.0)
    return World(make_database(NotifyStore), clock, SystemClockOfTests())


@pytest.fixture
def channel_for(world: World) -> Iterator[ChannelFor]:
    """Channels to the API on behalf of callers."""
    servicer = Servicer(
        api.NotifyApi(world.database, TEXTS),
        notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    )
    with running([servicer], world.database) as channels:
        yield channels


@pytest.fixture
def mailbox(stack: dict[str, str]) -> Mailbox:
    """The real mail sink."""
    return Mailbox(stack["TANDEM_SMTP_URL"], Path(stack["TANDEM_MAIL_FOLDER"]))


@pytest.fixture
def ada() -> str:
    """A person whom no other test knows: the mail sink is everyone's."""
    return f"ada-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def monday(world: World) -> None:
    """It is a Monday morning."""
    world.clock.at = MONDAY


@pytest.fixture
def hooks(world: World) -> Iterator[Hooks]:
    """An API with webhooks, of which there are none yet, as an operator calls it."""
    contract = notify_pb2.DESCRIPTOR.services_by_name["NotifyService"]
    notify = api.NotifyApi(world.database, TEXTS, secrets=SECRETS, allows_http=True)
    with running([Servicer(notify, contract)], world.database) as channels:
        yield Hooks(world, notify_pb2_grpc.NotifyServiceStub(channels("op", "operator")))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with receiving() as one:
        yield one


@pytest.fixture
def phones(world: World, tmp_path: Path) -> Iterator[Phones]:
    """Both servers."""
    write_key(tmp_path / "key.pem")
    signer = vapid(tmp_path / "key.pem", "tandem@university.example")
    gateway, service = Gateway(), PushService(signer.public_key)
    with (
        listening(gateway),
        listening(service),
        PushClient(signer, PushHosts(("127.0.0.1",))) as client,
    ):
        yield Phones(world, gateway, service, client)
