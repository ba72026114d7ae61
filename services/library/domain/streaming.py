"""HLS playlists (RFC 8216) of a film's qualities, and the tokens by which a player loads them."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from chassis.capabilities import encoded, is_signature, signature
from services.library.domain.items import Rendition
from services.library.domain.renditions import RUNGS

MEDIA_TYPE = "application/vnd.apple.mpegurl"
MASTER = "master"
# A playlist as FFmpeg writes it names one file, in each segment and in its map.
_FILE = re.compile(r'^(?!#)\S+$|(?<=URI=")[^"]*', re.MULTILINE)
LONGEST_TOKEN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Lets a player load an item's playlists for a reader (empty: who reads everything)."""

    item_id: str
    reader_id: str
    ends: int
    """The last second, of the Unix clock."""


def qualities(files: Sequence[Rendition]) -> list[Rendition]:
    """Return the renditions that a playlist has, lowest first."""
    found = {file.name: file for file in files}
    return [found[name] for name in RUNGS if name in found]


def master(files: Sequence[Rendition]) -> str:
    """Return the master playlist (section 4.3.4). A player begins with the lowest quality."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for file in qualities(files):
        lines.append(
            f"#EXT-X-STREAM-INF:BANDWIDTH={file.bits_per_second},"
            f'RESOLUTION={file.width}x{file.height},CODECS="{file.codecs}"'
        )
        lines.append(f"{file.name}.m3u8")
    return "\n".join((*lines, ""))


def signed_playlist(playlist: str, url: str) -> str:
    """Return a quality's playlist with the URL of its file."""
    return _FILE.sub(lambda _: url, playlist)


def token_of(given: Pass, key: bytes) -> str:
    """Return a pass as a token, signed with a key."""
    content = encoded(json.dumps(asdict(given)).encode())
    return f"{content}.{signature(content, key)}"


def pass_of(token: str, key: bytes, now: datetime) -> Pass | None:
    """Return the pass of a token; None if it was not signed with the key, or has ended."""
    content, _, code = token[:LONGEST_TOKEN].partition(".")
    if not is_signature(code, content, key):
        return None
    given = Pass(**json.loads(base64.urlsafe_b64decode(content + "==")))
    return given if now <= datetime.fromtimestamp(given.ends, UTC) else None
