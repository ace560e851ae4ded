"""A sink for the bench: the stand-in for AEP with its checks off, in a process of its own.

python -m bench.sink LATENCY
"""

from __future__ import annotations

import sys
import threading

from processor.settings import schemas_dir
from processor.simulator.account import Account, load_datasets
from processor.simulator.simulator import Simulator


def main(latency: float) -> None:
    """Serves until killed; the first line says where."""
    account = Account()
    datasets = load_datasets(schemas_dir() / "xdm", account)
    with Simulator(datasets, account, validate=False, keep=False, latency=latency) as simulator:
        print(simulator.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(float(sys.argv[1]))
