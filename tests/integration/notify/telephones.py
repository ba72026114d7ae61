"""A gateway of text messages, a push service, and a worker that sends to them."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from chassis.jobs.runner import Runner
from services.notify import sender_short
from services.notify.carriers import OFF, Carriers
from services.notify.domain.enums import Category, Channel
from services.notify.domain.messages import Delivery
from services.notify.domain.preferences import CategoryPreference
from services.notify.sms import Twilio
from services.notify.webpush import PushClient
from tests.integration.notify.phones import Browser, Gateway, PushService
from tests.integration.notify.world import TEXTS, World

NUMBER = "+353851234567"


@dataclass
class Phones:
    """A gateway and a push service, and a worker that sends to them."""

    world: World
    gateway: Gateway
    service: PushService
    client: PushClient
    rates: Carriers = OFF
    """The rates of both."""

    def telephone(self, person: str) -> None:
        """A person has confirmed a number."""
        self.world.telephone(person, NUMBER)

    def browser(self, person: str, name: str = "one") -> Browser:
        """A person has registered a browser."""
        made = Browser(self.service, name)
        self.world.browser(person, made.subscription)
        return made

    def choose(self, person: str, *channels: Channel) -> None:
        """A person has chosen channels for catch-ups and classes."""
        chosen = [
            CategoryPreference(each, channels) for each in (Category.CATCH_UP, Category.SESSION)
        ]
        self.world.choose(person, *chosen)

    def send(self) -> None:
        """Let a worker send what is due."""
        self.world.release()
        system, rates = self.world.system, self.rates
        gateways, services = (
            partial(Twilio, self.gateway.url, "Tandem"),
            lambda: nullcontext(self.client),
        )
        for jobs in (
            sender_short.sms(TEXTS, gateways, system, rates.gateway_rate(system)),
            sender_short.push(TEXTS, services, system, rates.push_rates(system)),
        ):
            Runner(self.world.database, jobs, system).run_due()

    def only(self, channel: Channel) -> Delivery:
        """The one delivery on a channel."""
        (found,) = self.world.deliveries(channel=channel)
        return found
