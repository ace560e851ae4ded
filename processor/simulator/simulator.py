"""The stand-in for Adobe Experience Platform: IMS and the streaming inlet behind one port.

A test, the demo and `capillary-aep simulate` all use this class. It judges as AEP would, fails on demand, and remembers
what it accepted in a ledger that the worker cannot touch.
"""

from __future__ import annotations

import itertools
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Self

import orjson

from processor.model import Destination
from processor.simulator import admin, ims
from processor.simulator.account import Account, Dataset
from processor.simulator.faults import PRESETS, Fault, FaultPlan, Faults
from processor.simulator.http import HttpServer, Incoming, Outgoing
from processor.simulator.inlet import LARGEST_REQUEST, Inlet, Shape, Verdict, bad_request
from processor.simulator.ledger import Ledger

_BATCH = "/collection/batch"
_COLLECTIONS = ("/collection", _BATCH)
_NO_FAULT = Fault()


class Simulator:
    """Serves from `start` to `stop`, or as a context manager.

    Args:
        datasets: by dataset id, see `load_datasets`.
        account: ids and credential.
        port: 0 picks a free one.
        host: the address to listen on.
        faults: what goes wrong from the start.
        shape: how failing elements of a 207 look.
        validate: whether entities are checked against their schemas.
        keep: False counts accepted messages and keeps nothing of them.
        authentication: whether the inlet asks for a token.
        token_life: seconds that a token lives.
        jwt: whether tokens tell their age.
        expired_status: 401 or 403 to a token that has expired.
        latency: seconds before each reply of the inlet.
        state: a directory for `accepted.ndjson`, a line per accepted message.
        tls: serve HTTPS with this context.
        idle_seconds: how long a connection may be silent.
    """

    def __init__(
        self,
        datasets: Mapping[str, Dataset],
        account: Account | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        faults: FaultPlan = PRESETS["none"],
        shape: Shape = Shape.STATUS,
        validate: bool = True,
        keep: bool = True,
        authentication: bool = True,
        token_life: float = 86_400.0,
        jwt: bool = True,
        expired_status: int = 401,
        latency: float = 0.0,
        state: Path | None = None,
        tls: ssl.SSLContext | None = None,
        idle_seconds: float = 60.0,
    ) -> None:
        self.account = account or Account()
        self.datasets = datasets
        self.faults = Faults(faults)
        self.ledger = Ledger(keep=keep, journal=state / "accepted.ndjson" if state else None)
        self.ims = ims.Ims(self.account, token_life=token_life, jwt=jwt, expired_status=expired_status)
        self.latency = latency
        self._inlet = Inlet(self.account, datasets, shape=shape, validate=validate)
        self._authentication = authentication
        self._numbers = itertools.count()
        self._answered: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._scheme = "https" if tls else "http"
        self._server = HttpServer(self._handle, host=host, port=port, tls=tls, idle_seconds=idle_seconds)

    # ---- life --------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begins to serve; the port was taken before."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Ends every connection and every wait, and closes the journal."""
        self._server.stop()
        self.ledger.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def url(self) -> str:
        """`http://HOST:PORT`: the base of IMS."""
        return f"{self._scheme}://{self._server.host}:{self.port}"

    @property
    def inlet_url(self) -> str:
        """The URL of the streaming connection, as AEP shows it."""
        return f"{self.url}/collection/{self.account.inlet_id}"

    def settings(self) -> dict[str, dict[str, object]]:
        """The settings of a worker that sends here: tables `aep` and `destinations`."""
        account = self.account
        return {
            "aep": {
                "inlet_url": self.inlet_url,
                "ims_url": self.url,
                "client_id": account.client_id,
                "client_secret": account.client_secret,
                "org_id": account.org_id,
                "tenant": account.tenant,
                "sandbox": account.sandbox,
            },
            "destinations": {
                dataset.name: {"schema_id": dataset.schema_id, "dataset_id": dataset.dataset_id}
                for dataset in self.datasets.values()
            },
        }

    def destinations(self) -> dict[str, Destination]:
        """What a worker that sends here would wrap its entities in, by name: for tests and benchmarks."""
        return {dataset.name: _destination(self.account, dataset) for dataset in self.datasets.values()}

    # ---- what a test says --------------------------------------------------------------------------------------------

    def script(self, *faults: Fault) -> None:
        """Each fault happens once, to the next request that it is for, in this order."""
        self.faults.script(*faults)

    def drop_connections(self) -> None:
        """Ends every connection, as a load balancer may."""
        self._server.drop_connections()

    def reset(self) -> None:
        """Forgets what was accepted, and lets nothing go wrong any more."""
        self.faults.reset()
        self.ledger.reset()
        with self._lock:
            self._answered.clear()

    def answered(self) -> dict[str, int]:
        """How many requests were answered how: by status, by cut."""
        with self._lock:
            return dict(self._answered)

    # ---- requests ----------------------------------------------------------------------------------------------------

    def _handle(self, incoming: Incoming) -> Outgoing:
        path = incoming.path
        if path.startswith(admin.PREFIX):
            return admin.answer(self, incoming)
        where = "ims" if path in ims.PATHS else "inlet"
        if where == "inlet" and not path.startswith("/collection/"):
            return Outgoing(404)
        if incoming.method != "POST":
            return Outgoing(405, headers={"Allow": "POST"})
        fault = self.faults.next("ims" if where == "ims" else "inlet", incoming.body) or _NO_FAULT
        reply = self._treat(where, incoming, fault) if fault.treats else None
        reply = _spoilt(reply or Outgoing(fault.status or 0), fault)
        if where == "inlet":
            reply = replace(reply, delay=reply.delay + self.latency)
        with self._lock:
            self._answered[f"{where} {reply.cut.value if reply.cut else reply.status}"] += 1
        return reply

    def _treat(self, where: str, incoming: Incoming, fault: Fault) -> Outgoing:
        if where == "ims":
            return self.ims.token(incoming)
        collection, _, inlet_id = incoming.path.rpartition("/")
        if collection not in _COLLECTIONS or inlet_id != self.account.inlet_id:
            return Outgoing(404)
        if self._authentication and (refusal := self.ims.refusal(incoming.headers.get("authorization", ""))):
            return refusal
        return self._collect(incoming, fault, is_batch=collection == _BATCH)

    def _collect(self, incoming: Incoming, fault: Fault, *, is_batch: bool) -> Outgoing:
        if len(incoming.body) > LARGEST_REQUEST:
            return Outgoing(413)
        if not incoming.headers.get("content-type", "").startswith("application/json"):
            return bad_request("A valid content-type must be specified")
        try:
            document = orjson.loads(incoming.body)
        except orjson.JSONDecodeError:
            return bad_request("Message has unknown xdm format")
        return self._batch(document, fault) if is_batch else self._single(document, fault)

    def _batch(self, document: object, fault: Fault) -> Outgoing:
        messages = document.get("messages") if isinstance(document, dict) else None
        if not isinstance(messages, list) or not messages:
            return bad_request("Message has unknown xdm format")
        verdicts = [self._inlet.judge(message) for message in messages]
        if self._is_poisoned(verdicts):
            return Outgoing(500)
        for position, status in {**self.faults.items(len(verdicts)), **fault.items}.items():
            if position < len(verdicts) and not verdicts[position].status:
                verdicts[position] = Verdict(status=status, message="Try again later")
        self._accept(verdicts, fault)
        return self._inlet.batch_reply(verdicts, fault.twist)

    def _single(self, document: object, fault: Fault) -> Outgoing:
        verdict = self._inlet.judge(document)
        if self._is_poisoned([verdict]):
            return Outgoing(500)
        self._accept([verdict], fault)
        return self._inlet.single_reply(verdict)

    def _is_poisoned(self, verdicts: Sequence[Verdict]) -> bool:
        poisoned = self.faults.poisoned
        return poisoned is not None and any(poisoned(verdict.entity) for verdict in verdicts if not verdict.status)

    def _accept(self, verdicts: Sequence[Verdict], fault: Fault) -> None:
        accepted = [(verdict.dataset, verdict.entity) for verdict in verdicts if verdict.dataset]
        self.ledger.accept(next(self._numbers), accepted, hidden=fault.hides)


def _destination(account: Account, dataset: Dataset) -> Destination:
    schema = {"id": dataset.schema_id, "contentType": "application/vnd.adobe.xed-full+json;version=1"}
    header = {
        "schemaRef": schema,
        "imsOrgId": account.org_id,
        "datasetId": dataset.dataset_id,
        "source": {"name": "capillary"},
    }
    prefix = b'{"header":%b,"body":{"xdmMeta":%b,"xdmEntity":' % (
        orjson.dumps(header),
        orjson.dumps({"schemaRef": schema}),
    )
    return Destination(dataset.name, profile=dataset.profile, prefix=prefix, suffix=b"}}")


def _spoilt(reply: Outgoing, fault: Fault) -> Outgoing:
    """The reply as the fault leaves it."""
    headers = dict(reply.headers)
    if fault.retry_after is not None:
        headers["Retry-After"] = _retry_after(fault.retry_after)
    if fault.location is not None:
        headers["Location"] = fault.location
    if fault.status is not None:
        kind = "text/html" if fault.body.startswith("<") else "application/json"
        reply = Outgoing(fault.status, fault.body.encode(), content_type=kind)
    return replace(reply, headers=headers, cut=fault.cut, delay=fault.delay, drip=fault.drip)


def _retry_after(text: str) -> str:
    seconds = text.removeprefix("date+")
    return text if seconds == text else formatdate(time.time() + float(seconds), usegmt=True)
