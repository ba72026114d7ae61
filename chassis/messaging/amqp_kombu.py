"""kombu over py-amqp with decoders of our own, so that no message can end a connection.

Three of their decoders raise on messages that other clients may send: that of properties, that of a
delivery's routing key, and kombu's decompression of bodies. The first is in a table of py-amqp,
where ours replaces it for the whole process; the other two are methods of the transport's classes
(docs/decisions/0015).
"""

from collections.abc import Callable
from typing import Any

from amqp import serialization, spec  # type: ignore[import-untyped]
from amqp.transport import TCPTransport  # type: ignore[import-untyped]
from kombu import Connection
from kombu.message import Message as BaseMessage
from kombu.transport import pyamqp

from chassis.contracts.amqp_tables import read_properties

# py-amqp's name for the headers.
_HEADERS = "application_headers"
# A delivery's arguments: class and method ids, then the consumer's tag, which has a length byte.
_TAG = 4
# Then the delivery tag and one byte of flags; then exchange and routing key.
_NUMBERS = 9


class Message(BaseMessage):  # type: ignore[misc]
    """A message with its body as it was received."""

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
        # Set after the constructor: kombu would decompress a body whose headers name a compression.
        self.headers = properties.get(_HEADERS) or {}


class Channel(pyamqp.Channel):  # type: ignore[misc]
    """A channel that accepts every delivery."""

    Message = Message

    def dispatch_method(self, method_sig: tuple[int, int], payload: bytes, content: Any) -> Any:
        """Handle a method frame (a hook of py-amqp)."""
        if method_sig == spec.Basic.Deliver:
            payload = readable(payload)
        return super().dispatch_method(method_sig, payload, content)


class ReadingAhead(TCPTransport):  # type: ignore[misc]
    """py-amqp's transport with a read buffer, as OpenSSL has for TLS.

    Without it, py-amqp makes three system calls for each frame, and a message has three frames.
    """

    def _setup_transport(self) -> None:
        super()._setup_transport()
        self._quick_recv = read_ahead(self.sock.recv)


def read_ahead(receive: Callable[[int], bytes], most: int = 16_384) -> Callable[[int], bytes]:
    """Return a function like `receive` that reads up to `most` bytes ahead into a buffer."""
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
        """Return the transport that sends and receives bytes."""
        more |= {"read_timeout": read_timeout, "write_timeout": write_timeout}
        if ssl:
            return super().Transport(host, connect_timeout, ssl, **more)
        return ReadingAhead(host, connect_timeout=connect_timeout, **more)


class Transport(pyamqp.Transport):  # type: ignore[misc]
    """kombu's transport over py-amqp, with our message class."""

    Connection = _Connection


class SSLTransport(pyamqp.SSLTransport):  # type: ignore[misc]
    """The same transport over TLS."""

    Connection = _Connection


def connection(amqp_url: str, **options: Any) -> Connection:
    """Return a kombu connection, not opened yet, that no received message can end."""
    serialization.PROPERTY_CLASSES[spec.Basic.CLASS_ID] = _decode
    transport = SSLTransport if amqp_url.startswith("amqps:") else Transport
    return Connection(amqp_url, transport=transport, **options)


def _decode(buffer: bytes, offset: int) -> tuple[dict[str, Any], int]:
    found = read_properties(bytes(buffer), offset)
    if "headers" in found:
        found[_HEADERS] = found.pop("headers")
    return found, len(buffer)


def readable(payload: bytes) -> bytes:
    """Return a delivery's arguments, with exchange and routing key made valid UTF-8.

    By the header `CC` any client can send a message to a queue with any bytes as the routing key.
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
