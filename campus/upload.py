"""Uploads a file to the library like any client: start, PUT the parts, complete."""

import hashlib
from urllib.parse import urlsplit

import urllib3
from tandem.library.v1 import library_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from campus.services import Services

_http = urllib3.PoolManager()


class UploadError(Exception):
    """The S3 store refused to store or to read a part."""


def upload(
    services: Services,
    title: str,
    content: bytes,
    kind: "types_pb2.ItemKind.ValueType",
    media_type: str,
    run_ids: list[str] | None = None,
    request_id: str = "",
    store: str = "",
) -> str:
    """Upload `content`; return the item's id. It is AVAILABLE after the library has verified it.

    `store`: the S3 store's address from here, if it differs from the public one. Raises
    UploadError if the store refuses a part.
    """
    started = services.library.StartUpload(
        library_pb2.StartUploadRequest(
            request_id=request_id,
            kind=kind,
            metadata=resources_pb2.Metadata(title=title),
            media_type=media_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            run_ids=run_ids or [],
        )
    )
    for part in started.parts:
        if not part.stored:
            _put(part.url, content[part.offset : part.offset + part.size], store)
    services.library.CompleteUpload(library_pb2.CompleteUploadRequest(upload_id=started.id))
    return started.item_id


def read_range(url: str, first: int, last: int) -> bytes:
    """Return bytes `first` to `last`, both included, of a read URL's file (RFC 9110, section 14).

    Raises UploadError if the store answers with anything else.
    """
    answer = _http.request("GET", url, headers={"Range": f"bytes={first}-{last}"})
    if answer.status != 206:
        raise UploadError(f"the store answered {answer.status} to a range request; expected 206")
    return answer.data


def _put(url: str, body: bytes, store: str) -> None:
    public = urlsplit(url)
    # The signature covers the header Host, so it stays the public address.
    way = url.replace(f"{public.scheme}://{public.netloc}", store, 1) if store else url
    answer = _http.request("PUT", way, body=body, headers={"Host": public.netloc})
    if answer.status != 200:
        raise UploadError(f"the store answered {answer.status} to a part: {answer.data[:200]!r}")
