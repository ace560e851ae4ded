"""Which events go nowhere on purpose, and that no event is both ignored and mapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from processor.capillary import ContractError, Ignored, fold, load_ignored
from processor.mapping.language import IGNORED, Language, MappingSpec
from processor.mapping.locator import locate
from processor.mapping.problems import Problem
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
    a brand may ignore what we map.

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
    mapped = {fold(spec.event) for spec in kept}
    left = {name: reason for name, reason in {**switched_off, **ours, **brands}.items() if fold(name) not in mapped}
    return Wanted(replace(language, mappings=tuple(kept)), Ignored(left), tuple(problems))


def _load(directory: Path, label: str, problems: list[Problem]) -> Ignored:
    try:
        return load_ignored(directory)
    except ContractError as error:
        problems.append(Problem(label, 0, "ignored", str(error)))
        return Ignored({})


def _clash(file: Path, label: str, name: str, spec: MappingSpec) -> Problem:
    lines = locate(file.read_text(encoding="utf-8"))
    line = next((number for (key, *_), number in lines.items() if fold(str(key)) == fold(name)), 0)
    return Problem(label, line, name, f"is mapped by {spec.place.file}: keep that file, or this line")
