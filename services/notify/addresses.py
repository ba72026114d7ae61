"""What the settings make of keys: the addresses that mails have, and the secrets of webhooks."""

from chassis.capabilities import CapabilityUrls
from services.notify.domain.bounces import BounceAddresses
from services.notify.domain.webhooks import Secrets


def unsubscribe_urls(base: str, key: str) -> CapabilityUrls | None:
    """Return the URLs by which people unsubscribe, each of a delivery; None without a base."""
    return CapabilityUrls(base, key, "unsubscribe") if base else None


def bounce_addresses(address: str, key: str) -> BounceAddresses | None:
    """Return the addresses for mails that come back; None without a mailbox."""
    return BounceAddresses(address, key) if address else None


def secrets_of(key: str) -> Secrets | None:
    """Return the secrets of webhooks; None without a key: there are no webhooks."""
    return Secrets(key) if key else None
