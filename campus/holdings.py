"""What all services hold of people, as their code declares it."""

from collections.abc import Iterator

from chassis.privacy.holdings import Holding


def all_holdings() -> Iterator[tuple[str, Holding]]:
    """Yield each kind of record, with its service."""
    # Imported here, because only this function needs the services' code.
    from services.catalog import privacy as catalog
    from services.library import privacy as library
    from services.notify import privacy as notify
    from services.progress import privacy as progress
    from services.sessions import privacy as sessions

    declared = {
        "catalog": catalog.HOLDINGS,
        "library": library.HOLDINGS,
        "sessions": sessions.HOLDINGS,
        "progress": progress.HOLDINGS,
        "notify": notify.HOLDINGS,
    }
    for service, holdings in declared.items():
        for holding in holdings:
            yield service, holding
