"""Adobe IMS: the credential in, an access token out. One question, one answer, no waiting.

Address, form and answers: Adobe's OAuth server-to-server guide; the texts of refusals were observed. The form goes in
the body, where nothing logs it, and is percent-encoded: a secret may hold `&`, `+` and `%`.
"""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode, urlsplit

from processor.aep import retry_after
from processor.aep.http import Http, Lost, Reply, check_url
from processor.aep.token_state import Granted, ImsAnswer, Refused, Unavailable, life_seconds

SCOPES = ("openid", "AdobeID", "read_organizations", "additional_info.projectedProductContext", "session")

_FINAL = frozenset({"unauthorized_client", "unsupported_grant_type", "access_denied"})
_ID, _SECRET = "AEP__CLIENT_ID", "AEP__CLIENT_SECRET"


class Ims:
    """Asks for access tokens with one OAuth server-to-server credential.

    Args:
        url: the base (`https://ims-na1.adobelogin.com`), or the address of a token endpoint.
        http: the connections to use.
        client_id: of the credential.
        client_secret: of the credential; never in a URL, a log line or a repr.
        scopes: what the token is for.
        timeout: seconds for one question.
        allow_http: send in the clear to a host other than this machine; for a stand-in in a container.

    Raises:
        ValueError: the URL would send the secret in the clear.
    """

    def __init__(
        self,
        url: str,
        http: Http,
        *,
        client_id: str,
        client_secret: str,
        scopes: tuple[str, ...] = SCOPES,
        timeout: float = 15.0,
        allow_http: bool = False,
    ) -> None:
        check_url(url, "AEP__IMS_URL", allow_http=allow_http)
        self._url = token_url(url)
        self._http = http
        self._timeout = timeout
        self._form = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": client_secret,
                "scope": ",".join(scopes),
            }
        ).encode()

    def __repr__(self) -> str:
        return f"Ims({urlsplit(self._url).hostname})"

    def ask(self) -> ImsAnswer:
        """Asks once for a token. Never raises for what the network does."""
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        reply = self._http.post(self._url, headers, self._form, deadline=time.monotonic() + self._timeout)
        return Unavailable(f"IMS: {reply.detail}") if isinstance(reply, Lost) else read(reply, time.time())

    def close(self) -> None:
        """Closes idle connections."""
        self._http.close()


def token_url(url: str) -> str:
    """The token endpoint; a base gets the one that Adobe documents, `/ims/token/v3`."""
    base = url.rstrip("/")
    return base if "/ims/token" in urlsplit(base).path else f"{base}/ims/token/v3"


def read(reply: Reply, now: float) -> ImsAnswer:
    """What a reply of IMS means. `now` is in seconds since 1970."""
    document = _document(reply.body)
    token = document.get("access_token")
    if reply.status == 200 and isinstance(token, str) and token:  # noqa: PLR2004 - HTTP's own
        if not (token.isascii() and token.isprintable() and " " not in token):
            return Unavailable("IMS: HTTP 200 with a token that no header can carry")
        return Granted(token, life_seconds(token, document.get("expires_in"), int(now * 1000)))
    error = str(document.get("error", ""))
    if reply.status in (400, 401, 403) and (error.startswith("invalid_") or error in _FINAL):
        return Refused(_refusal(error, str(document.get("error_description", ""))))
    wait = retry_after.seconds(reply.headers.get("retry-after"), reply.headers.get("date"), now)
    return Unavailable(f"IMS: HTTP {reply.status}{_HINTS.get(reply.status, ' without a token')}", wait)


_HINTS = {404: ": check AEP__IMS_URL", 429: ": too many requests", 503: ": unavailable"}


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _refusal(error: str, description: str) -> str:
    """Names the setting to look at. What IMS describes in its own words is not repeated: it may quote the request."""
    if error == "invalid_client":
        wrong = _ID if "client_id" in description else _SECRET if "client_secret" in description else ""
        return f"IMS refuses the credential ({error}): check {wrong or f'{_ID} and {_SECRET}'}"
    if error.startswith("invalid_scope"):
        return f"IMS refuses the scopes ({error}): the credential of {_ID} needs the Experience Platform API"
    known = error if error.replace("_", "").isalpha() and len(error) < 40 else "an unknown error"  # noqa: PLR2004
    return f"IMS refuses the request ({known}): check {_ID}, {_SECRET} and that the credential is server-to-server"
