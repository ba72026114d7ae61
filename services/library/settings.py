"""What the library is told by its environment."""

import dataclasses
from datetime import timedelta

from chassis import settings
from chassis.settings import setting

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
PART = 16 * 2**20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """What every service is told, and where the files are."""

    s3_endpoint: str = setting("the S3 store: http://host:port or https://host (api, worker)")
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
        if not self.s3_endpoint.startswith(("http://", "https://")):
            found.append(
                f"TANDEM_S3_ENDPOINT is {self.s3_endpoint!r}; right would be http(s)://host"
            )
        if not timedelta() < self.url_lifetime <= WEEK:
            found.append("TANDEM_URL_LIFETIME: S3 signs for up to 7 days (604800)")
        return found
