"""How text messages and notifications go out, and what can be registered, by the settings."""

from contextlib import nullcontext
from dataclasses import dataclass, field

from chassis.clock import Clock
from chassis.operations.settings import NO_FILE
from services.notify.domain.devices import Codes, PushHosts
from services.notify.domain.rates import Rate
from services.notify.rates import SharedRate
from services.notify.sender_short import Gateways, Off, PushServices, Rates, RatesOf
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
    sms_rate: float = 0.0
    """Text messages a second; 0: without a limit."""
    sms_provider: str = "SMS"
    push_rate: float = 0.0
    """Notifications a second to each push service; 0: without a limit."""
    hosts: PushHosts = field(default_factory=PushHosts)

    def gateway_rate(self, system: Clock) -> Rates:
        """Return what opens the rate of the gateway. `system`: the system's clock."""
        return lambda database: SharedRate(
            database, self.sms_provider, _rate(self.sms_rate), system
        )

    def push_rates(self, system: Clock) -> RatesOf:
        """Return what opens the rates of push services. `system`: the system's clock."""
        return lambda database, endpoint: SharedRate(
            database, f"PUSH:{self.hosts.service(endpoint)}", _rate(self.push_rate), system
        )


OFF = Carriers(
    lambda: nullcontext(Off("TANDEM_SMS_URL")), lambda: nullcontext(Off("TANDEM_PUSH_KEY_FILE"))
)


def offered(settings: Settings) -> Offered:
    """Return what people can register."""
    hosts = PushHosts(settings.hosts)
    return Offered(settings.push_public_key, hosts, _codes(settings), settings.prefixes)


def carriers(settings: Settings) -> Carriers:
    """Return the carriers. Raises BadKey if the keys of web push do not belong together."""
    return Carriers(
        _gateways(settings),
        _push_services(settings),
        _codes(settings),
        settings.sms_rate,
        settings.sms_provider,
        settings.push_rate,
        PushHosts(settings.hosts),
    )


def _rate(per_second: float) -> Rate | None:
    return Rate(per_second) if per_second else None


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
