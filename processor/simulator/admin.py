"""The stand-in's own surface under `/_stand-in/`, in JSON, for people and for tests whose workers are processes.

| request | what it does |
|---|---|
| `GET /_stand-in/` | this table, as text |
| `GET /_stand-in/counts` | sums of the ledger, requests by answer, tokens given |
| `GET /_stand-in/settings` | the settings of a worker that sends here |
| `GET /_stand-in/accepted?since=N&limit=M` | accepted messages in order, from number N on |
| `GET /_stand-in/profile?dataset=NAME&identity=NAMESPACE:ID` | the last write; 404 where there is none |
| `GET /_stand-in/faults` | the rates in force |
| `PUT /_stand-in/faults` | sets them: `{"preset": "none", "some" or "storm"}`, rates by name, or both |
| `POST /_stand-in/script` | one fault or a list, each for one request: `{"status": 503, "retry_after": "2"}` |
| `POST /_stand-in/expire` | no token that was given is good any more |
| `POST /_stand-in/drop` | ends every connection |
| `POST /_stand-in/reset` | forgets what was accepted; nothing goes wrong any more |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import orjson

from processor.simulator.account import Account
from processor.simulator.faults import Fault, FaultPlan
from processor.simulator.http import Incoming, Outgoing

if TYPE_CHECKING:
    from processor.simulator.simulator import Simulator

PREFIX = "/_stand-in/"

_LONGEST_PAGE = 100_000

Route = Callable[["Simulator", Incoming], object]


def answer(simulator: Simulator, incoming: Incoming) -> Outgoing:
    """Answers one request to this surface."""
    route = _ROUTES.get((incoming.method, incoming.path.removeprefix(PREFIX)))
    if route is None:
        return Outgoing(404, b'{"error":"see GET /_stand-in/"}')
    try:
        result = route(simulator, incoming)
    except (ValueError, TypeError, KeyError) as error:
        return Outgoing(400, orjson.dumps({"error": str(error)}))
    if isinstance(result, Outgoing):
        return result
    return Outgoing(200, orjson.dumps(result, option=orjson.OPT_NON_STR_KEYS))


def _help(_: Simulator, __: Incoming) -> object:
    return Outgoing(200, (__doc__ or "").encode(), content_type="text/markdown; charset=utf-8")


def _counts(simulator: Simulator, _: Incoming) -> object:
    counts = simulator.ledger.counts()._asdict()
    return {**counts, "answered": simulator.answered(), "tokens": simulator.ims.issued}


def _settings(simulator: Simulator, _: Incoming) -> object:
    settings = simulator.settings()
    if simulator.account.client_secret != Account().client_secret:
        settings["aep"]["client_secret"] = "***"  # noqa: S105 - a mask; it came out of somebody's settings, and may be a real one
    return settings


def _accepted(simulator: Simulator, incoming: Incoming) -> object:
    query = parse_qs(incoming.query)
    since, limit = (int(query.get(name, ["0"])[0]) for name in ("since", "limit"))
    if since < 0:
        raise ValueError("since must not be negative")
    return [each._asdict() for each in simulator.ledger.accepted(since, limit or _LONGEST_PAGE)]


def _profile(simulator: Simulator, incoming: Incoming) -> object:
    query = parse_qs(incoming.query)
    entity = simulator.ledger.profile(query["dataset"][0], query["identity"][0])
    return Outgoing(404, b"{}") if entity is None else entity


def _show_faults(simulator: Simulator, _: Incoming) -> object:
    return asdict(simulator.faults.plan) | {"scripted": simulator.faults.waiting()}


def _set_faults(simulator: Simulator, incoming: Incoming) -> object:
    simulator.faults.plan = FaultPlan.from_json(_object(orjson.loads(incoming.body)))
    return _show_faults(simulator, incoming)


def _script(simulator: Simulator, incoming: Incoming) -> object:
    document = orjson.loads(incoming.body)
    faults = [Fault.from_json(_object(each)) for each in (document if isinstance(document, list) else [document])]
    simulator.script(*faults)
    return {"scripted": simulator.faults.waiting()}


def _expire(simulator: Simulator, _: Incoming) -> object:
    simulator.ims.expire()
    return {}


def _drop(simulator: Simulator, _: Incoming) -> object:
    simulator.drop_connections()
    return {}


def _reset(simulator: Simulator, _: Incoming) -> object:
    simulator.reset()
    return {}


def _object(document: object) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - one kind of error for who asked
    return document


_ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", ""): _help,
    ("GET", "counts"): _counts,
    ("GET", "settings"): _settings,
    ("GET", "accepted"): _accepted,
    ("GET", "profile"): _profile,
    ("GET", "faults"): _show_faults,
    ("PUT", "faults"): _set_faults,
    ("POST", "script"): _script,
    ("POST", "expire"): _expire,
    ("POST", "drop"): _drop,
    ("POST", "reset"): _reset,
}
