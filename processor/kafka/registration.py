"""Registering schemas, for those who produce. The worker never does: it reads what others registered."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from processor.kafka.lookup import AVRO
from processor.kafka.registry import REQUEST_TIMEOUT


class RegistrationError(Exception):
    """The registry refused a schema, or did not answer. The text is the registry's or the client's."""


class Registration:
    """Confluent's registry interface, as far as a producer needs it.

    `client` is laid over confluent_kafka's own properties of a registry client (credentials, CA).
    """

    def __init__(self, url: str, client: Mapping[str, object] | None = None) -> None:
        self._client = SchemaRegistryClient({**(client or {}), "url": url, "timeout": REQUEST_TIMEOUT})

    def register(self, topic: str, name: str, schema: str) -> int:
        """Registers a schema under Confluent's TopicRecordNameStrategy; the same schema again has the same id.

        Args:
            topic: the topic that its records go to.
            name: the full name of the record.
            schema: self-contained Avro, as JSON.

        Raises:
            RegistrationError: incompatible with what the subject holds, not permitted, or no answer.
        """
        try:
            return self._client.register_schema(f"{topic}-{name}", Schema(schema, AVRO))
        except SchemaRegistryError as error:
            raise RegistrationError(f"the registry refused {name}: {error.error_message}") from error
        except Exception as error:  # transport errors of two HTTP libraries, bad JSON: the client wraps none of them
            raise RegistrationError(f"no use of the registry: {type(error).__name__}: {error}") from error
