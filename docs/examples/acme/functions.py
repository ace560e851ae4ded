"""What Acme's mappings may `call` beside the functions that come with the program."""

from __future__ import annotations

from processor.mapping.values import Noted, Rows

SMALLEST, LARGEST = 15.0, 55.0  # European sizes


def shoe_size(fields: Rows) -> float | Noted[float] | None:
    """The size among the custom fields, European, in halves: `42,5` and `42.5` are the same."""
    for name, value in fields:
        if str(name).strip().casefold() == "shoe_size" and value is not None:
            try:
                size = float(str(value).replace(",", "."))
            except ValueError:
                return Noted(None, ("no number",))
            return size if SMALLEST <= size <= LARGEST else Noted(None, ("not plausible",))
    return None


FUNCTIONS = (shoe_size,)
