"""The contracts of Capillary's events, for commands that read them."""

from __future__ import annotations

from processor.capillary import ContractError, Contracts, load_contracts
from processor.commands import CommandFailed, Invocation
from processor.settings import MappingsSettings, schemas_dir


def contracts_of(invocation: Invocation) -> Contracts:
    """Ours, with what the brand ignores. Raises CommandFailed."""
    try:
        return load_contracts(schemas_dir() / "capillary", invocation.section(MappingsSettings).dir)
    except ContractError as error:
        raise CommandFailed(str(error)) from None
