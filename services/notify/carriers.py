"""How text messages and notifications go out, and what can be registered, by the settings."""

from contextlib import nullcontext
from dataclasses import dataclass

from chassis.operations.settings import NO_FILE
from services.notify.domain.devices import Codes, PushHosts
from services.notify.sender_short import Gateways, Off, PushServices
from services.notify.settings import Settings
from services.notify.sms import Twilio
from services.notify.usecases.devices import Offered
from services.notify.webpush import BadKey, PushClient, vapid


@dataclass(frozen=True)
class Carriers:
    """The carriers of the channels for which people need a device."""

    gateways: Gateways
    push_services: PushServices
    codes: Codes | None = None
    """None: no number can be confirmed."""


OFF = Carriers(
    lambda: nullcontext(Off("TANDEM_SMS_URL")), lambda: nullcontext(Off("TANDEM_PUSH_KEY_FILE"))
)


def offered(settings: Settings) -> Offered:
    """Return what people can register."""
    hosts = PushHosts(settings.hosts)
    return Offered(settings.push_public_key, hosts, _codes(settings), settings.prefixes)


def carriers(settings: Settings) -> Carriers:
    """Return the carriers. Raises BadKey if the keys of web push do not belong together."""
    return Carriers(_gateways(settings), _push_services(settings), _codes(settings))


def _codes(settings: Settings) -> Codes | None:
    return Codes(settings.pages_key) if settings.sms_from else None


def _gateways(settings: Settings) -> Gateways:
    if not settings.sms_url:
        return OFF.gateways
    return lambda: Twilio(settings.sms_url, settings.sms_from)


def _push_services(settings: Settings) -> PushServices:
    if settings.push_key_file == NO_FILE:
        return OFF.push_services
    signer, hosts = vapid(settings.push_key_file, settings.mail_from), PushHosts(settings.hosts)
    if signer.public_key != settings.push_public_key:
        raise BadKey(f"TANDEM_PUSH_PUBLIC_KEY must be {signer.public_key}, of the key in the file")
    return lambda: PushClient(signer, hosts)
