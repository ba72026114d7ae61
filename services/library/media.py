"""Plays audio and video as far as it takes to see that it can be played, and measures it.

By PyAV, which has FFmpeg's libraries (docs/decisions/0007). Only the probe's process imports this.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from services.library.domain import types
from services.library.domain.verification import Fault
from services.library.ranges import RangedFile, TooMuch

MICROSECONDS = 1_000_000  # FFmpeg's unit of time
# Pixels of a picture, 100 megapixels: three times those of an 8K film.
MOST_PIXELS = 100_000_000
# Packets in which the first frame, or one near the end, has to be.
MOST_PACKETS = 2000
# Seconds before the end where the frame near the end is looked for.
NEAR_END = 10.0
# A playing time that the file's header tells is confirmed if the packets end within this share.
CONFIRMED = 0.02
# Of files in which the header counts every sample, at most this share may be missing.
MISSING = 0.1
# FFmpeg's readers of one file each. Its readers of playlists open other files and addresses.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mp3,aac,ogg,wav,w64,aiff,flac,avi,asf,flv,amr,caf,"
    "mpeg,mpegts,ac3,eac3,ape,wv,tta,au,dts,gif,ivf,mxf,rm"
)
# Readers that estimate the playing time from the first frames and the size; so all packets count.
_ESTIMATING = {"mp3", "aac", "amr", "ac3", "eac3", "dts", "mpeg", "mpegts"}
_COUNTING = {"mov,mp4,m4a,3gp,3g2,mj2", "wav", "flac", "aiff"}

Stream = AudioStream | VideoStream


def measure(media_type: str, file: RangedFile) -> float:
    """Return the measured playing time in seconds; 0 if the file is too large to be measured.

    Raises Fault if it can't be played, and whatever hostile bytes cause.
    """
    with playing(media_type, file) as player:
        return player.seconds()


@contextmanager
def playing(media_type: str, file: RangedFile) -> Iterator["Player"]:
    """Yield a file opened to be played. Raises Fault if it can't be played as this type."""
    av.logging.set_level(None)
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "none"}
    source = cast(BinaryIO, file)
    with av.open(source, "r", container_options=options, metadata_errors="replace") as container:
        yield Player(container, media_type)


class Player:
    """An opened container, and the stream that makes it audio or video."""

    def __init__(self, container: InputContainer, media_type: str) -> None:
        films = [each for each in container.streams.video if not _is_cover(each)]
        all_played: tuple[Stream, ...] = (*films, *container.streams.audio)
        self._container = container
        self._played = [each for each in all_played if each.codec_context]
        wanted = "video" if media_type.startswith("video/") else "audio"
        fitting = [each for each in self._played if each.type == wanted]
        if not fitting:
            raise Fault(f"it has no {wanted} of a known codec")
        self._main = fitting[0]
        for each in self._played:
            if isinstance(each, VideoStream):
                _check_pixels(each.codec_context.width * each.codec_context.height)
            each.codec_context.thread_count = 1
            each.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        self.begin = (container.start_time or 0) / MICROSECONDS
        # what the file's header tells, or FFmpeg's estimate
        self._header = max(0.0, (container.duration or 0) / MICROSECONDS)

    @property
    def film(self) -> VideoStream | None:
        """Return its first stream of pictures; None if it has none."""
        return next((each for each in self._played if isinstance(each, VideoStream)), None)

    @property
    def sound(self) -> AudioStream | None:
        """Return its first stream of sound; None if it has none."""
        return next((each for each in self._played if isinstance(each, AudioStream)), None)

    def frames(self, *streams: Stream) -> Iterator[tuple[int, AudioFrame | VideoFrame]]:
        """Yield the decoded frames that have a time, from its beginning, with the index of their
        stream.
        """
        self._seek(0.0)
        packets = self._container.demux(*streams)
        while True:
            decoded: list[tuple[int, Any]] = []
            with _tolerating():
                packet = next(packets, None)
                if packet is None:
                    return
                decoded = [(packet.stream_index, frame) for frame in packet.decode()]
            yield from (each for each in decoded if each[1].time is not None)

    def picture(self, seconds: float) -> VideoFrame | None:
        """Return a picture at a time, or the next one; None if there is none."""
        self._seek(seconds)
        packets = self._container.demux(self.film)
        for _ in range(MOST_PACKETS):
            with _tolerating():
                packet = next(packets, None)
                if packet is None:
                    return None
                for frame in packet.decode():
                    return cast(VideoFrame, frame)
        return None

    def seconds(self) -> float:
        """Return the measured playing time; 0 if it can't be measured. Raises Fault if frames at
        its beginning and near its end can't be decoded.
        """
        if not self._decodes():
            raise Fault("no frame at its beginning can be decoded")
        end = 0.0
        with suppress(TooMuch):
            end = self._measured()
            self._seek(end - NEAR_END)
            if not self._decodes():
                raise Fault("no frame near its end can be decoded")
        return round(end, 3) if end < types.LONGEST else 0.0

    def _measured(self) -> float:
        """Return where the packets end, in seconds. All of them are read, unless those near the end
        confirm what the header tells.
        """
        name = self._container.format.name
        if self._header and name not in _ESTIMATING:
            end = self._last(self._header - NEAR_END)
            if abs(end - self._header) <= CONFIRMED * self._header:
                return end
        end = self._last(0.0)
        if name in _COUNTING and end < self._header * (1 - MISSING):
            raise Fault(f"it ends after {end:.1f} s; its header tells {self._header:.1f} s")
        return end

    def _last(self, start: float) -> float:
        """Return the end of the last packet from a time on, in seconds; 0 if there is none."""
        end = 0.0
        self._seek(start)
        with _tolerating():
            for packet in self._container.demux(*self._played):
                end = max(end, _end_of(packet) - self.begin)
        return end

    def _decodes(self) -> bool:
        """Return whether one of the next packets gives a frame."""
        packets = self._container.demux(self._main)
        for _ in range(MOST_PACKETS):
            with _tolerating():
                packet = next(packets, None)
                if packet is None:
                    return False
                if packet.decode():
                    return True
        return False

    def _seek(self, seconds: float) -> None:
        """Go to the last place before a time from which frames can be decoded; if there is none, to
        the beginning.
        """
        for place in (max(0.0, seconds), 0.0):
            with _tolerating():
                self._container.seek(int((self.begin + place) * MICROSECONDS))
                return


@contextmanager
def _tolerating() -> Iterator[None]:
    """Ignore what is wrong with a part of a file: a player goes on, too."""
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _check_pixels(pixels: int) -> None:
    if pixels > MOST_PIXELS:
        raise Fault(f"its pictures have {pixels} pixels; at most {MOST_PIXELS} are allowed")


def _end_of(packet: Any) -> float:
    at = packet.dts if packet.pts is None else packet.pts
    return 0.0 if at is None else float((at + (packet.duration or 0)) * packet.time_base)
