"""Avro schemas as JSON, in few words."""

from __future__ import annotations

Json = dict[str, object]


def record(*fields: Json, name: str = "R", **more: object) -> Json:
    """A record."""
    return {"type": "record", "name": name, "fields": list(fields), **more}


def a(name: str, kind: object, **more: object) -> Json:
    """A field."""
    return {"name": name, "type": kind, **more}


def array(items: object) -> Json:
    """An array."""
    return {"type": "array", "items": items}


def mapping(values: object) -> Json:
    """A map."""
    return {"type": "map", "values": values}


def enum(*symbols: object, name: str = "E", **more: object) -> Json:
    """An enum."""
    return {"type": "enum", "name": name, "symbols": list(symbols), **more}


def fixed(size: object, name: str = "F", **more: object) -> Json:
    """A fixed."""
    return {"type": "fixed", "name": name, "size": size, **more}


def decimal(precision: object, scale: object = 0, **more: object) -> Json:
    """Bytes that stand for a decimal."""
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale, **more}
