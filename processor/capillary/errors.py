"""What can be wrong with a document from Capillary as a whole, and with what we know about its events."""

from __future__ import annotations


class CapillaryError(Exception):
    """A document that is no event we can take. No part of the text is a value out of the payload.

    Attributes:
        what: what is wrong.
        where: the place in the document, as a path.
        remedy: what somebody can do about it.
    """

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.where}: {self.what}; {self.remedy}"


class IgnoredEventError(CapillaryError):
    """An event of a type that goes nowhere on purpose; nothing is wrong with it."""

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


class ContractError(Exception):
    """A file in `schemas/capillary/` that is none of ours; names file and place."""
