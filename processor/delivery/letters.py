"""Dead letters from the decision to the acknowledgement of all in-sync replicas; so long their lanes are held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from processor.delivery.batch import Item
from processor.model import DeadLetter, Refusal
from processor.partitions.lanes import Work


class Letter(NamedTuple):
    """A dead letter with what it answers for: one message, or the whole record (None)."""

    letter: DeadLetter
    work: Work
    item: Item | None


class Letters:
    """Those to produce, and those that were handed out and are not acknowledged. `tickets` numbers them."""

    def __init__(self, tickets: Iterator[int]) -> None:
        self._tickets = tickets
        self._open: dict[int, Letter] = {}
        self._unsent: list[DeadLetter] = []

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unsent(self) -> int:
        """How many have not been handed out."""
        return len(self._unsent)

    @property
    def sent(self) -> int:
        """How many were handed out and are not acknowledged."""
        return len(self._open) - len(self._unsent)

    def write(self, work: Work, item: Item | None, refusal: Refusal) -> DeadLetter:
        """Makes the dead letter of a record, or of one of its messages, to be handed out by the next `take`."""
        translated = work.translated
        outputs = (item.message.to.name,) if item else ()
        letter = DeadLetter(next(self._tickets), work.record, refusal, translated.event, outputs, translated.schema_id)
        self._open[letter.ticket] = Letter(letter, work, item)
        self._unsent.append(letter)
        return letter

    def take(self) -> list[DeadLetter]:
        """Hands out those to produce."""
        unsent, self._unsent = self._unsent, []
        return unsent

    def acknowledged(self, ticket: int) -> Letter | None:
        """What an acknowledgement settles; None when nobody waits for it any more."""
        entry = self._open.pop(ticket, None)
        return None if entry is None or entry.work.lane.partition.closed else entry

    def forget_closed(self) -> list[int]:
        """Drops those of closed epochs, and returns their tickets: whoever gets the records writes them again."""
        dead = [ticket for ticket, entry in self._open.items() if entry.work.lane.partition.closed]
        for ticket in dead:
            del self._open[ticket]
        self._unsent = [letter for letter in self._unsent if letter.ticket in self._open]
        return dead
