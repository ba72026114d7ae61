"""Messages as members get them: each is encoded once, for all of them."""

import time
from functools import cached_property

from google.protobuf import json_format
from tandem.sessions.v1 import live_pb2

from chassis.contracts.mapping import from_message, to_message
from services.sessions.domain.class_log import ClassEntry, seen_by
from services.sessions.domain.votes import Tally
from services.sessions.usecases.tallies import LiveTally

Entry = live_pb2.ClassEntry
Request = live_pb2.AttendRequest
Response = live_pb2.AttendResponse


class Frame:
    """A message to one member or many, with its bytes and, for who wants it, its JSON."""

    def __init__(self, message: Response) -> None:
        self._message = message
        self.made_at = time.monotonic()

    @cached_property
    def binary(self) -> bytes:
        """The message as bytes of protobuf."""
        return self._message.SerializeToString()

    @cached_property
    def text(self) -> str:
        """The message in protobuf's JSON, on one line."""
        return json_format.MessageToJson(self._message, indent=None)

    @cached_property
    def rewrites(self) -> bool:
        """Whether an earlier entry reads otherwise by it: hidden, or shown again."""
        return self._message.entry.moderated.entry_number > 0

    def seen_by(self, person_id: str, is_staff: bool) -> "Frame":
        """Return the frame as a person sees it; for nearly all it is the same one."""
        entry = self._message.entry
        if is_staff or not (entry.hidden or entry.HasField("moderated")):
            return self
        seen = seen_by(from_message(entry, ClassEntry), person_id, is_staff)
        return entry_frame(to_message(seen, Entry))


def entry_frame(entry: Entry) -> Frame:
    """Return the frame of an entry."""
    return Frame(Response(entry=entry))


def tally_frames(tally: LiveTally) -> tuple[Frame, Frame]:
    """Return the frames of a tally: for the class, and for staff."""
    frame = _tally_frame(tally, tally.for_class)
    same = tally.for_class == tally.for_staff
    return frame, frame if same else _tally_frame(tally, tally.for_staff)


def _tally_frame(tally: LiveTally, votes: Tally) -> Frame:
    named = {"subject_id": tally.subject_id, "at": tally.at}
    return Frame(Response(tally=to_message(votes, live_pb2.Tally, **named)))


def ended(reason: "live_pb2.EndReason.ValueType", after: int) -> Frame:
    """Return the frame that tells why a stream ends, and after which entry to go on."""
    return Frame(Response(ended=live_pb2.Ended(reason=reason, after=after)))
