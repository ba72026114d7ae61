"""The addresses that mails have by the settings: of the page that unsubscribes, and for bounces."""

from chassis.capabilities import CapabilityUrls
from services.notify.domain.bounces import BounceAddresses


def unsubscribe_urls(base: str, key: str) -> CapabilityUrls | None:
    """Return the URLs by which people unsubscribe, each of a delivery; None without a base."""
    return CapabilityUrls(base, key, "unsubscribe") if base else None


def bounce_addresses(address: str, key: str) -> BounceAddresses | None:
    """Return the addresses for mails that come back; None without a mailbox."""
    return BounceAddresses(address, key) if address else None
