"""A small HTTP/1.1 server with its hands on the sockets: a reply can be late, halved, dripped, garbled or left out.

One thread per connection, keep-alive, bodies with a Content-Length. Not for the open internet: it listens on this
machine unless told otherwise.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from http import HTTPStatus
from typing import NamedTuple

LARGEST_BODY = 64 * 1024 * 1024
_LARGEST_HEAD = 64 * 1024
_RECEIVE = 256 * 1024
_PHRASES: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}


class Cut(Enum):
    """How a connection ends instead of giving the whole reply."""

    FIN = "fin"  # closed without a reply
    RST = "rst"  # reset without a reply
    HALF = "half"  # closed after half of the body
    GARBAGE = "garbage"  # a status line that is none, then closed
    HANG = "hang"  # silence, until the other side gives up


class Incoming(NamedTuple):
    """A request. Names of headers are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes | bytearray


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply. `delay` is in seconds before its first byte, `drip` in seconds between its bytes."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0
    drip: float = 0.0
    cut: Cut | None = None


class _ClosedError(Exception):
    """The other side has gone, or says nothing more."""


class _BadRequestError(Exception):
    """What arrived is no request that can be read. The argument is the status to answer."""


class HttpServer:
    """Serves from `start` to `stop`.

    Args:
        handle: makes the reply; called from many threads.
        host: the address to listen on.
        port: 0 picks a free one.
        tls: serve HTTPS with this context.
        idle_seconds: how long a connection may be silent before it is closed.
    """

    def __init__(
        self,
        handle: Callable[[Incoming], Outgoing],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = 60.0,
    ) -> None:
        self._handle = handle
        self._tls = tls
        self._idle_seconds = idle_seconds
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((host, port), backlog=128)
        self.host = host
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> None:
        """Accepts connections in a thread of its own."""
        threading.Thread(target=self._accept, name="stand-in", daemon=True).start()

    def stop(self) -> None:
        """Ends every connection at once, and every wait."""
        self._stopping.set()
        _shut(self._listener)
        self._listener.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Ends every connection, as a load balancer may."""
        with self._lock:
            for connection in self._open:
                _shut(connection)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), name="stand-in", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError, _ClosedError))  # the other side hung up; that is its right
            stack.callback(connection.close)
            connection.settimeout(self._idle_seconds)
            if self._tls:
                connection = stack.enter_context(self._tls.wrap_socket(connection, server_side=True))
            with self._lock:
                self._open.add(connection)
            stack.callback(self._forget, connection)
            self._exchange(connection)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.discard(connection)

    def _exchange(self, connection: socket.socket) -> None:
        reader = _Reader(connection)
        while not self._stopping.is_set():
            try:
                incoming = reader.request()
            except _BadRequestError as error:
                connection.sendall(_head(Outgoing(int(error.args[0])), keep=False))
                return
            keep = incoming.headers.get("connection", "").lower() != "close"
            if not self._reply(connection, self._handle(incoming), keep=keep):
                return

    def _reply(self, connection: socket.socket, reply: Outgoing, *, keep: bool) -> bool:
        """Sends a reply, or what is left of it. False when the connection is at its end."""
        if reply.delay and self._stopping.wait(reply.delay):
            return False
        if reply.cut:
            self._cut(connection, reply)
            return False
        if reply.drip:
            return self._drip(connection, reply, keep=keep)
        connection.sendall(_head(reply, keep=keep) + reply.body)
        return keep

    def _cut(self, connection: socket.socket, reply: Outgoing) -> None:
        if reply.cut is Cut.HANG:
            self._stopping.wait(self._idle_seconds)
        elif reply.cut is Cut.RST:
            # no lingering: what closes the connection is then a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif reply.cut is Cut.HALF:
            connection.sendall(_head(reply, keep=True) + reply.body[: len(reply.body) // 2])
        elif reply.cut is Cut.GARBAGE:
            connection.sendall(b"\x00\x01 this is no HTTP\r\n\r\n")

    def _drip(self, connection: socket.socket, reply: Outgoing, *, keep: bool) -> bool:
        text = _head(reply, keep=keep) + reply.body
        for position in range(len(text)):
            connection.sendall(text[position : position + 1])
            if self._stopping.wait(reply.drip):
                return False
        return keep


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may have ended already
        connection.shutdown(socket.SHUT_RDWR)


def _head(reply: Outgoing, *, keep: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}",
        f"Date: {formatdate(usegmt=True)}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _Reader:
    """Reads requests off one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = bytearray()

    def request(self) -> Incoming:
        """The next request. Raises _ClosedError or _BadRequestError."""
        method, target, headers = _parse_head(self._head())
        if "transfer-encoding" in headers:
            raise _BadRequestError(HTTPStatus.LENGTH_REQUIRED)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            raise _BadRequestError(HTTPStatus.BAD_REQUEST)
        if int(length) > LARGEST_BODY:
            raise _BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        path, _, query = target.partition("?")
        return Incoming(method, path, query, headers, self._body(int(length)))

    def _head(self) -> bytes:
        rest = self._rest
        while (end := rest.find(b"\r\n\r\n")) < 0:
            if len(rest) > _LARGEST_HEAD:
                raise _BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            rest += self._more()
        head = bytes(rest[:end])
        del rest[: end + 4]
        return head

    def _body(self, length: int) -> bytes | bytearray:
        body = self._rest[:length]
        del self._rest[:length]
        begun = len(body)
        if begun == length:
            return body
        body.extend(bytes(length - begun))
        with memoryview(body) as view:
            while begun < length:
                count = self._connection.recv_into(view[begun:])
                if not count:
                    raise _ClosedError
                begun += count
        return body

    def _more(self) -> bytes:
        piece = self._connection.recv(_RECEIVE)
        if not piece:
            raise _ClosedError
        return piece


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
        raise _BadRequestError(HTTPStatus.BAD_REQUEST)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise _BadRequestError(HTTPStatus.BAD_REQUEST)
        headers[name.strip().lower()] = value.strip()
    return words[0], words[1], headers
