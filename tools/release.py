"""Keeps the schemas of a release for good, and says where today's can no longer read them: `make release-schemas`.

`schemas/capillary/released/` holds `<event>.<fingerprint>.avsc` for every schema that a release carried, and SHA256SUMS
(the form of `sha256sum`), so that a change to one is seen. `problems` is what CI asks.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from processor.avro import Admitted, IncompatibleSchema, RefusedSchema, admit, build_decoder
from processor.avro.types import NO_DEFAULT, Array, Enum, Fixed, Map, Record, Type, Union
from processor.settings import schemas_dir

SUMS = "SHA256SUMS"


def problems(contracts: Path) -> list[str]:
    """What is wrong with the released schemas of a directory of contracts; empty when all is well."""
    released = contracts / "released"
    return [*_changed(released), *_incompatible(contracts)]


def release(contracts: Path) -> list[str]:
    """Copies every contract that no release had yet; the names of the new files."""
    released = contracts / "released"
    sums = _sums(released)
    added: list[str] = []
    for file in sorted(contracts.glob("*.avsc")):
        content = file.read_bytes()
        schema = json.loads(content)
        name = f"{schema['event']}.{admit(schema).fingerprint.hex()}.avsc"
        if name not in sums:
            (released / name).write_bytes(content)
            sums[name] = hashlib.sha256(content).hexdigest()
            added.append(name)
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    (released / SUMS).write_text("".join(lines), encoding="utf-8")
    return added


def _sums(released: Path) -> dict[str, str]:
    file = released / SUMS
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _changed(released: Path) -> Iterator[str]:
    sums, files = _sums(released), {file.name: file for file in sorted(released.glob("*.avsc"))}
    for name in sorted(sums.keys() - files.keys()):
        yield f"{name}: was released and is gone: restore it"
    for name, file in files.items():
        content = file.read_bytes()
        if name not in sums:
            yield f"{name}: is not in {SUMS}: `make release-schemas` adds files, nobody else does"
        elif hashlib.sha256(content).hexdigest() != sums[name]:
            yield f"{name}: was released and has changed: restore it, change ../{name.partition('.')[0]}.avsc instead"
        try:
            fingerprint = admit(content.decode()).fingerprint.hex()
        except (RefusedSchema, ValueError) as error:
            yield f"{name}: {error}"
            continue
        if name.split(".")[-2] != fingerprint:
            yield f"{name}: its fingerprint is {fingerprint}"


def _incompatible(contracts: Path) -> Iterator[str]:
    readers: dict[str, tuple[Path, Any]] = {}
    for file in sorted(contracts.glob("*.avsc")):
        schema = json.loads(file.read_bytes())
        readers[admit(schema).name] = (file, schema)
    for file in sorted((contracts / "released").glob("*.avsc")):
        writer = json.loads(file.read_bytes())
        name = admit(writer).name
        if name not in readers:
            yield f"{file.name}: no contract has a record called {name} any more"
        elif why := unreadable(admit(writer), readers[name][1]):
            yield f"{file.name}: {readers[name][0].name} cannot read it: {why}"


def unreadable(writer: Admitted, reader: Mapping[str, object]) -> str | None:
    """What of a writer's schema a reader's cannot read, whatever a record holds; None where it can read everything."""
    admitted = admit(reader)
    try:
        build_decoder(writer, admitted, [field.name for field in admitted.type.fields])
    except IncompatibleSchema as why:
        return str(why)
    return next(_gaps(writer.type, admitted.type, ""), None)


_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def _gaps(writer: Type, reader: Type, place: str) -> Iterator[str]:
    """Avro resolves a union when it meets a value; here every branch that a writer may use must find its reader."""
    if isinstance(writer, Union):
        for branch in writer.branches:
            yield from _gaps(branch, reader, place)
        return
    branches = reader.branches if isinstance(reader, Union) else (reader,)
    fitting = next((branch for branch in branches if _fits(writer, branch)), None)
    if fitting is None:
        yield f"{place}: {writer.kind} may come, and {reader.kind} is expected"
    else:
        yield from _inside(writer, fitting, place)


def _inside(writer: Type, reader: Type, place: str) -> Iterator[str]:
    match writer, reader:
        case Record(), Record():
            yield from _of_fields(writer, reader, f"{place}." if place else "")
        case Array(items=old), Array(items=new):
            yield from _gaps(old, new, f"{place}[]")
        case Map(values=old), Map(values=new):
            yield from _gaps(old, new, f"{place}{{}}")
        case Enum(symbols=before), Enum(symbols=now, default=None) if lost := set(before) - set(now):
            yield f"{place}: {', '.join(sorted(lost))} is known no more"


def _of_fields(writer: Record, reader: Record, prefix: str) -> Iterator[str]:
    written = {field.name: field.type for field in writer.fields}
    for field in reader.fields:
        name = next((name for name in (field.name, *field.aliases) if name in written), None)
        if name is not None:
            yield from _gaps(written[name], field.type, prefix + field.name)
        elif field.default is NO_DEFAULT:
            yield f"{prefix}{field.name}: is not there, and has no default"


def _fits(writer: Type, reader: Type) -> bool:
    if isinstance(writer, Fixed) and isinstance(reader, Fixed):
        return writer.size == reader.size
    return writer.kind == reader.kind or reader.kind in _PROMOTIONS.get(writer.kind, ())


def main() -> int:
    """Releases what is new, unless something is wrong with what was released before."""
    contracts = schemas_dir() / "capillary"
    if found := problems(contracts):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    print(*(release(contracts) or ["nothing new"]), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
