"""What the library is told by its environment."""

import dataclasses
from datetime import timedelta

from chassis import settings
from chassis.settings import setting

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
SECOND = timedelta(seconds=1)
PART = 16 * 2**20
SMALLEST_PART, LARGEST_PART = 5 * 2**20, 5 * 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """What every service is told, and where the files are."""

    s3_endpoint: str = setting("the S3 store: http://host:port or https://host (api, worker)")
    s3_public_endpoint: str = setting(
        "the same store as clients of presigned URLs reach it; empty: by s3_endpoint", default=""
    )
    s3_access_key: str = setting("its access key (api, worker)")
    s3_secret_key: str = setting("its secret key (api, worker)")
    s3_bucket: str = setting("the bucket; made where it is missing", default="tandem")
    s3_region: str = setting("the region that requests are signed for", default="us-east-1")
    url_lifetime: timedelta = setting("how long presigned URLs hold, in seconds", default=HOUR)
    part_size: int = setting("bytes of an upload's part, 5 MiB or more", default=PART)
    expire_uploads: timedelta = setting(
        "when uploads that nobody completed are given up, in seconds", default=WEEK
    )

    def faults(self) -> list[str]:
        """What contradicts itself."""
        found = super().faults()
        found += [
            f"TANDEM_{name.upper()} is {value!r}; right would be http(s)://host"
            for name in ("s3_endpoint", "s3_public_endpoint")
            if (value := getattr(self, name)) and not value.startswith(("http://", "https://"))
        ]
        if not self.s3_endpoint:
            found.append("TANDEM_S3_ENDPOINT is empty; right would be http(s)://host")
        if not SECOND <= self.url_lifetime <= WEEK:
            found.append("TANDEM_URL_LIFETIME: S3 signs for 1 second to 7 days (604800)")
        if not SMALLEST_PART <= self.part_size <= LARGEST_PART:
            found.append("TANDEM_PART_SIZE: S3 takes parts of 5 MiB to 5 GiB (in bytes)")
        if self.expire_uploads < HOUR:
            found.append("TANDEM_EXPIRE_UPLOADS: an upload gets an hour (3600) at least")
        return found
