"""The gRPC service NotifyService."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import grpc
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc, resources_pb2

from chassis.contracts.mapping import from_message, to_message
from chassis.data.commands import execute
from chassis.data.pages import page_of
from chassis.data.store import Database
from chassis.edge.follow import Following, follows
from chassis.errors import FailedPrecondition, NotFound
from chassis.privacy.rpcs import PersonalDataRpcs
from chassis.resync.rpcs import DigestRpcs
from services.notify import metrics
from services.notify.api_webhooks import WebhooksApi
from services.notify.bounces import read
from services.notify.copies import COPIES
from services.notify.domain.bounces import BounceAddresses
from services.notify.domain.devices import ConfirmDevice, RegisterDevice
from services.notify.domain.messages import Message
from services.notify.domain.preferences import SetPreferences
from services.notify.domain.webhooks import Secrets
from services.notify.ports import Texts
from services.notify.privacy import HOLDINGS
from services.notify.store import NotifyStore
from services.notify.usecases import bounces, devices, inbox
from services.notify.usecases.reading import texts_of

Shown = Callable[[NotifyStore, Collection[Message]], list[resources_pb2.Message]]


class NotifyApi(WebhooksApi, PersonalDataRpcs, DigestRpcs, notify_pb2_grpc.NotifyServiceServicer):
    """Calls a use case for each request, and turns its result into a response."""

    _database: Database[NotifyStore]
    _holdings, _digested = HOLDINGS, COPIES

    def __init__(
        self,
        database: Database[NotifyStore],
        texts: Texts,
        addresses: BounceAddresses | None = None,
        secrets: Secrets | None = None,
        allows_http: bool = False,
        offered: devices.Offered | None = None,
    ) -> None:
        """`addresses`: for mails that come back; None: there are none. `secrets`: of webhooks;
        None: there are none; `allows_http`: whether webhooks may have URLs without TLS. `offered`:
        what devices can be registered; None: none.
        """
        self._secrets, self._allows_http = secrets, allows_http
        self._database, self._texts, self._addresses = database, texts, addresses
        self._offered = offered or devices.Offered()
        self._inboxes = _Inboxes(database, self._shown)

    def SetPreferences(
        self, request: notify_pb2.SetPreferencesRequest, _: grpc.ServicerContext
    ) -> resources_pb2.Preferences:
        command = from_message(request, SetPreferences)
        return execute(
            self._database,
            request,
            resources_pb2.Preferences,
            lambda store: inbox.set_preferences(store, command),
        )

    def GetPreferences(
        self, request: notify_pb2.GetPreferencesRequest, _: grpc.ServicerContext
    ) -> resources_pb2.Preferences:
        found = inbox.get_preferences(self._database.reader(), request.person_id)
        return to_message(found, resources_pb2.Preferences)

    def ListMessages(
        self, request: notify_pb2.ListMessagesRequest, _: grpc.ServicerContext
    ) -> notify_pb2.ListMessagesResponse:
        reader = self._database.reader()
        messages, token = reader.inbox(request.person_id, request.unread_only, page_of(request))
        return notify_pb2.ListMessagesResponse(
            messages=self._shown(reader, messages),
            next_page_token=token,
            unread=reader.unread(request.person_id),
        )

    @follows
    def StreamMessages(
        self, request: notify_pb2.StreamMessagesRequest, _: grpc.ServicerContext
    ) -> Any:
        return Following(self._inboxes, request.person_id, self._first(request))

    def MarkRead(
        self, request: notify_pb2.MarkReadRequest, _: grpc.ServicerContext
    ) -> notify_pb2.MarkReadResponse:
        command = from_message(request, inbox.MarkRead)
        return execute(
            self._database,
            request,
            notify_pb2.MarkReadResponse,
            lambda store: inbox.mark_read(store, command),
        )

    def ListDeliveries(
        self, request: notify_pb2.ListDeliveriesRequest, _: grpc.ServicerContext
    ) -> notify_pb2.ListDeliveriesResponse:
        deliveries, token = self._database.reader().delivery_log(
            request.person_id, request.event_id, page_of(request)
        )
        return notify_pb2.ListDeliveriesResponse(
            deliveries=[to_message(each, resources_pb2.Delivery) for each in deliveries],
            next_page_token=token,
        )

    def ReportBounce(
        self, request: notify_pb2.ReportBounceRequest, _: grpc.ServicerContext
    ) -> notify_pb2.ReportBounceResponse:
        if self._addresses is None:
            raise FailedPrecondition("bounces are off: TANDEM_BOUNCE_ADDRESS is not set")
        bounce = read(self._addresses, request.recipient, request.message)
        metrics.BOUNCES.labels(bounce.report.outcome.lower()).inc()
        return execute(
            self._database,
            request,
            notify_pb2.ReportBounceResponse,
            lambda store: bounces.record_bounce(store, self._texts, bounce),
        )

    def ListSuppressions(
        self, request: notify_pb2.ListSuppressionsRequest, _: grpc.ServicerContext
    ) -> notify_pb2.ListSuppressionsResponse:
        found, token = self._database.reader().suppressions(request.person_id, page_of(request))
        return notify_pb2.ListSuppressionsResponse(
            suppressions=[to_message(each, resources_pb2.Suppression) for each in found],
            next_page_token=token,
        )

    def RemoveSuppression(
        self, request: notify_pb2.RemoveSuppressionRequest, _: grpc.ServicerContext
    ) -> notify_pb2.RemoveSuppressionResponse:
        return execute(
            self._database,
            request,
            notify_pb2.RemoveSuppressionResponse,
            lambda store: bounces.remove_suppression(store, request.suppression_id),
        )

    def RegisterDevice(
        self, request: notify_pb2.RegisterDeviceRequest, _: grpc.ServicerContext
    ) -> resources_pb2.Device:
        command = from_message(request, RegisterDevice)
        return execute(
            self._database,
            request,
            resources_pb2.Device,
            lambda store: devices.register(store, command, self._offered),
        )

    def ConfirmDevice(
        self, request: notify_pb2.ConfirmDeviceRequest, _: grpc.ServicerContext
    ) -> resources_pb2.Device:
        codes = self._offered.codes
        if codes is None:
            raise FailedPrecondition(devices.NO_SMS)
        command = from_message(request, ConfirmDevice)
        # A wrong try is stored, and then refused.
        found = self._database.transact(lambda store: devices.confirm(store, command, codes))
        if found.wrong:
            raise FailedPrecondition(found.wrong)
        return to_message(found.device, resources_pb2.Device)

    def ListDevices(
        self, request: notify_pb2.ListDevicesRequest, _: grpc.ServicerContext
    ) -> notify_pb2.ListDevicesResponse:
        reader = self._database.reader()
        found, token = reader.device_page(request.person_id, page_of(request))
        returned = devices.returned(reader, found)
        return notify_pb2.ListDevicesResponse(
            devices=[
                to_message(each, resources_pb2.Device, returned_at=returned.get(each.id))
                for each in found
            ],
            push_public_key=self._offered.push_public_key,
            takes_numbers=self._offered.codes is not None,
            next_page_token=token,
        )

    def RemoveDevice(
        self, request: notify_pb2.RemoveDeviceRequest, _: grpc.ServicerContext
    ) -> notify_pb2.RemoveDeviceResponse:
        return execute(
            self._database,
            request,
            notify_pb2.RemoveDeviceResponse,
            lambda store: devices.remove(store, request.person_id, request.device_id),
        )

    def _first(self, request: notify_pb2.StreamMessagesRequest) -> int:
        """Return the number of the last message that the caller has."""
        reader, wanted = self._database.reader(), request.after_message_id
        if not wanted:
            return reader.last_numbers([request.person_id]).get(request.person_id, 0)
        found = reader.messages(request.person_id, [wanted])
        if not found:
            raise NotFound(f"no message {wanted} in this inbox")
        return found[0].number or 0

    def _shown(
        self, reader: NotifyStore, messages: Collection[Message]
    ) -> list[resources_pb2.Message]:
        """Return messages as the caller sees them: a few queries, however many they are."""
        overtaken = inbox.overtaken(reader, messages)
        texts = texts_of(reader, self._texts, messages)
        return [
            to_message(
                each,
                resources_pb2.Message,
                overtaken=each.id in overtaken,
                title=texts[each.id].title,
                body=texts[each.id].body,
                language=texts[each.id].language,
            )
            for each in messages
        ]


class _Inboxes:
    """The inboxes as a feed for streams: a key is a person."""

    def __init__(self, database: Database[NotifyStore], shown: Shown) -> None:
        self._database, self._shown = database, shown

    def newest(self, keys: Collection[str]) -> Mapping[str, int]:
        return self._database.reader().last_numbers(keys)

    def after(
        self, key: str, number: int, most: int
    ) -> Sequence[tuple[int, resources_pb2.Message]]:
        reader = self._database.reader()
        messages = reader.inbox_after(key, number, most)
        numbers = [each.number or number for each in messages]
        return list(zip(numbers, self._shown(reader, messages), strict=True))
