"""Registering, confirming and removing devices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chassis.errors import FailedPrecondition, NotFound, check
from services.notify.domain.bounces import address_hash
from services.notify.domain.devices import (
    CODES_OF_PERSON,
    CODES_TO_NUMBER,
    DAY,
    MOST_BROWSERS,
    Codes,
    ConfirmDevice,
    Device,
    PushEndpoint,
    PushHosts,
    RegisterDevice,
    browser,
    is_awaited,
    phone,
    phone_id,
    tried,
    violations_of,
)
from services.notify.domain.enums import Channel
from services.notify.domain.short import Sms
from services.notify.ports import Store

NO_SMS = "text messages are off here: TANDEM_SMS_FROM is not set"
NO_PUSH = "web push is off here: TANDEM_PUSH_PUBLIC_KEY is not set"


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be registered here."""

    push_public_key: str = ""
    """Browsers subscribe with it, in base64url; empty: there is no web push."""
    hosts: PushHosts = field(default_factory=PushHosts)
    codes: Codes | None = None
    """None: numbers can't be registered."""
    prefixes: tuple[str, ...] = ("+",)
    """How numbers may begin."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The result of RemoveDevice."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The result of ConfirmDevice."""

    device: Device
    wrong: str = ""
    """Why the code does not confirm it; empty: it does."""


def register(store: Store, command: RegisterDevice, offered: Offered) -> Device:
    """Register a device, and send a number its code. Raises Invalid, FailedPrecondition."""
    if command.push is not None and not offered.push_public_key:
        raise FailedPrecondition(NO_PUSH)
    if command.phone_number and offered.codes is None:
        raise FailedPrecondition(NO_SMS)
    check(violations_of(command, offered.hosts, offered.prefixes))
    if command.push is not None:
        return _register_browser(store, command, command.push)
    return _register_number(store, command)


def _register_browser(store: Store, command: RegisterDevice, push: PushEndpoint) -> Device:
    device = browser(command, push, store.now)
    count = store.count_devices(command.person_id, Channel.PUSH)
    before = store.device(device.id)
    if count >= MOST_BROWSERS and (before is None or before.person_id != device.person_id):
        raise FailedPrecondition(f"{count} browsers are registered: remove one first")
    store.put_device(device)
    return device


def _register_number(store: Store, command: RegisterDevice) -> Device:
    _allow_code(store, command)
    before = store.device(phone_id(command.person_id, command.phone_number))
    device = phone(command, before, store.new_id(), store.now)
    store.remove_other_devices(device, unconfirmed_only=True)
    store.send_code(device)
    return device


def _allow_code(store: Store, command: RegisterDevice) -> None:
    """Count a code that is to be sent now. Raises FailedPrecondition if it would be too many."""
    limits = {
        f"person:{command.person_id}": CODES_OF_PERSON,
        f"number:{address_hash(command.phone_number)}": CODES_TO_NUMBER,
    }
    before = [each.within(store.now) for each in store.allowances(list(limits))]
    full = [each for each in before if len(each.sent) >= limits[each.id]]
    if full:
        again = max(min(each.sent) for each in full) + DAY
        raise FailedPrecondition(
            f"too many codes were sent today; the next can be sent at {again:%Y-%m-%dT%H:%M:%SZ}"
        )
    after = [replace(each, sent=(*each.sent, store.now)) for each in before]
    store.put_allowances(after)


def confirm(store: Store, command: ConfirmDevice, codes: Codes) -> Confirmed:
    """Try a code; if it is right, the number replaces the person's others, and gets messages even
    if it had refused them before. Raises NotFound.
    """
    before = own(store, command.person_id, command.device_id)
    device, wrong = tried(before, command.code, codes, store.now)
    store.put_device(device)
    if not wrong:
        store.remove_other_devices(device)
        store.remove_suppression(address_hash(device.number))
    return Confirmed(device, wrong)


def remove(store: Store, person_id: str, device_id: str) -> Removed:
    """Remove a device. Raises NotFound."""
    store.remove_devices([own(store, person_id, device_id).id])
    return Removed()


def own(store: Store, person_id: str, device_id: str) -> Device:
    """Return a device of a person. Raises NotFound."""
    found = store.device(device_id)
    if found is None or found.person_id != person_id:
        raise NotFound(f"no device {device_id} of this person")
    return found


def returned(store: Store, devices: Sequence[Device]) -> dict[str, datetime]:
    """Return since when numbers take no messages, by the device's id; others are left out."""
    found = {each.id: store.suppression(address_hash(each.number)) for each in devices
             if each.number}  # fmt: skip
    return {key: each.since for key, each in found.items() if each}


def code_for(store: Store, device_id: str, codes: Codes, words: Callable[[str], str]) -> Sms | None:
    """Return the message with a device's code, in its person's language; None if the code can't be
    used any more. `words`: the text for a language, with {code}.
    """
    device = store.device(device_id)
    if device is None or not is_awaited(device, store.now):
        return None
    person = store.people([device.person_id]).get(device.person_id)
    text = words(person.language if person else "").format(code=codes.code_of(device))
    return Sms(device.id, device.number, text)
