"""A service of one RPC and one stream, to start as a process: its roles are chassis.roles' own."""

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.operations.settings import NO_FILE, Settings, setting
from chassis.roles import GARBAGE, main, open_database


@dataclass(frozen=True, kw_only=True)
class LittleSettings(Settings):
    """Settings with one of its own."""

    seconds: float = setting("how long a request takes", default=0.0)
    held: Path = setting("file while which is there no request ends", default=NO_FILE)


def api(settings: LittleSettings) -> None:
    """The api role."""
    from tandem.notify.v1 import notify_pb2, notify_pb2_grpc
    from tandem.notify.v1.resources_pb2 import Message, Preferences

    from chassis.data.store import Store
    from chassis.edge import server
    from chassis.edge.methods import Servicer

    class NoStore(Store):
        service = "little"

    class Notify(notify_pb2_grpc.NotifyServiceServicer):
        def GetPreferences(self, request: Any, context: Any) -> Preferences:
            print("in hand", flush=True)
            time.sleep(settings.seconds)
            while settings.held.is_file():
                time.sleep(0.05)
            database.mongo["leases"].find_one()
            return Preferences(person_id=request.person_id)

        def StreamMessages(self, request: Any, context: Any) -> Iterator[Message]:
            yield Message(id="first")
            while context.is_active():
                time.sleep(0.05)

        def _unused(self, request: Any, context: Any) -> Any:
            raise NotImplementedError

        SetPreferences = ListMessages = MarkRead = ListDeliveries = _unused
        ReportBounce = ListSuppressions = RemoveSuppression = _unused
        CreateWebhook = ListWebhooks = ListWebhookDeliveries = _unused
        RotateWebhookSecret = ReplayWebhook = DeleteWebhook = _unused
        DigestCopies = _unused
        ExportPerson = GetErasure = _unused
        RegisterDevice = ConfirmDevice = ListDevices = RemoveDevice = _unused

    database = open_database(settings, "little", NoStore)
    servicer = Servicer(
        Notify(),
        notify_pb2.DESCRIPTOR.services_by_name["NotifyService"],
    )
    server.serve(settings, "little", database, [servicer])


def worker(settings: LittleSettings) -> None:
    """Serves operations from a patched process until it is stopped, as the worker role does."""
    from eventlet import patcher

    from chassis.operations import ops

    server = ops.serve(
        settings.ops_address,
        lambda: {
            "patched": patcher.is_monkey_patched("thread"),
            "collects seldom": gc.get_threshold()[0] == GARBAGE,
        },
    )
    print(server.port, flush=True)
    while True:
        time.sleep(0.05)


if __name__ == "__main__":
    main("little", LittleSettings, {"api": api, "worker": worker})
