"""One question to a schema registry, over Confluent's client.

A module of its own: the client and what it brings along take 14 MB, which workers without a registry need not hold.
"""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka.schema_registry import SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from processor.kafka.references import MAX_REFERENCES, self_contained
from processor.kafka.registry import REQUEST_TIMEOUT, UnknownSchemaError

AVRO = "AVRO"
_NOT_FOUND = 404
_UNKNOWN_CODES = (
    40401,
    40402,
    40403,
)  # subject, version, schema: https://docs.confluent.io/platform/current/schema-registry/


class RegistryLookup:
    """Confluent's registry interface, also spoken by Apicurio (`/apis/ccompat/v7`) and Karapace.

    `client` is laid over confluent_kafka's own properties of a registry client (credentials, CA). The client follows no
    redirects and repeats nothing by itself here; it offers no limit for the size of an answer.
    """

    def __init__(self, url: str, client: Mapping[str, object] | None = None) -> None:
        self._client = SchemaRegistryClient(
            {**(client or {}), "url": url, "timeout": REQUEST_TIMEOUT, "max.retries": 0}
        )

    def __call__(self, schema_id: int) -> str:
        """The schema with its references written out. Raises UnknownSchemaError, and what the client raises."""
        try:
            schema = self._client.get_schema(schema_id)
            if (schema.schema_type or AVRO) != AVRO:
                return schema.schema_str or ""  # whoever parses it says that it is no Avro
            referenced = self._referenced(schema.references or [])
        except SchemaRegistryError as error:
            if error.http_status_code == _NOT_FOUND and error.error_code in _UNKNOWN_CODES:
                raise UnknownSchemaError(str(error.error_message)) from error
            raise
        return self_contained(schema.schema_str or "", referenced)

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def _referenced(self, references: list[SchemaReference]) -> list[str]:
        """The schemas referred to, directly and through others; each once, so that a circle ends."""
        found: dict[tuple[str, int], str] = {}
        waiting = list(references)
        while waiting:
            reference = waiting.pop()
            subject, version = reference.subject, reference.version
            if subject is None or version is None or (subject, version) in found:
                continue
            if len(found) >= MAX_REFERENCES:
                raise UnknownSchemaError(f"more than {MAX_REFERENCES} references")
            schema = self._client.get_version(subject, version).schema
            found[subject, version] = schema.schema_str or ""
            waiting.extend(schema.references or [])
        return list(found.values())
