"""Checked mappings -> Python source -> functions, as dataclasses does it.

One function per output, flat statements, each field with its TOML line as a comment. What a function gives back is
valid for its XDM schema by construction: every value goes through the steps of `coercion`, nothing empty is ever put
in, and what XDM requires is there or the message is not. Only checked identifiers and `repr()` reach the source.

Calls that several fields make with the same arguments are made once, by `shared`: functions are pure, and a record has
one time and one customer. The functions take what the decoder gives (one value per want), what `shared` gave, the wall
clock and Kafka's timestamp in milliseconds, the wants that the writer's schema knows, and a list that takes the notes.
They return

    an event      the entity's bytes
    a fan-out     a list of them, with a Skip for every item that is left out
    Profile       (bytes, primary identity)
    any           a Skip of the output, or None where `when` says no without naming a rule

and raise `Unmappable` where the record cannot do without something that is not there.
"""

from __future__ import annotations

import hashlib
import keyword
import linecache
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from math import isfinite

import orjson

from processor.mapping import values
from processor.mapping.bound import (
    Argument,
    BoundMapping,
    Condition,
    Constant,
    Context,
    Field,
    Invoke,
    Literal,
    Lookup,
    Output,
    Part,
    Parts,
    Pick,
    Readable,
    Ref,
    RowsRef,
    Unread,
    item_columns,
    item_want,
    returned,
    whole_path,
)
from processor.mapping.coercion import Set, Step, Test, conforms, scalar_steps
from processor.mapping.fitting import fit, spare
from processor.mapping.language import Place
from processor.mapping.registry import Function
from processor.mapping.sources import Columns, Source
from processor.mapping.xdm import Array, Map, Node, Object
from processor.model import Skip

Result = bytes | list[bytes | Skip] | tuple[bytes, str] | Skip | None
Values = tuple[object, ...]
Share = Callable[[Values, int, int], Values]
Write = Callable[[Values, Values, int, int, frozenset[str], list[str]], Result]

ONCE = (None,)
"""What a loop over a single element runs over, so that `continue` leaves it out."""


@dataclass(frozen=True, slots=True, eq=False)
class CompiledOutput:
    """One output: where it goes and the function that writes it."""

    to: str
    name: str
    profile: bool
    write: Write


@dataclass(frozen=True, slots=True, eq=False)
class CompiledMapping:
    """One event's mapping as code.

    `share(values, now, received)` gives what every `write` wants as its second argument. `source` is what tracebacks
    show under `filename`.
    """

    event: str
    record: str
    customer: str | None
    wants: tuple[str | Columns, ...]
    share: Share
    outputs: tuple[CompiledOutput, ...]
    source: str
    filename: str


def compile_mapping(mapping: BoundMapping) -> CompiledMapping:
    """Writes and compiles the code of one mapping."""
    writer = _Writer(mapping)
    source = writer.module()
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    filename = f"<mapping {mapping.event} {digest}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    names = dict(writer.names)
    exec(compile(source, filename, "exec"), names)  # noqa: S102 - source of identifiers that were checked and of reprs
    outputs = tuple(
        CompiledOutput(output.to, output.name, output.profile, names[f"output_{number}"])  # type: ignore[arg-type]
        for number, output in enumerate(mapping.outputs)
    )
    reader = mapping.reader
    share: Share = names["shared"]  # type: ignore[assignment]
    return CompiledMapping(
        mapping.event, reader.record, reader.customer, mapping.wants, share, outputs, source, filename
    )


# ---- what the code calls ----


def primary_identity(identities: values.IdentityMap) -> str | None:
    """The id that is marked primary; None where there is none or more than one."""
    if len(identities) == 1:  # as every Profile write of ours has it
        (listed,) = identities.values()
        if len(listed) == 1 and listed[0].get("primary") is True:
            only = listed[0].get("id")
            return only if isinstance(only, str) else None
    found = [item.get("id") for listed in identities.values() for item in listed if item.get("primary") is True]
    return found[0] if len(found) == 1 and isinstance(found[0], str) else None


def rows_of(items: object, columns: tuple[tuple[str, ...], ...]) -> list[tuple[object, ...]]:
    """An array of records inside an item, which the decoder gives as dicts, as rows."""
    listed = items if isinstance(items, list) else ()
    return [tuple(_walk(item, column) for column in columns) for item in listed]


def _walk(value: object, path: tuple[str, ...]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


_NAMES: dict[str, object] = {
    "BOOLEANS": values.BOOLEANS,
    "GONE": values.GONE,
    "Noted": values.Noted,
    "ONCE": ONCE,
    "PLACEHOLDERS": values.PLACEHOLDERS,
    "Skip": Skip,
    "Unmappable": values.Unmappable,
    "conforms": conforms,
    "day_of": values.day_of,
    "dumps": orjson.dumps,
    "fit": fit,
    "isfinite": isfinite,
    "item_key": values.item_key,
    "parse_date": values.parse_date,
    "parse_integer": values.parse_integer,
    "parse_number": values.parse_number,
    "parse_time": values.parse_time,
    "primary_identity": primary_identity,
    "rfc3339": values.rfc3339,
    "rounded": values.rounded,
    "rows_of": rows_of,
    "undecided": values.undecided,
    "unreadable": values.unreadable,
    "was_dropped": values.was_dropped,
}


@dataclass(slots=True, eq=False)
class _Frame:
    """Where the fields that are being written stand.

    `item` names the loop variable, `columns` what its tuple holds; `leave` is the statement that gives up the element
    or message, `label` the path for notes, `within` that of the items in the event. `single` tells an element that may
    just as well not be there.
    """

    output: Output
    item: str | None = None
    columns: tuple[str, ...] | None = None
    label: str = ""
    within: str = ""
    element: bool = False
    single: bool = False


class _Writer:
    """Writes the source of one mapping. `names` is what the source finds as globals."""

    def __init__(self, mapping: BoundMapping) -> None:
        self._mapping = mapping
        self._index = {want: number for number, want in enumerate(mapping.wants)}
        self._lines: list[str] = []
        self._depth = 0
        self._numbers = 0
        self._shared: dict[str, int] = {}
        self.names = dict(_NAMES)

    # ---- lines and names ----

    def _say(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._say(head)
        self._depth += 1
        before = len(self._lines)
        yield
        if len(self._lines) == before:
            self._say("pass")
        self._depth -= 1

    def _comment(self, place: Place, text: str | None = None) -> None:
        """A line of the mapping, or what is said of it; nothing in a file can end the comment."""
        said = f"# {place.file}:{place.line}  {place.text if text is None else text}"
        self._say("".join(letter if letter.isprintable() else " " for letter in said))

    def _name(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}{self._numbers}"

    def _constant(self, value: object) -> str:
        for name, known in self.names.items():
            if name.startswith("k_") and _is_same(known, value):
                return name
        name = f"k_{sum(known.startswith('k_') for known in self.names)}"
        self.names[name] = value
        return name

    def _function(self, invoke: Invoke) -> str:
        name = f"f_{invoke.function.name}"
        assert re.fullmatch(r"f_[a-z0-9_]+", name)
        assert not keyword.iskeyword(name)
        self.names[name] = invoke.function.call
        return name

    # ---- the module and its outputs ----

    def module(self) -> str:
        self._say(f"# {self._mapping.event}: the code that its mapping means; written by the compiler")
        for number, want in enumerate(self._mapping.wants):
            shown = want if isinstance(want, str) else f"{want.path}[{','.join(want.items)}]"
            self._say(f"#   v[{number}] {shown}")
        self._share()
        for number, output in enumerate(self._mapping.outputs):
            self._say("")
            self._say("")
            with self._block(f"def output_{number}(v, s, now, received, known, notes):"):
                self._output(output)
        return "\n".join(self._lines) + "\n"

    def _share(self) -> None:
        """Numbers the calls that are made more than once for a record, and writes the function that makes them."""
        counts: Counter[str] = Counter()
        for output in self._mapping.outputs:
            frame = _Frame(output)
            counts.update(self._call_source(invoke, frame) for invoke in _invokes(output) if _is_sharable(invoke))
        calls = [call for call, count in counts.items() if count > 1]
        self._shared = {call: number for number, call in enumerate(calls)}
        self._say("")
        self._say("")
        with self._block("def shared(v, now, received):"):
            self._say("return (")
            for call in calls:
                self._say(f"    {call},")
            self._say(")")

    def _output(self, output: Output) -> None:
        self._comment(output.place, f"{output.name} -> {output.to}")
        frame = _Frame(output)
        for condition in output.conditions:
            self._condition(condition, frame)
        if output.each is not None:
            self._fan_out(output)
            return
        self._message(output, frame)
        if output.profile:
            self._say('identity = primary_identity(o["identityMap"])')
            with self._block("if identity is None:"):
                self._say(f"return Skip('withheld: no one primary identity', {output.to!r})")
            self._say("return dumps(o), identity")
        else:
            self._say(f"return fit(o, {self._constant(spare(output))}, notes)")

    def _condition(self, condition: Condition, frame: _Frame) -> None:
        self._comment(condition.place)
        if "dropped" in self._index and condition.reads:
            dropped = f"v[{self._index['dropped']}]"
            with self._block(f"if {dropped} and (lost := unreadable({condition.reads!r}, {dropped})):"):
                if frame.output.withholds(condition):
                    self._say(f"return Skip(undecided(lost), {frame.output.to!r})")
                else:
                    self._say("raise Unmappable('when', undecided(lost))")
        call = self._call(condition.invoke, frame)
        with self._block(f"if not {call}:"):
            if condition.otherwise:
                self._say(f"return Skip({condition.otherwise!r}, {frame.output.to!r})")
            else:
                self._say("return None")

    def _fan_out(self, output: Output) -> None:
        assert output.each is not None
        columns = item_columns(output.fields, output.key)
        frame = _Frame(output, "item", columns)
        self._say("found = []")
        self._say("left_out = []")
        self._say("seen = set()")
        with self._block(f"for item in {self._read(output.each, frame, columns)} or ():"):
            self._say(f"key = item_key({', '.join(self._read(ref, frame) for ref in output.key)})")
            with self._block("if key in seen:"):
                self._say(f"notes.append({f'{output.name}:given twice'!r})")
                self._say("continue")
            with self._block(f"if {self._read(output.key[0], frame)} is None:"):
                self._leave_out_item(output.key[0].path, output)
            self._message(output, frame)
            self._say(f"found.append(fit(o, {self._constant(spare(output))}, notes))")
            self._say("seen.add(key)")
        with self._block("if not found:"):
            self._nothing_found(output, output.each.path)
        self._say("return found + left_out")

    def _leave_out_item(self, target: str, output: Output) -> None:
        self._say(f"left_out.append(Skip({f'item without {target}'!r}, {output.to!r}))")
        self._say("continue")

    def _nothing_found(self, output: Output, each: str) -> None:
        """No message out of a fan-out: there were no items, or all that there were is lost."""
        with self._block("if left_out:"):
            self._say(f"raise Unmappable({each!r}, 'no item can be sent; ' + left_out[0].rule)")
        if "dropped" in self._index:
            with self._block(f"if was_dropped({(each,)!r}, v[{self._index['dropped']}]):"):
                self._say(f"raise Unmappable({each!r}, 'could not be read')")
        self._say(f"return Skip('nothing to send', {output.to!r})")

    # ---- objects ----

    def _message(self, output: Output, frame: _Frame) -> None:
        """Fills `o`, the entity."""
        self._say("o = {}")
        self._object("o", output.fields, output.schema.root, "", frame)
        for name in self._may_lack(output.fields, output.schema.root.required, ""):
            with self._block(f"if {name!r} not in o:"):
                self._end(name, frame, "absent")

    def _object(self, variable: str, fields: tuple[Field, ...], node: Node, prefix: str, frame: _Frame) -> bool:
        """Fills an object; tells whether it surely gets something."""
        assert isinstance(node, Object)
        filled = False
        groups: dict[str, list[Field]] = {}
        for field in fields:
            groups.setdefault(field.target[len(prefix) :].partition(".")[0], []).append(field)
        for name, members in groups.items():
            if members[0].target == prefix + name:
                if not isinstance(members[0].verb, Parts):  # each part has a line of its own
                    self._comment(members[0].place)
                filled = self._leaf(f"{variable}[{name!r}]", members[0], frame) or filled
            else:
                filled = (
                    self._child(
                        f"{variable}[{name!r}]", tuple(members), node.properties[name], f"{prefix}{name}.", frame
                    )
                    or filled
                )
        return filled

    def _child(self, into: str, fields: tuple[Field, ...], child: Node, path: str, frame: _Frame) -> bool:
        assert isinstance(child, Object)
        variable = self._name("o")
        self._say(f"{variable} = {{}}")
        filled = self._object(variable, fields, child, path, frame)
        self._drop_incomplete(variable, fields, child, path, frame)
        sure = filled and not self._may_lack(fields, child.required, path)
        with nullcontext() if sure else self._block(f"if {variable}:"):
            self._say(f"{into} = {variable}")
        return sure

    @staticmethod
    def _may_lack(fields: tuple[Field, ...], required: frozenset[str], path: str) -> list[str]:
        """Names that are required of an object and that may not be there when the code has run."""
        sure = {field.target for field in fields if field.sure or isinstance(field.verb, Constant)}
        return [name for name in sorted(required) if f"{path}{name}" not in sure]

    def _drop_incomplete(
        self, variable: str, fields: tuple[Field, ...], node: Object, path: str, frame: _Frame
    ) -> None:
        missing = self._may_lack(fields, node.required, path)
        if not missing:
            return
        lacks = " or ".join(f"{name!r} not in {variable}" for name in missing)
        with self._block(f"if {variable} and ({lacks}):"):
            where = frame.label + path.removesuffix(".")
            if frame.output.profile:
                self._withhold(where, frame)
            else:
                self._say(f"notes.append({f'{where}:incomplete'!r})")
                self._say(f"{variable} = {{}}")

    # ---- leaves ----

    def _leaf(self, into: str, field: Field, frame: _Frame) -> bool:
        """Sets one field; tells whether it is surely set."""
        match field.verb:
            case Constant(value):
                self._say(f"{into} = {value!r}")
                return True
            case Pick() as pick:
                self._pick(into, field, pick, frame)
            case Lookup() as lookup:
                self._lookup(into, field, lookup, frame)
            case Invoke() as invoke:
                self._invoke(into, field, invoke, frame)
            case Parts() as parts:
                self._parts(into, field, parts, frame)
        return field.sure

    def _pick(self, into: str, field: Field, pick: Pick, frame: _Frame) -> None:
        self._first(pick.refs, frame)
        self._store(into, field, frame, pick.source, pick.coercion)

    def _first(self, refs: tuple[Readable, ...], frame: _Frame) -> None:
        """`x` = the first value that is present; a blank text and an empty list or map are not."""
        self._say(f"x = {self._read(refs[0], frame)}")
        for ref in refs[1:]:
            present = {"string": "(x and not x.isspace())", "array": "x", "map": "x"}.get(ref.source.kind)
            with self._block(f"if not {present}:" if present else "if x is None:"):
                if present:  # absent and blank stay apart: a blank is no absence that clears anything
                    self._say(f"y = {self._read(ref, frame)}")
                    self._say("x = x if y is None else y")
                else:
                    self._say(f"x = {self._read(ref, frame)}")

    def _lookup(self, into: str, field: Field, lookup: Lookup, frame: _Frame) -> None:
        self._first(lookup.refs, frame)
        kind = lookup.refs[0].source.kind
        table = self._constant(dict(lookup.entries))
        with self._unless_absent(field, frame):
            if kind != "string":
                text = "str(x)" if kind == "integer" else "'true' if x else 'false'"
                self._say(f"x = {table}.get({text}, {lookup.otherwise!r})")
                self._steps((Test("x is None", "lookup"),), f"{into} = x", field, frame)
                return
            found = Set(f"{table}.get(x, {lookup.otherwise!r})")
            steps = (Set("x.strip().casefold()"), Test("not x", None), found, Test("x is None", "lookup"))
            self._steps(steps, f"{into} = x", field, frame)

    def _invoke(self, into: str, field: Field, invoke: Invoke, frame: _Frame) -> None:
        self._say(f"x = {self._call(invoke, frame)}")
        if not invoke.function.gone:
            self._returned(into, field, invoke.function, frame)
        elif frame.output.profile:
            with self._block("if x is not GONE:"):
                self._returned(into, field, invoke.function, frame)
        else:
            self._say("x = None if x is GONE else x")
            self._returned(into, field, invoke.function, frame)

    def _returned(self, into: str, field: Field, function: Function, frame: _Frame) -> None:
        """Stores what a function gave: `x`, which is a value, None or Noted."""
        if function.noted:
            with self._block("if x.__class__ is Noted:"):
                with self._block("for reason in x.reasons:"):
                    self._say(f"notes.append({self._label(field, frame) + ':'!r} + reason)")
                self._say("x = x.value")
                if field.required or field.clear:
                    with self._block("if x is None:"):
                        self._give_up(field, frame, "not trusted", None, counted=True)
        if function.result == "identities":
            self._store_identities(into, field, frame, function)
        else:
            self._store(into, field, frame, returned(function), None)

    def _store_identities(self, into: str, field: Field, frame: _Frame, function: Function) -> None:
        with self._unless_absent(field, frame):
            check = Test(f"not conforms({self._constant(field.node)}, x)", "identities")
            self._steps(() if function.ours else (check,), f"{into} = x", field, frame)

    # ---- from x into its place ----

    @contextmanager
    def _unless_absent(self, field: Field, frame: _Frame) -> Iterator[None]:
        if field.required or field.clear:
            with self._block("if x is None:"):
                self._absent(field, frame)
            if field.clear:
                with self._block("else:"):
                    yield
            else:
                yield
        else:
            with self._block("if x is not None:"):
                yield

    def _store(self, into: str, field: Field, frame: _Frame, source: Source, coercion: str | None) -> None:
        """Puts `x`, which may be None, into its place, by way of the steps that its type needs."""
        with self._unless_absent(field, frame):
            node = field.node
            if isinstance(node, Map):
                self._store_map(into, field, frame, source, coercion)
            elif isinstance(node, Array) and source.kind == "array":
                self._store_list(into, field, frame, source, coercion)
            elif isinstance(node, Array):
                assert not isinstance(node.items, Array | Map | Object)
                self._steps(scalar_steps(source.kind, coercion, node.items), f"{into} = [x]", field, frame)
            else:
                assert not isinstance(node, Object)
                self._steps(scalar_steps(source.kind, coercion, node), f"{into} = x", field, frame)

    def _steps(self, steps: tuple[Step, ...], last: str, field: Field, frame: _Frame) -> None:
        """An if, elif ... else chain; a step that sets `x` after a test goes on inside the else."""
        chained = False
        depth = self._depth
        for step in steps:
            if isinstance(step, Set):
                if chained:
                    self._say("else:")
                    self._depth += 1
                    chained = False
                self._say(f"x = {step.code}")
                continue
            code = step.code.format(k=self._constant(step.constant)) if step.constant is not None else step.code
            with self._block(f"{'elif' if chained else 'if'} {code}:"):
                self._give_up(field, frame, step.reason or "blank", step.reason)
            chained = True
        if chained:
            with self._block("else:"):
                self._say(last)
        else:
            self._say(last)
        self._depth = depth

    def _store_list(self, into: str, field: Field, frame: _Frame, source: Source, coercion: str | None) -> None:
        assert source.item is not None
        assert isinstance(field.node, Array)
        assert not isinstance(field.node.items, Array | Map | Object)
        listed = self._name("l")
        self._say(f"{listed} = []")
        with self._block("for x in x:"):
            if source.item.nullable:
                with self._block("if x is None:"):
                    self._say("continue")
            steps = scalar_steps(source.item.kind, coercion, field.node.items)
            self._steps(steps, f"{listed}.append(x)", _as_item(field, frame), frame)
        self._finish_list(into, listed, field.node, field, frame)

    def _store_map(self, into: str, field: Field, frame: _Frame, source: Source, coercion: str | None) -> None:
        assert source.item is not None
        assert isinstance(field.node, Map)
        assert not isinstance(field.node.values, Array | Map | Object)
        mapped = self._name("m")
        self._say(f"{mapped} = {{}}")
        with self._block("for name, x in x.items():"):
            self._say("name = name.strip()")
            with self._block("if name and x is not None:"):
                steps = scalar_steps(source.item.kind, coercion, field.node.values)
                self._steps(steps, f"{mapped}[name] = x", _as_item(field, frame), frame)
        with self._block(f"if {mapped}:"):
            self._say(f"{into} = {mapped}")
        if field.required or field.clear:
            with self._block("else:"):
                self._give_up(field, frame, "empty", None)

    def _finish_list(self, into: str, listed: str, node: Array, field: Field, frame: _Frame) -> None:
        if node.longest is not None:
            with self._block(f"if len({listed}) > {node.longest}:"):
                self._give_up(field, frame, "too long", "too long")
                if not (field.required or field.clear):
                    self._say(f"{listed} = []")
        with self._block(f"if {listed}:"):
            self._say(f"{into} = {listed}")
        if field.required or field.clear:
            with self._block("else:"):
                self._give_up(field, frame, "empty", None)

    # ---- lists of objects ----

    def _parts(self, into: str, field: Field, parts: Parts, frame: _Frame) -> None:
        assert isinstance(field.node, Array)
        if not field.clear:
            self._elements(into, field, parts, frame)
            return
        each = parts.parts[0].each
        assert each is not None  # binding refuses clear without
        columns = item_columns(parts.parts[0].fields)
        self._say(f"x = {self._column(each.path, frame) if each.item else self._read(each, frame, columns)}")
        with self._unless_absent(field, frame):
            self._elements(into, field, parts, frame)

    def _elements(self, into: str, field: Field, parts: Parts, frame: _Frame) -> None:
        assert isinstance(field.node, Array)
        listed = self._name("l")
        self._say(f"{listed} = []")
        for part in parts.parts:
            self._part(listed, part, field, frame)
        self._finish_list(into, listed, field.node, field, frame)

    def _part(self, listed: str, part: Part, field: Field, frame: _Frame) -> None:
        label = f"{self._label(field, frame)}[]."
        self._comment(part.place)
        if part.each is None:
            inner = replace(frame, label=label, element=True, single=True)
            head = f"for {self._name('_once')} in ONCE:"
        else:
            item = self._name("item")
            columns = item_columns(part.fields)
            within = f"{whole_path(part.each, frame.within)}[]."
            inner = _Frame(frame.output, item, columns, label, within, element=True)
            head = f"for {item} in {self._read(part.each, frame, columns)} or ():"
        with self._block(head):
            variable = self._name("o")
            self._say(f"{variable} = {{}}")
            filled = self._object(variable, part.fields, part.node, "", inner)
            missing = self._may_lack(part.fields, _object_node(part.node).required, "")
            tests = [f"{name!r} in {variable}" for name in missing] or ([] if filled else [variable])
            with self._block(f"if {' and '.join(tests)}:") if tests else nullcontext():
                self._say(f"{listed}.append({variable})")

    # ---- what is read ----

    def _read(self, ref: Readable, frame: _Frame, columns: tuple[str, ...] | None = None) -> str:
        """Source of a value. With `columns` the value is an array of records that is to come as rows."""
        if isinstance(ref, Context):
            return {
                "@now": "now",
                "@received": "received",
                "@output": repr(frame.output.name),
                "@item": "None" if frame.output.each is None else "key",
                "@value": str(frame.item),
            }[ref.name]
        if not ref.item:
            return f"v[{self._index[ref.path if columns is None else item_want(ref, columns)]}]"
        value = self._column(ref.path, frame)
        if columns is not None and ref.source.item is not None and ref.source.item.kind == "record":
            return f"rows_of({value}, {_split(columns)!r})"
        return value

    def _column(self, path: str, frame: _Frame) -> str:
        assert frame.columns is not None
        return f"{frame.item}[{frame.columns.index(path)}]"

    def _call(self, invoke: Invoke, frame: _Frame) -> str:
        call = self._call_source(invoke, frame)
        return f"s[{self._shared[call]}]" if call in self._shared else call

    def _call_source(self, invoke: Invoke, frame: _Frame) -> str:
        arguments = ", ".join(self._argument(argument, frame) for argument in invoke.arguments)
        return f"{self._function(invoke)}({arguments})"

    def _argument(self, argument: Argument, frame: _Frame) -> str:
        match argument:
            case Literal(value):
                return repr(value)
            case Unread():
                return "None"
            case RowsRef(path, columns, item):
                if item:
                    return f"rows_of({self._column(path, frame)}, {_split(columns)!r})"
                return f"v[{self._index[Columns(path, columns)]}] or ()"
        return self._read(argument, frame)

    # ---- when there is no value ----

    def _label(self, field: Field, frame: _Frame) -> str:
        return frame.label + field.target

    def _absent(self, field: Field, frame: _Frame) -> None:
        """The value is None: what `absent = "clear"` is about, and what `required` forbids."""
        if not field.clear:
            self._give_up(field, frame, "absent", None)
            return
        paths = tuple(whole_path(ref, frame.within) for ref in field.decides())
        tests = [f"{path!r} not in known" for path in paths]
        if isinstance(field.verb, Invoke):  # a function may return None though something is there
            tests += [f"{self._given(ref, frame)} is not None" for ref in field.decides()]
        if "dropped" in self._index:
            tests.append(f"was_dropped({paths!r}, v[{self._index['dropped']}])")
        with self._block(f"if {' or '.join(tests)}:"):
            self._withhold(self._label(field, frame), frame)

    def _given(self, ref: Ref | RowsRef, frame: _Frame) -> str:
        return self._column(ref.path, frame) if ref.item else f"v[{self._index[_want(ref)]}]"

    def _give_up(self, field: Field, frame: _Frame, why: str, note: str | None, *, counted: bool = False) -> None:
        """No value, for a reason that is counted if it is a note: leave out the field, the element or the message.

        An element that is left out is always counted; `counted` tells that a function has said all there is to count.
        """
        label = self._label(field, frame)
        if note is not None:
            self._say(f"notes.append({f'{label}:{note}'!r})")
        if not (field.required or field.clear):
            return
        if frame.element and not frame.output.profile:
            if note is None and not frame.single and not counted:
                self._say(f"notes.append({f'{label}:{why}'!r})")
            self._say("continue")
        else:
            self._end(label, frame, why)

    def _end(self, label: str, frame: _Frame, why: str) -> None:
        """There is no message without what is at `label`."""
        if frame.output.profile:
            self._withhold(label, frame)
        elif frame.output.each is not None:
            self._leave_out_item(label, frame.output)
        else:
            self._say(f"raise Unmappable({label!r}, {why!r})")

    def _withhold(self, label: str, frame: _Frame) -> None:
        self._say(f"return Skip({f'withheld: {label}'!r}, {frame.output.to!r})")


_OF_THE_RECORD = frozenset({"@now", "@received"})


def _is_sharable(invoke: Invoke) -> bool:
    """Whether a call gives the same for every output and item of a record."""
    return all(
        argument.name in _OF_THE_RECORD if isinstance(argument, Context) else not getattr(argument, "item", False)
        for argument in invoke.arguments
    )


def _invokes(output: Output) -> Iterator[Invoke]:
    for condition in output.conditions:
        yield condition.invoke
    yield from _field_invokes(output.fields)


def _field_invokes(fields: tuple[Field, ...]) -> Iterator[Invoke]:
    for field in fields:
        if isinstance(field.verb, Invoke):
            yield field.verb
        elif isinstance(field.verb, Parts):
            for part in field.verb.parts:
                yield from _field_invokes(part.fields)


def _is_same(one: object, other: object) -> bool:
    """Whether two constants are one: a table of 1 and 0 equals one of true and false, and is another."""
    return type(one) is type(other) and one == other and (not isinstance(one, dict) or repr(one) == repr(other))


def _split(columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(column.split(".")) for column in columns)


def _as_item(field: Field, frame: _Frame) -> Field:
    """The field as a value inside a list or map: a bad one is left out of an event and withholds a Profile write."""
    return replace(field, required=frame.output.profile)


def _object_node(node: Node) -> Object:
    assert isinstance(node, Object)
    return node


def _want(argument: Ref | RowsRef) -> str | Columns:
    return Columns(argument.path, argument.columns) if isinstance(argument, RowsRef) else argument.path
