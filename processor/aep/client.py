"""AEP's streaming inlet: one batch, one POST, one answer, whatever happens.

Address, body and headers: Adobe's batch ingestion tutorial and API reference. The reference asks for `x-sandbox-name`,
Adobe's own examples send `sandbox-name`: both go out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from processor.aep import retry_after
from processor.aep.http import Http, Lost, check_url
from processor.aep.token_state import Token
from processor.model import Answer, Failure, Message, Request


class Inlet:
    """The batch endpoint of one streaming connection. Threads may share it.

    Args:
        url: `https://HOST/collection/INLET_ID`, with or without `batch/`.
        http: the connections to use.
        org_id: the IMS organisation.
        client_id: client id of the credential, also the API key.
        sandbox: the sandbox's name.
        allow_http: send in the clear to a host other than this machine; for a stand-in in a container.

    Raises:
        ValueError: the URL is no inlet's, or would send the token in the clear. The text does not repeat the URL.
    """

    def __init__(
        self, url: str, http: Http, *, org_id: str, client_id: str, sandbox: str, allow_http: bool = False
    ) -> None:
        check_url(url, "AEP__INLET_URL", allow_http=allow_http)
        self._url = batch_url(url)
        self._http = http
        self._headers = {
            "content-type": "application/json",
            "x-api-key": client_id,
            "x-gw-ims-org-id": org_id,
            "sandbox-name": sandbox,
            "x-sandbox-name": sandbox,
        }

    def __repr__(self) -> str:
        return "Inlet()"

    def post(self, request: Request, token: Token | None) -> Answer:
        """Makes one attempt. Ends at the request's deadline and never raises for what the network does."""
        if token is None:
            return Answer(request.ticket, failure=Failure.NOT_SENT, detail="no access token at hand")
        began = time.monotonic()
        reply = self._http.post(
            self._url,
            self._headers | {"authorization": f"Bearer {token.value}"},
            body_of(request.messages),
            deadline=request.deadline,
            not_after=request.not_after,
        )
        answer = Answer(request.ticket, token=token.number, seconds=time.monotonic() - began)
        if isinstance(reply, Lost):
            return answer._replace(failure=reply.failure, detail=reply.detail)
        wait = retry_after.seconds(reply.headers.get("retry-after"), reply.headers.get("date"), time.time())
        return answer._replace(status=reply.status, body=reply.body, retry_after=wait)

    def close(self) -> None:
        """Closes idle connections."""
        self._http.close()


def batch_url(url: str) -> str:
    """The batch address of an inlet; one that is the batch address already stays as it is.

    Raises ValueError where the path is not `/collection/INLET_ID`, without repeating it.
    """
    parts = urlsplit(url)
    found = re.fullmatch(r"(.*/collection)/(?:batch/)?([A-Za-z0-9_-]+)/?", parts.path)
    if not found or found[2] == "batch" or parts.query or parts.fragment:
        raise ValueError("AEP__INLET_URL must look like https://HOST/collection/INLET_ID")
    return urlunsplit((parts.scheme, parts.netloc, f"{found[1]}/batch/{found[2]}", "", ""))


def body_of(messages: Sequence[Message]) -> bytes:
    """`{"messages":[...]}`, copied once."""
    pieces = [b'{"messages":[']
    for message in messages:
        pieces += (message.to.prefix, message.entity, message.to.suffix, b",")
    pieces[-1] = b"]}" if messages else b'{"messages":[]}'
    return b"".join(pieces)
