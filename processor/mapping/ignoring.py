"""Which events go nowhere on purpose, and that no event is both ignored and mapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from processor.capillary import UNDOCUMENTED, ContractError, Ignored, fold, load_ignored
from processor.mapping.language import IGNORED, Language, MappingSpec
from processor.mapping.locator import locate
from processor.mapping.problems import Problem, hint, line_in
from processor.mapping.sources import Reader


@dataclass(frozen=True, slots=True)
class Wanted:
    """The mappings that stay, and the events that are ignored, by all the names that they may come under."""

    language: Language
    ignored: Ignored
    problems: tuple[Problem, ...]


def wanted(language: Language, readers: Mapping[str, Reader], contracts: Path, overlay: Path | None) -> Wanted:
    """Takes out of the mappings what a brand's `ignored.toml` switches off.

    An event that we ignore and a file of ours maps is a mistake, and so is one of the brand's of which both are true;
    a brand may ignore what we map, and under `[undocumented]` what neither we nor Capillary's documents know.

    Raises:
        OSError: a file cannot be read.
    """
    problems: list[Problem] = []
    ours = _load(contracts, f"{contracts.name}/{IGNORED}", problems)
    brands = Ignored({}) if overlay is None else _load(overlay, str(overlay / IGNORED), problems)
    kept: list[MappingSpec] = []
    switched_off: dict[str, str] = {}
    for spec in language.mappings:
        reader = readers.get(spec.event)
        names = (spec.event, *(reader.aliases if reader else ()))
        by_us, by_brand = (next((name for name in names if name in some), None) for some in (ours, brands))
        if spec.brand and by_brand is not None and overlay is not None:
            problems.append(_clash(overlay / IGNORED, str(overlay / IGNORED), by_brand, spec))
        elif not spec.brand and by_us is not None:
            problems.append(_clash(contracts / IGNORED, f"{contracts.name}/{IGNORED}", by_us, spec))
        if by_brand is None or spec.brand:
            kept.append(spec)
        elif reader is not None:
            switched_off[reader.record.rpartition(".")[2]] = brands[by_brand]
    if overlay is not None:
        mappable = [name for reader in readers.values() for name in (reader.event, *reader.aliases)]
        problems += _unknown(overlay, brands, [*ours, *mappable])
    mapped = {fold(spec.event) for spec in kept}
    left = {name: reason for name, reason in {**switched_off, **ours, **brands}.items() if fold(name) not in mapped}
    return Wanted(replace(language, mappings=tuple(kept)), Ignored(left), tuple(problems))


def _load(directory: Path, label: str, problems: list[Problem]) -> Ignored:
    try:
        return load_ignored(directory)
    except ContractError as error:
        said = str(error).removeprefix(f"{IGNORED}: ")
        line = line_in(said) or _line(directory / IGNORED, said.rpartition(":")[0])
        problems.append(Problem(label, line, "ignored", said))
        return Ignored({})


def _unknown(overlay: Path, brands: Ignored, documented: Sequence[str]) -> Iterator[Problem]:
    """Names of a brand that would ignore nothing, because no event comes under them."""
    folded = {fold(name) for name in documented}
    for name in brands:
        if fold(name) not in folded and name not in brands.undocumented:
            message = f"is no event type that we know{hint(name, documented)}; a new one stands under [{UNDOCUMENTED}]"
            yield Problem(str(overlay / IGNORED), _line(overlay / IGNORED, name), name, message)


def _clash(file: Path, label: str, name: str, spec: MappingSpec) -> Problem:
    return Problem(label, _line(file, name), name, f"is mapped by {spec.place.file}: keep that file, or this line")


def _line(file: Path, name: str) -> int:
    lines = locate(file.read_text(encoding="utf-8", errors="replace"))
    return next((number for keys, number in lines.items() if fold(str(keys[-1])) == fold(name)), 0)
