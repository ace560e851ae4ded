"""One POST, and what came of it, as a value: no exception of httpx leaves this file.

The transport of httpx is used without its client: no redirect is followed, no cookie kept, no environment read, and
no URL logged (an inlet's URL is a secret).
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx

from processor import __version__
from processor.aep.deadline import Attempt, DeadlineBackend, LateError
from processor.model import Failure

LARGEST_REPLY = 4 * 1024 * 1024
"""Bytes of a reply that are read. A full batch of 1,000 verdicts has some 200 kB."""

_IDLE = 5.0
"""Seconds that an unused connection is kept; load balancers keep theirs longer, so we close first."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_SUCCESSES = range(200, 300)


class Reply(NamedTuple):
    """What the server said. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Lost(NamedTuple):
    """There is no reply, or none that says anything."""

    failure: Failure
    detail: str


class Http:
    """Connections to Adobe for some threads. TLS is always verified.

    Args:
        connections: how many threads may post at the same time.
        connect_timeout: seconds for a connection, for each address of the host.
        ca_file: certificates to trust beside the usual ones, for a network that opens TLS.
        proxy: `http://HOST:PORT` of a proxy; nothing in the environment is looked at.
    """

    def __init__(
        self,
        *,
        connections: int,
        connect_timeout: float = 5.0,
        ca_file: Path | None = None,
        proxy: str | None = None,
    ) -> None:
        for name in ("httpx", "httpcore"):  # at DEBUG they print headers, and so the token
            logging.getLogger(name).setLevel(logging.WARNING)
        self._attempt = Attempt()
        self._transport = _Transport(self._attempt, connections, ca_file, proxy)
        self._extensions = {"timeout": httpx.Timeout(None, connect=connect_timeout, pool=connect_timeout).as_dict()}

    def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, deadline: float, not_after: float | None = None
    ) -> Reply | Lost:
        """Posts once. Ends at `deadline`, a name server apart; writes nothing after `not_after` (monotonic seconds).

        A status other than 2xx says all by itself, so it counts even where the text behind it is cut off.
        """
        fixed = {"accept-encoding": "identity", "user-agent": f"capillary-aep/{__version__}"}
        request = httpx.Request("POST", url, headers=fixed | dict(headers), content=body, extensions=self._extensions)
        self._attempt.begin(deadline, deadline if not_after is None else not_after)
        try:
            response = self._transport.handle_request(request)
        except LateError:
            return Lost(Failure.NOT_SENT, "too late to be written")
        except httpx.HTTPError as error:
            return _lost(error)
        assert self._attempt.writes, "httpcore went round our sockets: no deadline would hold"
        try:
            return _read(response)
        finally:
            response.close()

    def close(self) -> None:
        """Closes idle connections."""
        self._transport.close()


class _Transport(httpx.HTTPTransport):
    def __init__(self, attempt: Attempt, connections: int, ca_file: Path | None, proxy: str | None) -> None:
        limits = httpx.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=_IDLE
        )
        super().__init__(verify=_tls(ca_file), trust_env=False, limits=limits, proxy=proxy)
        # httpx offers no way to give its pool other sockets; `Http.post` notices when this stops working
        self._pool._network_backend = DeadlineBackend(self._pool._network_backend, attempt)  # noqa: SLF001


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def _read(response: httpx.Response) -> Reply | Lost:
    assert isinstance(response.stream, httpx.SyncByteStream)
    pieces: list[bytes] = []
    size = 0
    lost = None
    try:
        for piece in response.stream:
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_REPLY:
                lost = Lost(Failure.BROKEN, f"the reply is longer than {LARGEST_REPLY:,} bytes")
                break
    except httpx.HTTPError as error:
        lost = _lost(error)
    if lost and response.status_code in _SUCCESSES:
        return lost
    return Reply(response.status_code, response.headers, b"".join(pieces)[:LARGEST_REPLY])


def _lost(error: httpx.HTTPError) -> Lost:
    """What is known after an exception. Protocol errors quote what the server sent, so only their name is kept."""
    name = type(error).__name__
    detail = name if isinstance(error, httpx.ProtocolError) else f"{name}: {error}"[:200]
    if isinstance(error, _NO_CONNECTION):
        return Lost(Failure.NO_CONNECTION, detail)
    return Lost(Failure.TIMEOUT if isinstance(error, httpx.TimeoutException) else Failure.BROKEN, detail)


def check_url(url: str, name: str, *, allow_http: bool = False) -> None:
    """Refuses a URL that would send secrets in the clear. Raises ValueError, naming the setting and not the URL."""
    parts = urlsplit(url)
    in_the_clear = parts.scheme == "http" and (allow_http or parts.hostname in _LOOPBACK)
    if not parts.hostname or not (parts.scheme == "https" or in_the_clear):
        raise ValueError(f"{name} must begin with https:// and name a host; http:// is for this machine only")
