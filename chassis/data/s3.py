"""Clients of an S3 store, and what its errors mean."""

from urllib.parse import urlsplit

import urllib3
from minio import Minio

# Error codes of an S3 store for a file that can't be read any more. BrokenMPU: Swift lacks a part
# of it; InvalidObjectState: it was moved to an archive.
GONE = ("NoSuchUpload", "NoSuchKey", "BrokenMPU", "InvalidObjectState")
# Error codes of an S3 store that fails itself, not because of the file. InvalidPart: a part was
# uploaded again after we listed the parts; the next attempt lists it.
AWAY = (
    "InternalError",
    "InvalidPart",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
)
OURS_ALREADY = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")
# Seconds. QUICK is for small requests: two attempts fit into the 10 s that a caller waits, so a
# slow store can't occupy all threads of the api. PATIENT is for requests that move or make a file.
QUICK = urllib3.Timeout(connect=2, read=4)
PATIENT = urllib3.Timeout(connect=5, read=60)
# One retry, because the store may have closed a pooled connection; more retries are the caller's
# task. POST (complete) is tried again only if it did not reach the store.
RETRIES = urllib3.Retry(total=1, redirect=0, status=0)


def client(
    endpoint: str, access_key: str, secret_key: str, region: str, timeout: urllib3.Timeout
) -> Minio:
    """Return a client of the store at `endpoint` (http://host:port); it sends no request yet."""
    address = urlsplit(endpoint)
    return Minio(
        address.netloc,
        access_key=access_key,
        secret_key=secret_key,
        secure=address.scheme == "https",
        # given, so that minio does not ask the store for the bucket's region
        region=region,
        http_client=urllib3.PoolManager(timeout=timeout, maxsize=32, retries=RETRIES),
    )
