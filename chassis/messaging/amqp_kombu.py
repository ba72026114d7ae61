"""kombu over py-amqp, without its decoders: no message can end a connection of ours.

Three things of theirs raise on what a stranger may send: the decoder of properties, that of a
delivery's routing key, and kombu's unpacking of bodies that are told to be compressed. The first
stands in a table of py-amqp, where ours replaces it for the whole process; the other two are
methods of what a transport is made of (docs/decisions/0015).
"""

from collections.abc import Callable
from typing import Any

from amqp import serialization, spec  # type: ignore[import-untyped]
from amqp.transport import TCPTransport  # type: ignore[import-untyped]
from kombu import Connection
from kombu.message import Message as BaseMessage
from kombu.transport import pyamqp

from chassis.contracts.amqp_tables import read_properties

# py-amqp's names, where they differ.
_HEADERS = "application_headers"
# Of a delivery's arguments: class and method ids, then the consumer's tag, counted by one byte.
_TAG = 4
# After it the delivery tag and one byte of flags; then exchange and routing key.
_NUMBERS = 9


class Message(BaseMessage):  # type: ignore[misc]
    """A message with its body as it came."""

    def __init__(self, msg: Any, channel: Any = None, **kwargs: Any) -> None:
        properties = msg.properties
        super().__init__(
            body=msg.body,
            channel=channel,
            delivery_tag=msg.delivery_tag,
            content_type=properties.get("content_type"),
            content_encoding=properties.get("content_encoding"),
            delivery_info=msg.delivery_info,
            properties=properties,
            **kwargs,
        )
        # Not before: kombu unpacks a body whose headers name a compression, however large it gets.
        self.headers = properties.get(_HEADERS) or {}


class Channel(pyamqp.Channel):  # type: ignore[misc]
    """A channel that takes every delivery."""

    Message = Message

    def dispatch_method(self, method_sig: tuple[int, int], payload: bytes, content: Any) -> Any:
        """py-amqp's hook for what came on the channel."""
        if method_sig == spec.Basic.Deliver:
            payload = readable(payload)
        return super().dispatch_method(method_sig, payload, content)


class ReadingAhead(TCPTransport):  # type: ignore[misc]
    """py-amqp's transport, reading what is there at once, as OpenSSL does for TLS.

    By itself it asks the system three times for each frame, of which a message has three.
    """

    def _setup_transport(self) -> None:
        super()._setup_transport()
        self._quick_recv = read_ahead(self.sock.recv)


def read_ahead(receive: Callable[[int], bytes], most: int = 16_384) -> Callable[[int], bytes]:
    """`receive`, which answers so many bytes at most, asked for more than is wanted now."""
    ahead = b""

    def receive_some(count: int) -> bytes:
        nonlocal ahead
        if not ahead:
            ahead = receive(max(count, most))
        some, ahead = ahead[:count], ahead[count:]
        return some

    return receive_some


class _Connection(pyamqp.Connection):  # type: ignore[misc]
    Channel = Channel

    def Transport(
        self,
        host: str,
        connect_timeout: float | None,
        ssl: Any = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        **more: Any,
    ) -> Any:
        """What moves the bytes."""
        more |= {"read_timeout": read_timeout, "write_timeout": write_timeout}
        if ssl:
            return super().Transport(host, connect_timeout, ssl, **more)
        return ReadingAhead(host, connect_timeout=connect_timeout, **more)


class Transport(pyamqp.Transport):  # type: ignore[misc]
    """kombu's transport over py-amqp, with our messages."""

    Connection = _Connection


class SSLTransport(pyamqp.SSLTransport):  # type: ignore[misc]
    """The same by TLS."""

    Connection = _Connection


def connection(amqp_url: str, **options: Any) -> Connection:
    """A kombu connection, not opened yet, which no message that comes can end."""
    serialization.PROPERTY_CLASSES[spec.Basic.CLASS_ID] = _decode
    transport = SSLTransport if amqp_url.startswith("amqps:") else Transport
    return Connection(amqp_url, transport=transport, **options)


def _decode(buffer: bytes, offset: int) -> tuple[dict[str, Any], int]:
    found = read_properties(bytes(buffer), offset)
    if "headers" in found:
        found[_HEADERS] = found.pop("headers")
    return found, len(buffer)


def readable(payload: bytes) -> bytes:
    """A delivery's arguments, with exchange and routing key as UTF-8 where they are not.

    By a header `CC` that is ours a stranger reaches a queue with any bytes as the routing key.
    """
    names = _TAG + 1 + payload[_TAG] + _NUMBERS
    if payload[names:].isascii():
        return payload
    exchange, offset = _short(payload, names)
    key, _ = _short(payload, offset)
    return payload[:names] + _packed(exchange) + _packed(key)


def _short(payload: bytes, offset: int) -> tuple[bytes, int]:
    end = offset + 1 + payload[offset]
    return payload[offset + 1 : end], end


def _packed(raw: bytes) -> bytes:
    try:
        raw.decode()
    except UnicodeDecodeError:
        raw = raw.decode("ascii", "backslashreplace").encode()[:255]
    return bytes([len(raw)]) + raw
