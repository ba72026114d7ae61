"""What the use cases need of the store for devices."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from services.notify.domain.devices import Allowance, Device
from services.notify.domain.enums import Channel


class DevicesStore(Protocol):
    """One unit of work's view of devices."""

    def devices(self, person_ids: Iterable[str]) -> dict[str, tuple[Device, ...]]:
        """Return people's devices that get messages, newest first; who has none is left out."""

    def device(self, device_id: str) -> Device | None:
        """Return a device."""

    def put_device(self, device: Device) -> None:
        """Store a device, new or changed."""

    def send_code(self, device: Device) -> None:
        """Store a device, and queue its code to be sent."""

    def remove_devices(self, device_ids: Iterable[str]) -> None:
        """Delete devices."""

    def remove_other_devices(self, device: Device, unconfirmed_only: bool = False) -> None:
        """Delete the person's other devices of its channel, or those that are not confirmed."""

    def count_devices(self, person_id: str, channel: Channel) -> int:
        """Return how many devices of a channel a person has. Two registrations of one person that
        count at once conflict.
        """

    def allowances(self, ids: Sequence[str]) -> list[Allowance]:
        """Return when codes were sent, in the order of the ids."""

    def put_allowances(self, allowances: Iterable[Allowance]) -> None:
        """Store when codes were sent; MongoDB deletes it after a day."""
