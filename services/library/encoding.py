"""Encodes film and sound anew: small enough for a slow line, and equally loud.

By PyAV, which has FFmpeg's libraries. Only the maker's process imports this. All times begin at 0,
where the original's playing time begins: a place in one rendition is the same place in all.
"""

import io
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from services.library.domain.renditions import RUNGS, SOUND_BITS, Made, Rung
from services.library.domain.verification import Fault
from services.library.media import Player, playing
from services.library.task import Absent, Task

Frame = AudioFrame | VideoFrame
Filter = tuple[str, str]
"""A filter of FFmpeg, and its arguments."""

# Seconds of a segment (HLS Authoring Specification for Apple Devices, rule 7.5).
SEGMENT = 6
# Pictures per second: the most, and those of a film that does not tell.
MOST_RATE, USUAL_RATE = 30, Fraction(25)
SAMPLE_RATE = 48_000
# LUFS, as Apple Podcasts asks for; and the gate below which all is silence (ITU-R BS.1770-4).
LOUDNESS, SILENCE = -16.0, -70.0
# Decibels: nobody wants to hear the noise of a microphone in an empty room.
MOST_GAIN = 30.0
# Peaks stay below -1.5 dB.
_LIMITER: Filter = ("alimiter", "limit=0.84:level=false:latency=true")
# A damaged stream may give samples that are no numbers, which end encoders; integers always are.
_NUMBERS: Filter = ("aformat", "sample_fmts=s32")
# What undoes the turn that a frame's display matrix tells, in degrees counter-clockwise.
_TURNS: dict[int, tuple[Filter, ...]] = {
    -90: (("transpose", "clock"),),
    90: (("transpose", "cclock"),),
    180: (("hflip", ""), ("vflip", "")),
    -180: (("hflip", ""), ("vflip", "")),
}
_SEGMENT = re.compile(rb"#EXTINF:([0-9.]+),\s*#EXT-X-BYTERANGE:(\d+)@")


def make_film(task: Task) -> Made:
    """Encode a film in one quality, as H.264 and AAC in fragments of MP4, with its playlist.

    Raises Absent if it has no pictures, or no more lines than the quality below this one.
    """
    with playing(task.media_type, task.file) as player:
        first = player.picture(0.0) if player.film else None
        if player.film is None or first is None:
            raise Absent("it has no pictures")
        width, height = _size(player.film, first, task.name)
        playlist = _Kept()
        options = {
            "hls_time": str(SEGMENT),
            "hls_playlist_type": "vod",
            "hls_segment_type": "fmp4",
            "hls_flags": "single_file",
        }

        def opened(path: str, *_: object) -> Any:
            return playlist if path.endswith(".m3u8") else task.made

        with av.open("film.m3u8", "w", format="hls", io_open=opened, options=options) as container:
            pictures = _pictures(container, player.film, RUNGS[task.name], (width, height))
            tracks = [pictures]
            if player.sound is not None:
                tracks.append(_sound(container, player.sound, "aac"))
            _encode(task, player, container, tracks)
            codecs = _codecs(bytes(pictures.encoder.codec_context.extradata or b""), len(tracks))
    listed = playlist.getvalue()
    task.playlist.write(listed)
    return Made(
        media_type="video/mp4",
        width=width,
        height=height,
        bits_per_second=_most_bits(listed),
        codecs=codecs,
    )


def make_sound(task: Task) -> Made:
    """Encode the sound of a film or a recording alone, equally loud, as MP3.

    Raises Absent if it has no sound.
    """
    with playing(task.media_type, task.file) as player:
        if player.sound is None:
            raise Absent("it has no sound")
        gain = _gain(player, player.sound)
        with av.open(task.made, "w", format="mp3") as container:
            track = _sound(container, player.sound, "libmp3lame", ("volume", f"{gain}dB"), _LIMITER)
            _encode(task, player, container, [track])
    return Made(media_type="audio/mpeg", bits_per_second=SOUND_BITS, codecs="mp3")


class _Track:
    """One stream that is encoded anew."""

    def __init__(
        self,
        source: AudioStream | VideoStream,
        encoder: Any,
        filters: Callable[[Any], Sequence[Filter]],
    ) -> None:
        self.source, self.encoder, self._filters = source, encoder, filters
        self._graph: Graph | None = None
        self._shape: object = None

    def put(self, frame: Frame, begin: float) -> list[Any]:
        """Return the packets that a frame completes. `begin`: the time that becomes 0."""
        packets = []
        if (shape := _shape(frame)) != self._shape:
            packets = self._drain()
            self._graph, self._shape = self._made(frame), shape
        assert self._graph is not None
        frame.pts = round(((frame.time or 0.0) - begin) / (frame.time_base or 1))
        self._graph.push(frame)
        return [*packets, *self._encoded()]

    def end(self) -> list[Any]:
        """Return the last packets."""
        return [*self._drain(), *self.encoder.encode()]

    def _made(self, frame: Frame) -> Graph:
        graph = Graph()
        graph.threads = 1
        source: Any
        if isinstance(frame, VideoFrame):
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base,
            )
            sink = "buffersink"
        else:
            source = graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format,
                layout=frame.layout,
                time_base=frame.time_base,
            )
            sink = "abuffersink"
        nodes = [graph.add(name, arguments or None) for name, arguments in self._filters(frame)]
        graph.link_nodes(source, *nodes, graph.add(sink)).configure()
        return graph

    def _drain(self) -> list[Any]:
        if self._graph is None:
            return []
        self._graph.push(None)
        return self._encoded()

    def _encoded(self) -> list[Any]:
        packets: list[Any] = []
        while True:
            try:
                frame: Any = self._graph and self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return packets
            if isinstance(frame, VideoFrame):
                frame.pict_type = PictureType.NONE  # the encoder decides what becomes a key frame
            packets += self.encoder.encode(frame)


class _Kept(io.BytesIO):
    """A file in memory that may be read after it was closed."""

    def close(self) -> None:
        """See io.IOBase."""


class _Meter:
    """Takes the place of an encoder, and keeps the loudness that the filter ebur128 tells."""

    def __init__(self) -> None:
        self.loudness = SILENCE

    def encode(self, frame: Any = None) -> list[Any]:
        """Note the loudness until now, in LUFS."""
        if frame is not None:
            self.loudness = float(frame.metadata.get("lavfi.r128.I", self.loudness))
        return []


def _gain(player: Player, sound: AudioStream) -> float:
    """Return the decibels that bring a sound to LOUDNESS; 0 if it is silent."""
    meter = _Meter()
    track = _Track(sound, meter, lambda _: (_NUMBERS, ("ebur128", "metadata=1")))
    for _, frame in player.frames(sound):
        track.put(frame, player.begin)
    track.end()
    return round(min(MOST_GAIN, LOUDNESS - meter.loudness), 2) if meter.loudness > SILENCE else 0.0


def _encode(
    task: Task, player: Player, container: OutputContainer, tracks: Sequence[_Track]
) -> None:
    """Encode the tracks from their beginning to their end. Raises Fault if they have no frame."""
    by_index = {track.source.index: track for track in tracks}
    told, count = 0.0, 0
    for index, frame in player.frames(*(track.source for track in tracks)):
        at = (frame.time or 0.0) - player.begin
        if at < 0:
            continue
        container.mux(by_index[index].put(frame, player.begin))
        count += 1
        if task.seconds and at / task.seconds >= told + 0.01:
            told = at / task.seconds
            task.tell(told)
    if not count:
        raise Fault("no frame of it can be decoded")
    for track in tracks:
        container.mux(track.end())


def _pictures(
    container: OutputContainer, film: VideoStream, rung: Rung, size: tuple[int, int]
) -> _Track:
    rate = min(film.average_rate or USUAL_RATE, Fraction(MOST_RATE)).limit_denominator(1001)
    rate = rate or USUAL_RATE
    bits = str(rung.bits_per_second)
    encoder = container.add_stream(
        "libx264",
        rate=rate,
        options={
            "preset": "veryfast",
            "profile": "main",
            "crf": "24",
            "threads": "1",
            "maxrate": bits,
            "bufsize": str(2 * rung.bits_per_second),
            # Each segment begins with a key frame, at the same time in all qualities. Pictures that
            # refer to later ones would shift all others.
            "g": str(max(1, round(rate * SEGMENT))),
            "sc_threshold": "0",
            "bf": "0",
        },
    )
    encoder.width, encoder.height = size
    encoder.pix_fmt = "yuv420p"
    rest = (
        ("scale", f"{size[0]}:{size[1]}"),
        ("setsar", "1"),
        ("fps", f"{rate.numerator}/{rate.denominator}"),
        ("format", "yuv420p"),
    )
    return _Track(film, encoder, lambda frame: (*_TURNS.get(frame.rotation, ()), *rest))


def _sound(container: OutputContainer, sound: AudioStream, codec: str, *first: Filter) -> _Track:
    layout = "mono" if sound.codec_context.layout.nb_channels == 1 else "stereo"
    encoder: Any = container.add_stream(codec, rate=SAMPLE_RATE, layout=layout, format="fltp")
    encoder.bit_rate = SOUND_BITS
    rest = (
        # Silence where sound is missing, so that it stays beside the pictures.
        ("aresample", f"{SAMPLE_RATE}:async={SAMPLE_RATE}:first_pts=0"),
        ("aformat", f"sample_fmts=fltp:channel_layouts={layout}"),
    )
    return _Track(sound, encoder, lambda _: (_NUMBERS, *first, *rest))


def _size(film: VideoStream, first: VideoFrame, name: str) -> tuple[int, int]:
    """Return width and height in one quality, with square pixels, turned as people see them.

    Raises Absent if the quality below has as many lines.
    """
    pixel = float(film.sample_aspect_ratio or film.codec_context.sample_aspect_ratio or 1)
    width, height = first.width * pixel, float(first.height)
    if first.rotation % 180:
        width, height = height, width
    lines = min(width, height)
    lower = [rung.height for rung in RUNGS.values() if rung.height < RUNGS[name].height]
    if lower and lines <= lower[-1]:
        raise Absent(f"its pictures have {round(lines)} lines")
    share = min(1.0, RUNGS[name].height / lines)
    return _even(width * share), _even(height * share)


def _even(length: float) -> int:
    """Return the next even number: pictures in yuv420p have even sides."""
    return max(2, round(length / 2) * 2)


def _shape(frame: Frame) -> object:
    if isinstance(frame, VideoFrame):
        return frame.width, frame.height, frame.format.name, frame.rotation
    return frame.sample_rate, frame.format.name, frame.layout.name


def _codecs(extradata: bytes, tracks: int) -> str:
    """Return the codecs as a playlist names them (RFC 6381, section 3.3): profile, constraints and
    level follow the first byte of the sequence parameter set.
    """
    at = extradata.find(b"\x00\x00\x01\x67") + 4
    pictures = f"avc1.{extradata[at : at + 3].hex()}"
    return f"{pictures},mp4a.40.2" if tracks > 1 else pictures


def _most_bits(playlist: bytes) -> int:
    """Return the most bits per second that a segment needs (RFC 8216, section 4.3.4.2)."""
    segments = ((float(seconds), int(size)) for seconds, size in _SEGMENT.findall(playlist))
    return max((int(8 * size / seconds) for seconds, size in segments if seconds), default=0)
