"""The archive: files of events in an S3 store, by day and type, for good.

It needs minio: `pip install tandem-events[archive]`.

    events/<UTC day>/<type>/<span>.jsonl.gz   events in lines: CloudEvents in JSON (1.0.2)
    segments/<span>.json                      the files of a span of offsets, with their hashes

A file counts only if the segment of its span names it.

Names, addresses and texts are encrypted in the archive, and the keys stay in Tandem. Such an event
comes without these fields, and `Event.is_sealed` says so.
"""

import base64
import gzip
import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from minio import Minio
from minio.error import S3Error

from tandem_events.event import PREFIX, Event, UnreadableError, read
from tandem_events.inbox import Gap
from tandem_events.refilling import Wanted

ENDING = ".jsonl.gz"
# Members of a line that are no attributes.
OTHERS = ("offset", "datacontenttype", "data", "data_base64", "sealed")

log = logging.getLogger("tandem_events")


class Archive:
    """The archive in a bucket. The key needs the rights to list the bucket and to read it."""

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str = "tandem-history",
        region: str = "us-east-1",
    ) -> None:
        """`endpoint`: of the S3 store, http://host:port or https://host."""
        address = urlsplit(endpoint)
        self._client = Minio(
            address.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=address.scheme == "https",
            region=region,
        )
        self._bucket = bucket

    def events(self, gaps: Sequence[Gap]) -> Iterator[Event]:
        """Yield the events of these gaps that the archive has, in order.

        Only files of their days and services are read; one that is damaged is logged, and what it
        had is missing. Raises minio.error.MinioException and urllib3.exceptions.HTTPError.
        """
        wanted = Wanted(gaps)
        for span, keys in sorted(self._files(wanted).items()):
            hashes = self._hashes(span)
            lines = (line for key in keys if key in hashes for line in self._lines(key, hashes))
            yield from _found(lines, wanted)

    def _files(self, wanted: Wanted) -> Mapping[str, list[str]]:
        """Return the keys of the files that may have wanted events, by their span."""
        days = wanted.days()
        folders = ["events/"] if days is None else [f"events/{day}/" for day in days]
        found: dict[str, list[str]] = defaultdict(list)
        for folder in folders:
            for each in self._client.list_objects(self._bucket, folder, recursive=True):
                name, _, span = str(each.object_name).rpartition("/")
                if name.rpartition("/")[2].startswith(wanted.prefixes()) and span.endswith(ENDING):
                    found[span.removesuffix(ENDING)].append(str(each.object_name))
        return found

    def _hashes(self, span: str) -> Mapping[str, str]:
        """Return the hashes of a segment's files by their keys; none if it is not finished."""
        try:
            segment = json.loads(self._get(f"segments/{span}.json"))
            return {file["key"]: file["sha256"] for file in segment["files"]}
        except S3Error as error:
            if error.code != "NoSuchKey":
                raise
        except (ValueError, TypeError, KeyError) as error:
            log.warning("the archive's segment %s is damaged: %r", span, error)
        return {}

    def _lines(self, key: str, hashes: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        content = self._get(key)
        if hashlib.sha256(content).hexdigest() != hashes[key]:
            log.warning("the archive's file %s is damaged", key)
            return
        yield from map(json.loads, gzip.decompress(content).splitlines())

    def _get(self, key: str) -> bytes:
        answer = self._client.get_object(self._bucket, key)
        try:
            return bytes(answer.read())
        finally:
            answer.close()
            answer.release_conn()


def _found(lines: Iterable[Mapping[str, Any]], wanted: Wanted) -> list[Event]:
    """Return the wanted events of lines, in the order of their offsets, which have 20 digits."""
    found: list[tuple[str, Event]] = []
    for line in lines:
        if not wanted.has_key(line.get("source"), line.get("partitionkey")):
            continue
        headers = {f"{PREFIX}{name}": value for name, value in line.items() if name not in OTHERS}
        try:
            event = read(headers, _body(line))
        except UnreadableError as error:
            log.warning("an event of the archive can't be read: %s", error)
            continue
        if wanted.has(event.source, event.partition_key, event.sequence):
            found.append((str(line["offset"]), event))
    return [event for _, event in sorted(found, key=lambda each: each[0])]


def _body(line: Mapping[str, Any]) -> bytes:
    if "data_base64" in line:
        return base64.b64decode(line["data_base64"])
    return json.dumps(line.get("data")).encode()
