"""The mapping language: TOML files -> specifications, with every problem of form and its line.

One file per event. Closed vocabulary (design, section 5); what needs the Avro or the XDM schema is checked in
`binding`.

    event = "pointsIssued"                            the event, the same as the file's name
    [unsent]                                          what goes nowhere, on purpose: Avro path = reason
    "data.lastName" = "personal data: ..."            a record or array by its root; inside arrays go on with a dot
    [lookup.NAME]                                     a table of texts for `lookup`; "*" is what all else becomes
    [[output]]
    to = "events"                                     destination: a file in schemas/xdm/
    name = "events"                                   only where one destination has several outputs; part of `_id`
    when = { call = "f", with = [...], otherwise = "rule" }   or a list; `otherwise` names the skip that is counted
    each = "data.coupons"                             one message per item, told apart in `_id` by what `key` names:
    key = "id"                                        a path in the item, or a list of them; the first must be there
    [output.fields]
    "target" = { from = "path" }                      or a list of paths: the first present wins; `as` = a coercion
    "target" = { const = 1 }
    "target" = { lookup = "NAME", from = "path" }
    "target" = { call = "function", with = ["path", "rows.path[column,column]", "@now", { const = 1 }] }
    [output.fields."list"]                            or [[...]] for several: each gives its elements, in this order
    each = "data.items"                               left out: one element, from the event itself
    fields."name" = { from = "path" }                 a path inside the item, else one of the event

Every leaf of the event's Avro schema is read by an output (common block and `when` included) or listed as unsent, in
the file or in `_common.toml`; the file must not list what one of its outputs reads, `_common.toml` may.

Every field may say `required = true`, but not a part of several; in a Profile output it is required anyway, or says
`absent = "clear"` (not in a list inside a list, where nobody knows what the writer had). A function that returns `GONE`
says of its own that the event means there is none: Profile goes out without the field.

`@now`, `@received` (Kafka's timestamp), both in milliseconds, `@output` (its name), `@item` (its key, a text) and
`@value` (the item itself, of a list of plain values) can be read like paths.

Of a fan-out an item that lacks its key or what is required is left out and counted (`item without identityMap`); where
no item is left, or the list could not be read, the event is a dead letter.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path

from processor.mapping.locator import KeyPath, locate
from processor.mapping.problems import Problem, hint, line_in

COMMON = "_common.toml"
IGNORED = "ignored.toml"
"""Not a mapping, though it may lie beside a brand's: events that go nowhere (`processor.capillary.ignored`)."""
BRAND_FUNCTIONS = "functions.py"
BRAND_SCHEMAS = "xdm"
KINDS = ("events", "profile")
CONTEXT = ("@now", "@received", "@output", "@item", "@value")

Table = Mapping[str, str | int | float | bool]
EntryName = tuple[str, str]
"""The name of a lookup table, and a key in it as keys are compared."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands, with the text of its line."""

    file: str
    line: int
    text: str

    def problem(self, where: str, message: str) -> Problem:
        """A problem at this place."""
        return Problem(self.file, self.line, where, message)


@dataclass(frozen=True, slots=True)
class FromSpec:
    """`from` and `as`."""

    paths: tuple[str, ...]
    coercion: str | None


@dataclass(frozen=True, slots=True)
class ConstSpec:
    """`const`."""

    value: object


@dataclass(frozen=True, slots=True)
class LookupSpec:
    """`lookup` and `from`."""

    table: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallSpec:
    """`call` and `with`."""

    function: str
    arguments: tuple[str | ConstSpec, ...]


@dataclass(frozen=True, slots=True)
class PartSpec:
    """`each` and `fields`: the elements of one part of a list."""

    each: str | None
    fields: tuple[FieldSpec, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class PartsSpec:
    """All parts of a list."""

    parts: tuple[PartSpec, ...]


Verb = FromSpec | ConstSpec | LookupSpec | CallSpec | PartsSpec


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One target and where it comes from."""

    target: str
    verb: Verb
    required: bool
    clear: bool
    place: Place


@dataclass(frozen=True, slots=True)
class ConditionSpec:
    """`when`: an output applies if the function says so; `otherwise` names the skip (empty: nothing is counted)."""

    call: CallSpec
    otherwise: str
    place: Place


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One output of a mapping."""

    to: str
    name: str
    each: str | None
    key: tuple[str, ...]
    conditions: tuple[ConditionSpec, ...]
    fields: tuple[FieldSpec, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class UnsentSpec:
    """One line of `[unsent]`: a path of the event, with all below it, and why no output reads it."""

    path: str
    reason: str
    place: Place


@dataclass(frozen=True, slots=True)
class MappingSpec:
    """One file; `brand` tells whether it is the brand's own, `entries` where each entry of its tables stands."""

    event: str
    outputs: tuple[OutputSpec, ...]
    tables: Mapping[str, Table]
    unsent: tuple[UnsentSpec, ...]
    place: Place
    brand: bool = False
    entries: Mapping[EntryName, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CommonSpec:
    """`_common.toml`: what outputs of one kind share unless they say otherwise, shared tables, what no event sends."""

    fields: Mapping[str, tuple[FieldSpec, ...]] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    unsent: tuple[UnsentSpec, ...] = ()
    entries: Mapping[EntryName, Place] = field(default_factory=dict)

    def under(self, brand: CommonSpec) -> CommonSpec:
        """This one with a brand's laid over it."""
        fields = {
            kind: tuple({field.target: field for field in (*ours, *brand.fields.get(kind, ()))}.values())
            for kind, ours in {**dict.fromkeys(brand.fields, ()), **self.fields}.items()
        }
        names = dict.fromkeys((*self.tables, *brand.tables))
        tables = {name: {**self.tables.get(name, {}), **brand.tables.get(name, {})} for name in names}
        unsent = tuple({spec.path: spec for spec in (*self.unsent, *brand.unsent)}.values())
        return CommonSpec(fields, tables, unsent, {**self.entries, **brand.entries})


@dataclass(frozen=True, slots=True)
class Language:
    """All files of a directory and of the brand's directory laid over it."""

    mappings: tuple[MappingSpec, ...]
    common: CommonSpec
    problems: tuple[Problem, ...]
    functions: Path | None


def load_language(directory: Path, overlay: Path | None = None) -> Language:
    """Reads every mapping. A file of the overlay replaces ours of the same name; its `functions.py` is only found here.

    `_common.toml` of the overlay is laid over ours instead: fields of the same target, entries of the same table and
    unsent paths replace ours, others are added.

    A file that cannot be read is a problem like any other, and so is what the overlay has and nobody reads.

    Raises:
        NotADirectoryError: `overlay` is none.
    """
    files = {file.name: (f"{directory.name}/{file.name}", file) for file in sorted(directory.glob("*.toml"))}
    functions = brands_common = None
    problems: list[Problem] = []
    if overlay is not None:
        if not overlay.is_dir():
            raise NotADirectoryError(f"{overlay} is no directory")
        strays = _strays(overlay, files)
        problems += strays.values()
        read = (file for file in sorted(overlay.glob("[!.]*.toml")) if file.name not in (IGNORED, *strays))
        theirs = {file.name: (str(file), file) for file in read}
        brands_common = theirs.pop(COMMON, None)
        files |= theirs
        functions = overlay / BRAND_FUNCTIONS if (overlay / BRAND_FUNCTIONS).is_file() else None
    common = CommonSpec()
    for label, file in filter(None, (files.pop(COMMON, None), brands_common)):
        text = _text_of(label, file)
        spec, found = (CommonSpec(), (text,)) if isinstance(text, Problem) else read_common(label, text)
        common = common.under(spec)
        problems += found
    mappings: list[MappingSpec] = []
    for _, (label, file) in sorted(files.items()):
        text = _text_of(label, file)
        mapping, found = (None, (text,)) if isinstance(text, Problem) else read_mapping(label, text)
        if mapping is not None:
            mappings.append(replace(mapping, brand=overlay is not None and file.parent == overlay))
        problems += found
    return Language(tuple(mappings), common, tuple(problems), functions)


_OF_A_BRAND = (COMMON, IGNORED, BRAND_FUNCTIONS, f"{BRAND_SCHEMAS}/")
_NEAR = 0.85  # of function.py to functions.py it is 0.96, of test_functions.py 0.83


def _strays(overlay: Path, mappings: Iterable[str]) -> dict[str, Problem]:
    """What lies in a brand's directory and is read by nobody, by its name; `mappings` are the names of our files."""
    entries = {entry.name: entry for entry in sorted(overlay.iterdir())}
    known = {*_OF_A_BRAND, *mappings}
    problems: dict[str, Problem] = {}
    for name, entry in entries.items():
        if not _belongs(entry, entries.keys(), known):
            near = hint(name.lower(), known) or hint(name, _OF_A_BRAND)
            where = "directory" if entry.is_dir() else "file"
            more = _SCHEMAS_ELSEWHERE if entry.suffix == ".json" else near
            problems[name] = Problem(str(entry), 0, where, f"is read by nobody{more}")
    return problems


_SCHEMAS_ELSEWHERE = f"; schemas belong into {BRAND_SCHEMAS}/, events to try beside the mapping of their name"


def _belongs(entry: Path, beside: Collection[str], known: Iterable[str]) -> bool:
    """Whether it may lie there: what somebody reads, with its tests and examples, and texts about it."""
    name = entry.name
    if entry.is_dir() and entry.suffix != ".toml":  # who would read a mapping says that it is a directory
        return name.startswith(".") or name in (BRAND_SCHEMAS, "__pycache__", "lost+found")
    near = get_close_matches(name.lower(), _OF_A_BRAND, cutoff=_NEAR)
    may = {
        ".toml": not name.startswith("_") and not near,  # an event; whether there is such a one, is seen later
        ".py": BRAND_FUNCTIONS in beside and not near,
        ".json": f"{entry.stem}.toml" in beside,
        ".md": True,
        "": name not in {Path(other).stem for other in known},  # a LICENSE, and no mapping that lost its suffix
    }
    return name.startswith(".") or name in _OF_A_BRAND or may.get(entry.suffix, False)


def _text_of(label: str, file: Path) -> str | Problem:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        return Problem(label, 0, "file", f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return Problem(label, 0, "file", "is not UTF-8 text")


def read_mapping(file: str, text: str) -> tuple[MappingSpec | None, tuple[Problem, ...]]:
    """One mapping file; None when the text is no TOML at all."""
    reader = _FileReader.open(file, text)
    if isinstance(reader, Problem):
        return None, (reader,)
    return reader.mapping(), tuple(reader.problems)


def read_common(file: str, text: str) -> tuple[CommonSpec, tuple[Problem, ...]]:
    """`_common.toml`."""
    reader = _FileReader.open(file, text)
    if isinstance(reader, Problem):
        return CommonSpec(), (reader,)
    return reader.common(), tuple(reader.problems)


_TARGET = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*", re.ASCII)
_PATH = re.compile(r"@?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?:\[[A-Za-z0-9_.,]+\])?", re.ASCII)
_VERBS = ("from", "const", "lookup", "call", "each", "fields")
_KEYS = {
    "from": {"from", "as"},
    "const": {"const"},
    "lookup": {"lookup", "from"},
    "call": {"call", "with"},
    "each": {"each", "fields"},
}
_ALWAYS = {"required", "absent"}


def _is_constant(value: object) -> bool:
    """Whether generated code can hold a value: infinity and what is no number have no literal."""
    return isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))


class _FileReader:
    """Reads one file, collects what is wrong with it and goes on."""

    def __init__(self, file: str, text: str, document: dict[str, object]) -> None:
        self._file = file
        self._lines = text.split("\n")
        self._places = locate(text)
        self._document = document
        self.problems: list[Problem] = []

    @classmethod
    def open(cls, file: str, text: str) -> _FileReader | Problem:
        try:
            return cls(file, text, tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            return Problem(file, line_in(str(error)), "TOML", str(error))
        except RecursionError:
            return Problem(file, 0, "TOML", "tables or lists hold each other too deep")
        except ValueError as error:  # a number of thousands of digits
            return Problem(file, 0, "TOML", str(error))

    def mapping(self) -> MappingSpec | None:
        self._known(self._document, {"event", "output", "lookup", "unsent"}, ())
        event = self._text(self._document, "event", ())
        if event is not None and event != Path(self._file).stem:
            self._say(("event",), "event", f'"{event}" does not agree with the name of the file')
        outputs = self._outputs()
        if event is None:
            return None
        tables, entries = self._lookups()
        return MappingSpec(event, outputs, tables, self._unsent(), self._place(("event",)), entries=entries)

    def common(self) -> CommonSpec:
        self._known(self._document, {*KINDS, "lookup", "unsent"}, ())
        fields: dict[str, tuple[FieldSpec, ...]] = {}
        for kind in KINDS:
            table = self._document.get(kind, {})
            if not isinstance(table, dict):
                self._say((kind,), kind, "is a table")
                continue
            self._known(table, {"fields"}, (kind,))
            fields[kind] = self._fields(table.get("fields", {}), (kind, "fields"))
        tables, entries = self._lookups()
        return CommonSpec(fields, tables, self._unsent(), entries)

    # ---- outputs ----

    def _outputs(self) -> tuple[OutputSpec, ...]:
        if "output" not in self._document:
            self._say((), "output", "there is no [[output]]: nothing would be sent")
            return ()
        tables = self._tables_of(self._document["output"], ("output",), "output")
        return tuple(spec for path, table in tables if (spec := self._output(table, path)) is not None)

    def _output(self, table: dict[str, object], path: KeyPath) -> OutputSpec | None:
        known = self._known(table, {"to", "name", "when", "each", "key", "fields"}, path)
        to = self._text(table, "to", path)
        name = self._text(table, "name", path) if "name" in table else to
        each = self._path(table["each"], (*path, "each"), "each") if "each" in table else None
        key = self._paths(table["key"], (*path, "key"), "key") if "key" in table else ()
        if known and ("each" in table) != ("key" in table):
            self._say(path, "each", "`each` on an output and `key`, the path that tells its items apart, go together")
        conditions = self._conditions(table.get("when"), path)
        fields = self._fields(table.get("fields", {}), (*path, "fields"))
        if to is None or name is None or not known:  # without its `each` an output would be another one
            return None
        return OutputSpec(to, name, each, key, conditions, fields, self._place(path))

    def _conditions(self, value: object, path: KeyPath) -> tuple[ConditionSpec, ...]:
        where = (*path, "when")
        tables = value if isinstance(value, list) else [] if value is None else [value]
        return tuple(spec for table in tables if (spec := self._condition(table, where)) is not None)

    def _condition(self, table: object, path: KeyPath) -> ConditionSpec | None:
        if not isinstance(table, dict):
            self._say(path, "when", 'is { call = "function", with = [...] }')
            return None
        if not self._known(table, {"call", "with", "otherwise"}, path):
            return None
        call = self._call(table, path, "when")
        otherwise = table.get("otherwise", "")
        if not isinstance(otherwise, str):
            self._say(path, "otherwise", "names a rule, in words")
            return None
        return None if call is None else ConditionSpec(call, otherwise, self._place(path))

    # ---- fields ----

    def _fields(self, table: object, path: KeyPath, prefix: str = "") -> tuple[FieldSpec, ...]:
        if not isinstance(table, dict):
            self._say(path, "fields", 'is a table: "target" = { from = "path" }')
            return ()
        found: list[FieldSpec] = []
        for key, value in table.items():
            target, place = prefix + key, (*path, key)
            if _is_nested(value):
                found += self._fields(value, place, f"{target}.")
            elif (field := self._field(target, value, place)) is not None:
                found.append(field)
        return tuple(found)

    def _field(self, target: str, value: object, path: KeyPath) -> FieldSpec | None:
        if not _TARGET.fullmatch(target):
            self._say(path, target, "is no path of names joined by dots")
            return None
        if isinstance(value, list):
            tables = self._tables_of(value, path, target)
            parts = tuple(part for where, table in tables if (part := self._part(table, where, target)) is not None)
            if not parts or len(parts) < len(tables):
                return None
            return FieldSpec(target, PartsSpec(parts), required=False, clear=False, place=self._place(path))
        if not isinstance(value, dict):
            self._say(path, target, 'is a table: { from = "path" }, { const = ... }, { call = ..., with = [...] }')
            return None
        verb = self._verb(value, path, target)
        required, clear = self._flags(value, path, target)
        return None if verb is None else FieldSpec(target, verb, required, clear, self._place(path))

    def _flags(self, value: dict[str, object], path: KeyPath, target: str) -> tuple[bool, bool]:
        required, absent = value.get("required", False), value.get("absent")
        if not isinstance(required, bool):
            self._say(path, target, "required is true or false")
        if absent not in (None, "clear"):
            self._say(path, target, 'absent can only be "clear"')
        if required is True and absent is not None:
            self._say(path, target, 'is required or says absent = "clear", not both')
        return required is True, absent == "clear"

    def _verb(self, value: dict[str, object], path: KeyPath, target: str) -> Verb | None:
        verbs = [verb for verb in ("lookup", "call", "const", "each", "fields", "from") if verb in value]
        if verbs in (["lookup", "from"], ["each", "fields"]):
            verbs = verbs[:1]
        if len(verbs) != 1:
            said = " and ".join(verbs) or "none" + "".join(hint(key, _VERBS) for key in value if key not in _ALWAYS)
            self._say(path, target, f"needs exactly one of from, const, lookup, call, each; has {said}")
            return None
        verb = "each" if verbs[0] == "fields" else verbs[0]
        if not self._known(value, _KEYS[verb] | _ALWAYS, path, target):
            return None
        read: Callable[[dict[str, object], KeyPath, str], Verb | None] = {
            "from": self._from,
            "const": self._const,
            "lookup": self._lookup,
            "call": self._call,
            "each": self._each,
        }[verb]
        return read(value, path, target)

    def _from(self, value: dict[str, object], path: KeyPath, target: str) -> FromSpec | None:
        paths = self._paths(value["from"], path, target)
        coercion = value.get("as")
        if coercion is not None and not isinstance(coercion, str):
            self._say(path, target, "as names a coercion")
            return None
        return FromSpec(paths, coercion) if paths else None

    def _const(self, value: dict[str, object], _path: KeyPath, _target: str) -> ConstSpec:
        return ConstSpec(value["const"])

    def _lookup(self, value: dict[str, object], path: KeyPath, target: str) -> LookupSpec | None:
        paths = self._paths(value.get("from"), path, target)
        table = value["lookup"]
        if not isinstance(table, str):
            self._say(path, target, "lookup names a table")
            return None
        return LookupSpec(table, paths) if paths else None

    def _call(self, value: dict[str, object], path: KeyPath, target: str) -> CallSpec | None:
        function, given = value.get("call"), value.get("with")
        if not isinstance(function, str) or not isinstance(given, list):
            self._say(path, target, "call names a function and with lists all that it reads")
            return None
        found = [self._argument(item, path, target) for item in given]
        arguments = tuple(item for item in found if item is not None)
        return CallSpec(function, arguments) if len(arguments) == len(given) else None

    def _argument(self, item: object, path: KeyPath, target: str) -> str | ConstSpec | None:
        if isinstance(item, dict) and item.keys() == {"const"} and _is_constant(item["const"]):
            return ConstSpec(item["const"])
        if isinstance(item, dict):
            if self._known(item, {"const"}, path, target):
                self._say(path, target, "a constant among the arguments is a text, a finite number or a boolean")
            return None
        return self._path(item, path, target)

    def _each(self, value: dict[str, object], path: KeyPath, target: str) -> PartsSpec:
        return PartsSpec((self._element(value, path, target),))

    def _part(self, value: dict[str, object], path: KeyPath, target: str) -> PartSpec | None:
        """One of several: none of them says whether the list is required."""
        if not self._known(value, _KEYS["each"], path, target):
            return None  # without its `each` its fields would be read elsewhere
        return self._element(value, path, target)

    def _element(self, value: dict[str, object], path: KeyPath, target: str) -> PartSpec:
        each = self._path(value["each"], path, target) if "each" in value else None
        fields = self._fields(value.get("fields", {}), (*path, "fields"))
        if not fields:
            self._say(path, target, "an element needs fields")
        return PartSpec(each, fields, self._place(path))

    # ---- smaller things ----

    def _paths(self, value: object, path: KeyPath, target: str) -> tuple[str, ...]:
        listed = value if isinstance(value, list) else [value]
        if not listed:
            self._say(path, target, "a path is missing: one, or a list of them")
        found = [self._path(item, path, target) for item in listed]
        paths = tuple(item for item in found if item is not None)
        return paths if len(paths) == len(listed) else ()

    def _path(self, value: object, path: KeyPath, target: str) -> str | None:
        if isinstance(value, str) and _PATH.fullmatch(value):
            return value
        self._say(path, target, f"{value!r} is no path of names joined by dots")
        return None

    def _lookups(self) -> tuple[dict[str, Table], dict[EntryName, Place]]:
        tables: dict[str, Table] = {}
        entries: dict[EntryName, Place] = {}
        lookups = self._document.get("lookup", {})
        if not isinstance(lookups, dict):
            self._say(("lookup",), "lookup", "is a table of tables: [lookup.NAME]")
            return {}, {}
        for name, table in lookups.items():
            if not isinstance(table, dict) or not all(isinstance(value, str | int | float) for value in table.values()):
                self._say(("lookup", name), name, "a lookup table has plain values only")
                continue
            tables[name] = {key.strip().casefold(): value for key, value in table.items()}
            for key in table:
                entry, place = (name, key.strip().casefold()), self._place(("lookup", name, key))
                if entry in entries:
                    twice = f"is given twice, also in line {entries[entry].line}"
                    self.problems.append(place.problem(key, f"{twice}; casing and blanks around it do not count"))
                entries[entry] = place
        return tables, entries

    def _unsent(self) -> tuple[UnsentSpec, ...]:
        table = self._document.get("unsent", {})
        if not isinstance(table, dict):
            self._say(("unsent",), "unsent", 'is a table: "path" = "reason"')
            return ()
        found: list[UnsentSpec] = []
        for path, reason in table.items():
            where = ("unsent", path)
            if not isinstance(reason, str) or not reason.strip():
                self._say(where, path, 'needs a reason, in words; paths stand in quotation marks: "path" = "reason"')
            elif not _TARGET.fullmatch(path):
                self._say(where, path, "is no path of names joined by dots")
            else:
                found.append(UnsentSpec(path, reason.strip(), self._place(where)))
        return tuple(found)

    def _text(self, table: Mapping[str, object], key: str, path: KeyPath) -> str | None:
        value = table.get(key)
        if isinstance(value, str) and value:
            return value
        self._say((*path, key), key, "is missing" if value is None else "is a text")
        return None

    def _tables_of(self, value: object, path: KeyPath, where: str) -> list[tuple[KeyPath, dict[str, object]]]:
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            return [((*path, number), table) for number, table in enumerate(value)]
        self._say(path, where, "is a list of tables: [[...]]")
        return []

    def _known(self, table: Mapping[str, object], keys: Iterable[str], path: KeyPath, where: str = "") -> bool:
        known = set(keys)
        for key in table.keys() - known:
            self._say((*path, key), where or key, f'unknown key "{key}"{hint(key, known)}')
        return table.keys() <= known

    def _say(self, path: KeyPath, where: str, message: str) -> None:
        self.problems.append(self._place(path).problem(where, message))

    def _place(self, path: KeyPath) -> Place:
        """The line of a key, or of the nearest key or header around it."""
        for length in range(len(path), 0, -1):
            if (line := self._places.get(path[:length])) is not None:
                return Place(self._file, line, self._lines[line - 1].strip())
        return Place(self._file, 1, self._lines[0].strip())


def _is_nested(value: object) -> bool:
    """Whether a table under `fields` goes on with the target's path: written without quotation marks, TOML nests."""
    return (
        isinstance(value, dict)
        and bool(value)
        and not any(key in value for key in _VERBS)
        and all(isinstance(item, dict | list) for item in value.values())
    )
