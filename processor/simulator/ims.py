"""Adobe IMS, as far as a server-to-server credential sees it.

`/ims/token/v3` and `/ims/token/v2` answer in seconds, `/ims/token` in milliseconds. Bodies of errors: observed by
clients of Adobe's, see the server-to-server guide for the rest.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import threading
import time
from urllib.parse import parse_qs

from processor.simulator.account import Account
from processor.simulator.http import Incoming, Outgoing

PATHS = ("/ims/token/v3", "/ims/token/v2", "/ims/token")

_PROBLEM = "https://ns.adobe.com/adobecloud/problem/data-collection-service-authorization"


class Ims:
    """Gives tokens, and knows which are good.

    Args:
        account: whose credential it is.
        token_life: seconds that a token lives.
        jwt: whether a token tells its age to who looks into it; else it is a mere word.
        expired_status: what the inlet answers to a token that was good once; Adobe's pages say 401 and 403.
    """

    def __init__(
        self, account: Account, *, token_life: float = 86_400.0, jwt: bool = True, expired_status: int = 401
    ) -> None:
        self.token_life = token_life
        self._account = account
        self._jwt = jwt
        self._expired_status = expired_status
        self._lock = threading.Lock()
        self._good_until: dict[str, float] = {}
        self._issued = 0

    @property
    def issued(self) -> int:
        """How many tokens were given."""
        return self._issued

    def token(self, incoming: Incoming) -> Outgoing:
        """Answers a request for a token."""
        form = {name: values[-1] for name, values in parse_qs(f"{incoming.query}&{_text(incoming.body)}").items()}
        if error := self._refusal(form):
            return Outgoing(400, json.dumps(error).encode())
        token = self._issue()
        life = self.token_life * (1000 if incoming.path == "/ims/token" else 1)
        answer = {"access_token": token, "token_type": "bearer", "expires_in": int(life)}
        return Outgoing(200, json.dumps(answer).encode())

    def _refusal(self, form: dict[str, str]) -> dict[str, str] | None:
        if "grant_type" not in form:
            return {"error": "invalid_request"}
        if form["grant_type"] != "client_credentials":
            return {"error": "unsupported_grant_type"}
        if form.get("client_id") != self._account.client_id:
            return {"error": "invalid_client", "error_description": "invalid client_id parameter"}
        if not hmac.compare_digest(form.get("client_secret", "").encode(), self._account.client_secret.encode()):
            return {"error": "invalid_client", "error_description": "invalid client_secret parameter"}
        return None if form.get("scope") else {"error": "invalid_scope"}

    def _issue(self) -> str:
        word = secrets.token_urlsafe(24)
        token = self._as_jwt(word) if self._jwt else f"stand-in-{word}"
        with self._lock:
            self._issued += 1
            self._good_until[token] = time.monotonic() + self.token_life
        return token

    def _as_jwt(self, word: str) -> str:
        claims = {
            "id": word,
            "type": "access_token",
            "client_id": self._account.client_id,
            "created_at": str(int(time.time() * 1000)),
            "expires_in": str(int(self.token_life * 1000)),
        }
        return ".".join((_part({"alg": "none", "typ": "JWT"}), _part(claims), word))

    def expire(self) -> None:
        """No token that was given is good any more."""
        with self._lock:
            self._good_until = dict.fromkeys(self._good_until, 0.0)

    def refusal(self, authorization: str) -> Outgoing | None:
        """What the inlet answers to this header; None when the token is good."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return problem(401, "Ims service token is empty")
        until = self._good_until.get(token)
        if until is None:
            return problem(401, "Ims service token is invalid")
        if time.monotonic() >= until:
            return problem(self._expired_status, "Ims service token has expired")
        return None


def problem(status: int, message: str) -> Outgoing:
    """The body that Adobe documents for an inlet that needs a token; `status` in it is text."""
    body = {
        "type": _PROBLEM,
        "status": str(status),
        "title": "Authorization",
        "report": {"message": f"[id] {message}"},
    }
    return Outgoing(status, json.dumps(body).encode(), content_type="application/problem+json")


def _text(body: bytes | bytearray) -> str:
    return body.decode("latin-1")


def _part(document: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()
