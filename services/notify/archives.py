"""The archive of the history, which replays of webhooks read."""

from chassis.archive.archive import Archive
from chassis.archive.store import Bucket
from services.notify.settings import Settings


def archive_of(settings: Settings) -> Archive | None:
    """Return the archive; None if there is no key for it: then replays read the history only."""
    if not settings.s3_access_key:
        return None
    return Archive(
        Bucket(
            settings.s3_endpoint,
            settings.s3_access_key,
            settings.s3_secret_key,
            settings.s3_region,
            settings.archive_bucket,
        )
    )
