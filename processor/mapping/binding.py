"""Specifications -> checked mappings: every path against the Avro schema, every target against the XDM schema.

What `check` promises is decided here, before the first record: targets exist and get a type they can hold, what XDM
requires is there, no field of Profile can be blanked by an event that does not know it, no two events share an `_id`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

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
)
from processor.mapping.coercion import COERCIONS, Misfit, conforms, scalar_steps
from processor.mapping.coverage import listed_wrongly, paths, unaccounted, unsent_in
from processor.mapping.generations import target_of_2025
from processor.mapping.language import (
    CONTEXT,
    CallSpec,
    CommonSpec,
    ConditionSpec,
    ConstSpec,
    FieldSpec,
    FromSpec,
    Language,
    LookupSpec,
    MappingSpec,
    OutputSpec,
    PartSpec,
    PartsSpec,
    Place,
    Table,
)
from processor.mapping.options import Options
from processor.mapping.problems import Problem, hint
from processor.mapping.registry import Function, Parameter
from processor.mapping.sources import Columns, Reader, Source
from processor.mapping.xdm import (
    Array,
    Boolean,
    Date,
    DateTime,
    Integer,
    Map,
    Node,
    Number,
    Object,
    Schema,
    Text,
    find,
)

_PAIR = ("key", "value")
_CONTEXT = {
    "@now": Source("integer"),
    "@received": Source("integer"),
    "@output": Source("string"),
}
_LAST_UPDATED = "extSourceSystemAudit.lastUpdatedDate"


class _Refused(Exception):  # noqa: N818 - carries a message to the place that knows where it belongs
    """A field that cannot be bound; the message says why."""


class _Unusable(Exception):  # noqa: N818 - what happened to the field
    """A field that is not at fault: it calls what a faulty `functions.py` may have, or its list or table is named."""


def bind(
    language: Language,
    readers: Mapping[str, Reader],
    schemas: Mapping[str, Schema],
    functions: Mapping[str, Function],
    *,
    tenant: str,
    options: Options,
    unusable: Collection[str] = (),
    unlisted: Collection[str] = (),
) -> tuple[tuple[BoundMapping, ...], tuple[Problem, ...]]:
    """Checks all mappings of a language together.

    Args:
        language: the files; its own problems are not repeated here.
        readers: the Avro reader schemas by event.
        schemas: the XDM schemas by destination.
        functions: what `call` may name.
        tenant: the tenant's namespace as it stands in XDM, which `_tenant` in a target becomes.
        options: what is configured; schemas and functions are made for the same.
        unusable: names of functions that nobody complains about: their file is at fault, not who calls them.
        unlisted: names of functions that the brand has and does not offer.
    """
    problems: list[Problem] = [*_common_unsent(language.common, readers)]
    bound: list[BoundMapping] = []
    sound: list[BoundMapping] = []
    faulty = {problem.file for problem in language.problems}
    for spec in language.mappings:
        reader = readers.get(spec.event)
        if reader is None:
            message = f'there is no Avro schema of the event "{spec.event}"{hint(spec.event, readers)}'
            problems.append(spec.place.problem("event", message))
            continue
        binder = _Binder(
            spec,
            language.common,
            reader,
            schemas=schemas,
            functions=functions,
            tenant=tenant,
            options=options,
            unusable=unusable,
            unlisted=unlisted,
        )
        bound.append(binder.mapping())
        problems += binder.problems
        if (
            binder.whole and not binder.problems and spec.place.file not in faulty
        ):  # what a faulty one reads and writes cannot be told
            sound.append(bound[-1])
            problems += unaccounted(bound[-1], spec.unsent)
    problems += [*_one_set_of_fields(sound), *_tables_of_nobody(language, options)]
    return tuple(bound), tuple(problems)


def _one_set_of_fields(mappings: Iterable[BoundMapping]) -> list[Problem]:
    """A write replaces the fragment of its dataset: whoever writes one writes the same fields, or blanks the others."""
    first: dict[str, Output] = {}
    problems: list[Problem] = []
    for output in (output for mapping in mappings for output in mapping.outputs if output.profile):
        other = first.setdefault(output.to, output)
        ours, theirs = _targets(output), _targets(other)
        if ours != theirs:
            differing = ", ".join(sorted(ours ^ theirs))
            message = f"does not write the same fields as {other.place.file}:{other.place.line}: {differing}"
            problems.append(output.place.problem(output.to, message))
    return problems


def _common_unsent(common: CommonSpec, readers: Mapping[str, Reader]) -> list[Problem]:
    """Shared lines that no event has any more."""
    names = {path for reader in readers.values() for path in paths(reader.root)}
    return [
        spec.place.problem(spec.path, f'no event has "{spec.path}"{hint(spec.path, names)}')
        for spec in common.unsent
        if spec.path not in names
    ]


def _tables_of_nobody(language: Language, options: Options) -> list[Problem]:
    """Entries of the operator that are laid over nothing, which would change nothing in silence."""
    known = {
        name for tables in (language.common.tables, *(spec.tables for spec in language.mappings)) for name in tables
    }
    return [
        Problem(
            _of_settings(name),
            0,
            name,
            f"no mapping has this table{hint(name, known)}",
        )
        for name in sorted(options.tables.keys() - known)
    ]


def _of_settings(table: str) -> str:
    """Where the settings have what is laid over a table."""
    return "[tiers]" if table == "tiers" else f"[lookups.{table}]"


def _targets(output: Output) -> set[str]:
    return {field.target for field in output.fields}


class _Scope:
    """Where paths are looked up: the item of the `each` around first, then the event.

    `nested` tells that the item is one of a list inside an item: nobody knows whether the writer has its fields.
    """

    def __init__(
        self, reader: Reader, item: Source | None = None, *, fan_out: bool = False, nested: bool = False
    ) -> None:
        self.reader = reader
        self.item = item
        self.fan_out = fan_out
        self.nested = nested

    def find(self, path: str) -> tuple[Source, bool] | None:
        if self.item is not None and (found := self.item.find(path)) is not None:
            return found, True
        found = self.reader.root.find(path)
        return None if found is None else (found, False)

    def names(self) -> list[str]:
        inside = list(self.item.paths()) if self.item is not None else []
        return [*inside, *self.reader.root.paths(), *CONTEXT]


class _Binder:
    """Binds one mapping, collects what is wrong with it and goes on."""

    def __init__(
        self,
        spec: MappingSpec,
        common: CommonSpec,
        reader: Reader,
        *,
        schemas: Mapping[str, Schema],
        functions: Mapping[str, Function],
        tenant: str,
        options: Options,
        unusable: Collection[str],
        unlisted: Collection[str],
    ) -> None:
        self._spec = spec
        self._common = common
        self._reader = reader
        self._schemas = schemas
        self._functions = functions
        self._tenant = tenant
        self._options = options
        self._tables: Mapping[str, Table] = options.laid_over({**common.tables, **spec.tables})
        self._unusable = unusable
        self._unlisted = unlisted
        self.problems: list[Problem] = []
        self.whole = True  # but for what cannot be bound because of a fault elsewhere

    def mapping(self) -> BoundMapping:
        outputs = [output for spec in self._spec.outputs if (output := self._output(spec)) is not None]
        self._check_outputs(outputs)
        self.problems += listed_wrongly(self._reader, self._spec.unsent)
        wants = wants_of(self._reader, outputs)
        unsent = (*self._spec.unsent, *unsent_in(self._reader, self._common.unsent))
        return BoundMapping(self._spec.event, self._reader, tuple(outputs), wants, unsent, self._spec.place)

    # ---- outputs ----

    def _output(self, spec: OutputSpec) -> Output | None:
        schema = self._schemas.get(spec.to)
        if schema is None:
            message = f'there is no XDM schema of the destination "{spec.to}"{hint(spec.to, self._schemas)}'
            self.problems.append(spec.place.problem("to", message))
            return None
        conditions = tuple(c for s in spec.conditions if (c := self._condition(s)) is not None)
        scope = _Scope(self._reader)
        each: Ref | None = None
        key: tuple[Ref, ...] = ()
        if spec.each is not None:
            try:
                each = self._each(spec.each, scope, spec.place)
            except _Unusable:
                return None
            scope = _Scope(self._reader, each.source.item, fan_out=True)
            key = self._key(spec, scope)
        specs = self._with_common(spec, schema)
        fields = self._fields(specs, schema.root, scope, profile=schema.profile)
        output = Output(spec.to, spec.name, schema, each, key, conditions, fields, spec.place)
        self._check_required(schema.root, specs, spec.place, spec.to)
        self._check_kind(output)
        return output

    def _with_common(self, spec: OutputSpec, schema: Schema) -> list[FieldSpec]:
        """The shared fields first, each in its place also where the output has its own for the same target."""
        own = {field.target: field for field in reversed(spec.fields)}
        shared = self._common.fields.get("profile" if schema.profile else "events", ())
        inherited = [own.get(field.target, field) for field in shared]
        fields = [*inherited, *(field for field in spec.fields if field not in inherited)]
        return self._configured(fields) if schema.profile else fields

    def _configured(self, fields: Iterable[FieldSpec]) -> list[FieldSpec]:
        """Fields of a Profile output that are sent, at the targets that the sandbox has for them."""
        kept = [field for field in fields if self._options.last_updated or field.target != _LAST_UPDATED]
        if self._options.loyalty_fields == "2026":
            return kept
        return [replace(field, target=target_of_2025(field.target)) for field in kept]

    def _key(self, spec: OutputSpec, scope: _Scope) -> tuple[Ref, ...]:
        found: list[Ref] = []
        for path in spec.key:
            try:
                key = self._readable(path, scope)
            except _Refused as refused:
                self.problems.append(spec.place.problem("key", str(refused)))
                continue
            if isinstance(key, Ref) and key.item and key.source.kind in ("string", "integer"):
                found.append(key)
            else:
                message = f'"{path}" is no text or whole number inside the item of `each`'
                self.problems.append(spec.place.problem("key", message))
        return tuple(found)

    def _condition(self, spec: ConditionSpec) -> Condition | None:
        try:
            invoke = self._invoke(spec.call, _Scope(self._reader))
        except _Refused as refused:
            self.problems.append(spec.place.problem("when", str(refused)))
            return None
        except _Unusable:
            self.whole = False
            return None
        if invoke.function.result != "boolean" or invoke.function.noted:
            self.problems.append(spec.place.problem("when", f"{invoke.function.name} does not return a boolean"))
            return None
        return Condition(invoke, spec.otherwise, spec.place)

    def _check_kind(self, output: Output) -> None:
        """Rules of Profile and of events that need the whole output."""
        if output.profile and output.each is not None:
            self.problems.append(output.place.problem("each", "a fan-out writes events only, Profile has one customer"))
        fields = {field.target: field for field in output.fields}
        needed = ("identityMap",) if output.profile else ("_id", "timestamp", "identityMap")
        for target in needed:
            field = fields.get(target)
            if field is not None and not field.required and not isinstance(field.verb, Constant):
                self.problems.append(field.place.problem(target, "needs required = true: AEP takes nothing without it"))
        if (field := fields.get("_id")) is not None:
            self._check_id(output, field)

    def _check_id(self, output: Output, field: Field) -> None:
        """Profile drops a repeated `_id`: outputs of one event and items of one fan-out must not share any."""
        read = {ref.name for ref in _arguments(field) if isinstance(ref, Context)}
        events = [
            spec for spec in self._spec.outputs if spec.to in self._schemas and not self._schemas[spec.to].profile
        ]
        if len(events) > 1 and "@output" not in read:
            self.problems.append(field.place.problem("_id", "must read @output: the event has several outputs"))
        if output.each is not None and "@item" not in read:
            self.problems.append(field.place.problem("_id", "must read @item: the output gives several messages"))

    def _check_outputs(self, outputs: Sequence[Output]) -> None:
        for name, count in Counter(output.name for output in outputs).items():
            if count > 1:
                last = [output for output in outputs if output.name == name][-1]
                message = f'{count} outputs are called "{name}" and would share an _id; give each a name of its own'
                self.problems.append(last.place.problem("name", message))
        profiles = Counter(output.to for output in outputs if output.profile)
        for to, count in profiles.items():
            writers = [output for output in outputs if output.to == to]
            if count > 1 and not all(output.conditions for output in writers):
                message = f"{count} outputs write {to} without `when`; AEP does not say which write would win"
                self.problems.append(writers[-1].place.problem("to", message))

    # ---- fields ----

    def _fields(self, specs: Iterable[FieldSpec], root: Node, scope: _Scope, *, profile: bool) -> tuple[Field, ...]:
        fields: list[Field] = []
        for spec in specs:
            try:
                fields.append(self._field(spec, root, scope, profile=profile))
            except _Refused as refused:
                self.problems.append(spec.place.problem(spec.target, str(refused)))
            except _Unusable:
                self.whole = False
        self._check_overlap(fields)
        return _in_tree_order(fields)

    def _field(self, spec: FieldSpec, root: Node, scope: _Scope, *, profile: bool) -> Field:
        target = self._target(spec)
        node = find(root, target)
        if node is None:
            names = [
                ".".join("_tenant" if part == self._tenant else part for part in name.split("."))
                for name in _leaves(root)
            ]
            raise _Refused(f"the XDM schema has no such field{hint(spec.target, names)}")
        if spec.clear and not profile:
            raise _Refused('absent = "clear" is for Profile outputs; an event just lacks the field')
        verb = self._verb(spec, node, scope, profile=profile)
        if spec.clear and not _can_be_absent(verb):
            raise _Refused('absent = "clear" needs a value of the event, and nothing is read')
        required = not isinstance(verb, Constant) and (spec.required or (profile and not spec.clear))
        field = Field(target, node, verb, required, spec.clear, spec.place)
        if spec.clear and scope.nested and any(ref.item for ref in field.decides()):
            raise _Refused('absent = "clear" is not for a list inside a list: it would withhold the output every time')
        return field

    def _target(self, spec: FieldSpec) -> str:
        return ".".join(self._tenant if part == "_tenant" else part for part in spec.target.split("."))

    def _check_overlap(self, fields: Sequence[Field]) -> None:
        targets = {field.target for field in fields}
        seen: set[str] = set()
        for field in fields:
            if above := next((path for path in _above(field.target) if path in targets), None):
                self.problems.append(field.place.problem(field.target, f"is also set as part of {above}"))
            if field.target in seen:
                self.problems.append(field.place.problem(field.target, "is set twice"))
            seen.add(field.target)

    def _check_required(self, root: Node, specs: Iterable[FieldSpec], place: Place, where: str) -> None:
        """What XDM requires of every object that the fields touch; one that cannot be bound is named already."""
        targets = {self._target(spec) for spec in specs}
        for path in sorted({"", *(above for target in targets for above in _above(target))}):
            node = find(root, path) if path else root
            for name in sorted(node.required if isinstance(node, Object) else ()):
                target = f"{path}.{name}".lstrip(".")
                if target not in targets and not any(other.startswith(f"{target}.") for other in targets):
                    self.problems.append(place.problem(where, f'XDM requires "{target}", and nothing sets it'))

    # ---- verbs ----

    def _verb(
        self, field: FieldSpec, node: Node, scope: _Scope, *, profile: bool
    ) -> Pick | Constant | Lookup | Invoke | Parts:
        match spec := field.verb:
            case ConstSpec(value):
                if not conforms(node, value):
                    raise _Refused(f"the constant {value!r} is not valid here: {_described(node)}")
                return Constant(value)
            case FromSpec():
                return self._pick(spec, node, scope)
            case LookupSpec():
                return self._lookup(spec, node, scope, field)
            case CallSpec():
                invoke = self._invoke(spec, scope)
                _check_fit(returned(invoke.function), None, node)
                return invoke
            case PartsSpec(parts):
                if not isinstance(node, Array) or not isinstance(node.items, Object):
                    raise _Refused("each makes a list of objects, and this is none")
                return Parts(tuple(self._part(part, node.items, scope, profile=profile) for part in parts))

    def _pick(self, spec: FromSpec, node: Node, scope: _Scope) -> Pick:
        if spec.coercion is not None and spec.coercion not in COERCIONS:
            raise _Refused(f'unknown coercion "{spec.coercion}"{hint(spec.coercion, COERCIONS)}')
        refs = self._readables(spec.paths, scope)
        _check_fit(refs[0].source, spec.coercion, node)
        return Pick(refs, spec.coercion)

    def _lookup(self, spec: LookupSpec, node: Node, scope: _Scope, field: FieldSpec) -> Lookup:
        table = self._tables.get(spec.table)
        if table is None:
            raise _Refused(f'there is no lookup table "{spec.table}"{hint(spec.table, self._tables)}')
        refs = self._readables(spec.paths, scope)
        if refs[0].source.kind not in ("string", "integer", "boolean"):
            raise _Refused("a lookup reads a text, a whole number or a boolean")
        unfit = [key for key, value in table.items() if not conforms(node, value)]
        if unfit:
            use = f"is not valid for {field.target} in {field.place.file}:{field.place.line}: {_described(node)}"
            self.problems += [self._entry(spec.table, key).problem(key, f"{table[key]!r} {use}") for key in unfit]
            raise _Unusable
        entries = {key: value for key, value in table.items() if key != "*"}
        return Lookup(entries, table.get("*"), refs)

    def _entry(self, table: str, key: str) -> Place:
        """Where an entry stands: in the settings, in the mapping, in what all share."""
        if key in self._options.laid_over({table: {}})[table]:
            return Place(_of_settings(table), 0, "")
        return (self._spec if table in self._spec.tables else self._common).entries[table, key]

    def _invoke(self, spec: CallSpec, scope: _Scope) -> Invoke:
        function = self._functions.get(spec.function)
        if function is None and spec.function in self._unusable:
            raise _Unusable
        if function is None and spec.function in self._unlisted:
            raise _Refused(f'functions.py defines "{spec.function}", and FUNCTIONS in it does not list it')
        if function is None:
            raise _Refused(f'there is no function "{spec.function}"{hint(spec.function, self._functions)}')
        count, least = len(spec.arguments), len(function.parameters)
        if count < least or (count > least and function.rest is None):
            wanted = f"at least {least}" if function.rest else str(least)
            raise _Refused(f"{function.name} takes {wanted} arguments, with names {count}")
        arguments: list[Argument] = []
        for position, argument in enumerate(spec.arguments):
            parameter = function.parameter(position)
            assert parameter is not None  # counted above
            checked = self._argument(argument, parameter, scope)
            if parameter.name in function.unread and isinstance(checked, Ref):
                checked = Unread(checked)
            arguments.append(checked)
        return Invoke(function, tuple(arguments))

    def _argument(self, spec: str | ConstSpec, parameter: Parameter, scope: _Scope) -> Argument:
        if isinstance(spec, ConstSpec):
            kind = {str: "string", bool: "boolean", int: "integer", float: "number"}[type(spec.value)]
            _check_parameter(Source(kind), parameter, repr(spec.value))
            return Literal(spec.value)
        if parameter.kinds == {"rows"} or ("rows" in parameter.kinds and "[" in spec):
            return self._rows(spec, parameter, scope)
        found = self._readable(spec, scope)
        _check_parameter(found.source, parameter, spec)
        return found

    def _rows(self, path: str, parameter: Parameter, scope: _Scope) -> RowsRef:
        name, _, listed = path.rstrip("]").partition("[")
        found = scope.find(name)
        if found is None:
            raise _Refused(f'the event has no "{name}"{hint(name, scope.names())}')
        source, inside = found
        item = source.item
        if source.kind != "array" or item is None or item.kind != "record":
            raise _Refused(f'parameter {parameter.name} takes an array of records, and "{name}" is none')
        columns = tuple(listed.split(",")) if listed else _PAIR
        for column in columns:
            if item.find(column) is None:
                raise _Refused(f'an item of "{name}" has no "{column}"{hint(column, item.paths())}')
        return RowsRef(name, columns, inside)

    def _part(self, spec: PartSpec, node: Object, scope: _Scope, *, profile: bool) -> Part:
        each = self._each(spec.each, scope, spec.place) if spec.each is not None else None
        item = each.source.item if each is not None else scope.item
        nested = scope.nested if each is None else each.item
        inner = _Scope(self._reader, item, fan_out=scope.fan_out, nested=nested)
        fields = self._fields(spec.fields, node, inner, profile=profile)
        self._check_required(node, spec.fields, spec.place, spec.each or "element")
        return Part(each, fields, node, spec.place)

    def _each(self, path: str, scope: _Scope, place: Place) -> Ref:
        try:
            return _array(path, self._readable(path, scope))
        except _Refused as refused:
            self.problems.append(place.problem("each", str(refused)))
            raise _Unusable from refused

    # ---- paths ----

    def _readables(self, paths: Sequence[str], scope: _Scope) -> tuple[Readable, ...]:
        refs = tuple(self._readable(path, scope) for path in paths)
        kinds = {_whole_kind(ref.source) for ref in refs}
        if len(kinds) > 1:
            raise _Refused(f"the paths have several types: {', '.join(sorted(kinds))}")
        return refs

    def _readable(self, path: str, scope: _Scope) -> Readable:
        if path.startswith("@"):
            return _context(path, scope)
        if "[" in path:
            raise _Refused(f'"{path}": columns are for arguments that take rows')
        found = scope.find(path)
        if found is None:
            raise _Refused(f'the event has no "{path}"{hint(path, scope.names())}')
        source, inside = found
        return Ref(path, source, inside)


def _in_tree_order(fields: Sequence[Field], prefix: str = "") -> tuple[Field, ...]:
    """Fields of one object together, objects in the order of their first field: as the result is laid out."""
    groups: dict[str, list[Field]] = {}
    for field in fields:
        groups.setdefault(field.target[len(prefix) :].partition(".")[0], []).append(field)
    ordered: list[Field] = []
    for name, members in groups.items():
        inside = [field for field in members if field.target != prefix + name]
        ordered += [field for field in members if field.target == prefix + name]
        ordered += _in_tree_order(inside, f"{prefix}{name}.")
    return tuple(ordered)


def _whole_kind(source: Source) -> str:
    """The kind of a path with that of its items: code that takes a list of texts cannot take one of numbers."""
    return source.kind if source.item is None else f"{source.kind} of {_whole_kind(source.item)}"


def _can_be_absent(verb: Pick | Constant | Lookup | Invoke | Parts) -> bool:
    match verb:
        case Parts(parts):
            return len(parts) == 1 and parts[0].each is not None
        case Pick(refs=arguments) | Lookup(refs=arguments) | Invoke(arguments=arguments):
            return any(isinstance(argument, Ref | RowsRef) for argument in arguments)
    return False


def _context(name: str, scope: _Scope) -> Context:
    if name == "@value" and scope.item is not None:
        if scope.item.kind == "record":
            raise _Refused('"@value" is the item of a list of plain values; fields of a record are read by their names')
        return Context(name, scope.item)
    if name == "@item" and scope.fan_out:
        return Context(name, Source("string", nullable=True))
    if name == "@item":
        return Context(name, Source("null", nullable=True))
    if name in _CONTEXT:
        return Context(name, _CONTEXT[name])
    if name in CONTEXT:
        raise _Refused(f'"{name}" cannot be read here: it is the item of an `each`, and there is none around')
    raise _Refused(f'"{name}" cannot be read here{hint(name, CONTEXT)}')


def _array(path: str, found: Readable) -> Ref:
    item = found.source.item
    if not isinstance(found, Ref) or found.source.kind != "array" or item is None:
        raise _Refused(f'"{path}" is no array')
    if item.kind == "record" and item.nullable:
        raise _Refused(f'"{path}" may have null among its items')
    return found


def _arguments(field: Field) -> tuple[Argument, ...]:
    return field.verb.arguments if isinstance(field.verb, Invoke) else ()


def _above(target: str) -> list[str]:
    parts = target.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _leaves(node: Node, prefix: str = "") -> list[str]:
    if not isinstance(node, Object):
        return [prefix.rstrip(".")]
    return [path for name, child in node.properties.items() for path in _leaves(child, f"{prefix}{name}.")]


_IDENTITY = frozenset({"id", "primary"})


def _check_fit(source: Source, coercion: str | None, node: Node) -> None:
    """Raises _Refused where a source can never become the target's type."""
    match node:
        case Object():
            raise _Refused("is an object; its fields are set one by one")
        case Map(Array(Object(properties=properties))) if source.kind == "identities":
            if not properties.keys() >= _IDENTITY:
                raise _Refused("is no identityMap")
        case Map(values):
            if source.kind != "map" or source.item is None:
                raise _Refused(f"needs a map, and {source.kind} is none")
            _check_scalar(source.item, coercion, values)
        case Array(items):
            item = source.item if source.kind == "array" and source.item is not None else source
            _check_scalar(item, coercion, items)
        case _:
            _check_scalar(source, coercion, node)


def _check_scalar(source: Source, coercion: str | None, node: Node) -> None:
    if isinstance(node, Array | Map | Object):
        raise _Refused("is a list or map of something that only each or a call can make")
    try:
        scalar_steps(source.kind, coercion, node)
    except Misfit as misfit:
        raise _Refused(f"{_described(node)} cannot be made of {_a(source.kind)}: {misfit}") from misfit


def _check_parameter(source: Source, parameter: Parameter, path: str) -> None:
    kind = source.kind
    if kind == "array" and source.item is not None and source.item.kind == "string":
        kind = "strings"
    if kind == "map" and source.item is not None and source.item.kind == "string":
        kind = "texts"
    takes = parameter.kinds | ({"integer"} if "number" in parameter.kinds else set())
    if "any" in takes:
        return
    if kind != "null" and kind not in takes:
        raise _Refused(f"parameter {parameter.name} takes {' or '.join(sorted(takes))}, and {path} is {_a(kind)}")
    if source.nullable and "none" not in takes:
        raise _Refused(f"parameter {parameter.name} takes no None, and {path} may be absent")


def _a(kind: str) -> str:
    return f"an {kind}" if kind.startswith(("a", "i")) else f"a {kind}"


_NAMES: Mapping[type, str] = {
    Text: "a text",
    Number: "a number",
    Integer: "a whole number",
    Boolean: "a boolean",
    DateTime: "a time",
    Date: "a date",
    Array: "a list",
    Map: "a map",
    Object: "an object",
}


def _described(node: Node) -> str:
    if isinstance(node, Text) and node.enum:
        return f"a text out of {', '.join(node.enum)}"
    return _NAMES[type(node)]


# ---- wants ----------------------------------------------------------------------------------------------------------


def wants_of(reader: Reader, outputs: Iterable[Output]) -> tuple[str | Columns, ...]:
    """All that some outputs read, once each; first what the translator needs: org, name, customer, what was dropped."""
    wants: dict[str | Columns, None] = {"orgId": None, "eventName": None}
    if (customer := reader.customer_want) is not None:
        wants[customer] = None
    if reader.root.find("dropped") is not None:
        wants["dropped"] = None
    for output in outputs:
        _Wants(wants).output(output)
    return tuple(wants)


class _Wants:
    """Collects what one output reads; the columns of an `each` are all that its fields read inside the item."""

    def __init__(self, wants: dict[str | Columns, None]) -> None:
        self._wants = wants

    def output(self, output: Output) -> None:
        for condition in output.conditions:
            self._arguments(condition.invoke.arguments)
        if output.each is not None:
            self._wants[item_want(output.each, item_columns(output.fields, output.key))] = None
        self._fields(output.fields)

    def _fields(self, fields: Iterable[Field]) -> None:
        for field in fields:
            match field.verb:
                case Pick(refs=refs) | Lookup(refs=refs):
                    self._arguments(refs)
                case Invoke(arguments=arguments):
                    self._arguments(arguments)
                case Parts(parts=parts):
                    for part in parts:
                        self._part(part)

    def _part(self, part: Part) -> None:
        if part.each is not None and not part.each.item:
            self._wants[item_want(part.each, item_columns(part.fields))] = None
        self._fields(part.fields)

    def _arguments(self, arguments: Iterable[Argument]) -> None:
        for argument in arguments:
            match argument:
                case Ref(path, _, False):
                    self._wants[path] = None
                case RowsRef(path, columns, False):
                    self._wants[Columns(path, columns)] = None
