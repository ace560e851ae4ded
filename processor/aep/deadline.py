"""One deadline for a whole attempt, and the last look at the clock before anything is written.

httpx limits each read and each write on its own, and begins again with every byte: a server that answers one byte a
second holds a thread for ever. So the sockets below it are wrapped: whatever is waited for, the wait ends at the
attempt's deadline. The same place sees every write, so it can refuse one that comes too late.
"""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterable
from ssl import SSLContext

import httpcore

_LONGEST_AGE = 300.0
"""Seconds after which an idle connection is not used again: it would pin an address that DNS has given up."""

_PIECE = 65_536
"""Bytes written under one limit of time."""

_SHORTEST = 0.001
"""A socket's timeout of 0 would mean: do not wait at all, and fail in another way."""


class LateError(Exception):
    """The attempt was over before all of the request had been written: the other side cannot have understood it."""


class Attempt(threading.local):
    """The limits of the attempt that the calling thread makes: httpcore works in the thread of its caller."""

    deadline = math.inf
    not_after = math.inf
    writes = 0

    def begin(self, deadline: float, not_after: float) -> None:
        """Sets the limits, in monotonic seconds."""
        self.deadline, self.not_after, self.writes = deadline, not_after, 0

    def left(self, otherwise: type[httpcore.TimeoutException]) -> float:
        """Seconds until the deadline. Raises `otherwise` when it has passed."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise otherwise("the attempt's deadline has passed")
        return max(left, _SHORTEST)

    def check_before_write(self) -> None:
        """Raises LateError when it is too late to begin to write."""
        self.writes += 1
        if time.monotonic() >= min(self.not_after, self.deadline):
            raise LateError


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections that keep to the attempt's limits."""

    def __init__(self, inner: httpcore.NetworkBackend, attempt: Attempt) -> None:
        self._inner = inner
        self._attempt = attempt

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Tries each address of the host, each for `timeout` seconds and all within the deadline.

        Raises:
            httpcore.ConnectError: no address, or none that answers.
            httpcore.ConnectTimeout: no answer in time.
        """
        error: Exception = httpcore.ConnectError("the host has no address")
        for address in _addresses(host, port):
            left = self._attempt.left(httpcore.ConnectTimeout)
            limit = left if timeout is None else min(timeout, left)
            try:
                stream = self._inner.connect_tcp(address, port, limit, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                error = refused
            else:
                return _Stream(stream, self._attempt, time.monotonic())
        raise error


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(f"the host's name cannot be resolved: {error.strerror}") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, attempt: Attempt, opened: float) -> None:
        self._inner = inner
        self._attempt = attempt
        self._opened = opened

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline rules
        return self._inner.read(max_bytes, self._attempt.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline rules
        if not buffer:
            return
        self._attempt.check_before_write()
        for begin in range(0, len(buffer), _PIECE):
            self._inner.write(buffer[begin : begin + _PIECE], self._attempt.left(httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._attempt.left(httpcore.ConnectTimeout)
        limit = left if timeout is None else min(timeout, left)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit), self._attempt, self._opened)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> object:
        """What httpcore asks for. An idle connection that can be read has been closed by the other side; so say old."""
        if info == "is_readable" and time.monotonic() - self._opened > _LONGEST_AGE:
            return True
        return self._inner.get_extra_info(info)
