"""What an operator can set, with its default, its bounds and one line of explanation; the same lines make the docs.

`Settings(...)` reads nothing but its arguments. `processor.configuration` reads the file and the environment.
A secret is a SecretStr, and no message of a validator repeats the value that it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from processor.mapping.nobody import all_comparable, comparable
from processor.mapping.options import IDENTIFIERS, Identifier, LoyaltyFields, Namespaces, Options

MASK = "***"
OFF = "off"  # an empty variable is as good as none, so the environment needs a word for an empty code
AEP_BODY_LIMIT = 1_000_000  # bytes; AEP answers 413 above
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_SECRET_PROPERTY = re.compile(r"password|secret|token|credential|jaas|\bpem\b|key|oauthbearer\.config", re.IGNORECASE)
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:]+\]|[^\s:/@,]+):\d{1,5}")


# ---- how one value is read -------------------------------------------------------------------------------------------


def _no_bool(value: object) -> object:
    """Keeps `true` from passing as 1, which pydantic would allow."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic collects ValueError alone
    return value


def _url(text: str, *, https: bool) -> SplitResult:
    """Splits an http(s) URL. Raises ValueError without repeating it: it may hold a password."""
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        raise ValueError("must be a URL such as https://host/path") from None
    if url.scheme not in ("http", "https") or not host or any(map(str.isspace, text)):
        raise ValueError("must be a URL that begins with https:// and names a host")
    if https and url.scheme == "http" and host not in LOOPBACK:
        raise ValueError("must begin with https://; http:// is accepted for this machine (127.0.0.1) only")
    return url


def _https_base(text: str) -> str:
    _url(text, https=True)
    return text.rstrip("/")


def _registry_url(secret: SecretStr) -> SecretStr:
    _url(secret.get_secret_value(), https=False)
    return secret


def _inlet_url(secret: SecretStr) -> SecretStr:
    url = _url(secret.get_secret_value(), https=True)
    if not re.fullmatch(r"/collection/(batch/)?[A-Za-z0-9_-]+/?", url.path) or url.query or url.fragment:
        raise ValueError(
            "must look like https://HOST/collection/INLET_ID, as AEP shows it for the streaming connection"
        )
    return secret


def _org_id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+@AdobeOrg", text):
        raise ValueError("must be the IMS organisation id, which ends with @AdobeOrg")
    return text


def tenant_namespace(text: str) -> str:
    """The tenant's name without the underscore that AEP puts before it in schemas. Raises ValueError."""
    tenant = text.strip().removeprefix("_")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", tenant):
        raise ValueError("must be the tenant's namespace: letters and digits, such as acmeinc or _acmeinc")
    return tenant


def _start(value: object) -> str | datetime:
    remedy = "must be earliest, latest or an ISO 8601 time with a zone, such as 2026-01-31T00:00:00Z"
    if value in ("earliest", "latest"):
        return str(value)
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(remedy) from None
    if time.tzinfo is None:
        raise ValueError(remedy)
    return time


def _servers(value: object) -> str:
    servers = value if isinstance(value, list | tuple) else str(value).split(",")
    names = [str(server).strip() for server in servers]
    if not all(_SERVER.fullmatch(name.rpartition("://")[2]) for name in names):
        raise ValueError("must be HOST:PORT, several with commas between")
    return ",".join(names)


def _topic_name(name: str) -> str:
    if not _TOPIC.fullmatch(name):
        raise ValueError("must be the name of a topic: letters, digits, dot, hyphen, underscore")
    return name


def _topic_or_pattern(name: str) -> str:
    if not name.startswith("^"):
        return _topic_name(name)
    try:
        re.compile(name)
    except re.error:
        raise ValueError("is a pattern, because it begins with ^, but no valid regular expression") from None
    return name


def _at_least_one(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("must name at least one")
    return names


def _dotted(value: object, prefix: str = "") -> dict[str, object]:
    """Flattens tables: in TOML, `sasl.mechanism = "PLAIN"` without quotes is a table within a table."""
    if not isinstance(value, Mapping):
        raise ValueError("must be a table of librdkafka properties")  # noqa: TRY004 - pydantic collects ValueError alone
    flat: dict[str, object] = {}
    for name, item in value.items():
        if isinstance(item, Mapping):
            flat |= _dotted(item, f"{prefix}{name}.")
        elif isinstance(item, Property):
            flat[f"{prefix}{name}"] = item
        else:
            raise ValueError(f"{prefix}{name} must be text, a number, true or false")  # noqa: TRY004 - as above
    return flat


def _namespace(text: str) -> str:
    code = text.strip()
    if code.lower() == OFF:
        return ""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}|", code, re.ASCII):
        raise ValueError(f"must be the code of an identity namespace, such as CapillaryId, or {OFF}")
    return code


def _shared(entry: str) -> str:
    text = entry.strip()
    if not comparable(text):
        raise ValueError("must hold a letter or a digit: what is blank identifies nobody anyway")
    if "*" in text or text.startswith("@") or text.endswith("@"):
        raise ValueError("must be a whole address, number or id: patterns are not known")
    if re.fullmatch(r"\d+:\d+", text, re.ASCII):
        raise ValueError("must not be orgId:customerId: it stands in where an event lacks another identity")
    return text


def _programs(value: object) -> dict[int, int]:
    remedy = "must be a table of programs by Capillary organisation, such as { 150698 = 2649 }"
    pairs = [(str(org), str(program)) for org, program in value.items()] if isinstance(value, Mapping) else [("", "")]
    if not all(re.fullmatch(r"[1-9]\d{0,17}", number, re.ASCII) for pair in pairs for number in pair):
        raise ValueError(remedy)
    return {int(org): int(program) for org, program in pairs}


def _tiers(value: object) -> dict[str, str]:
    table = value if isinstance(value, Mapping) else {}
    if table is not value or not all(re.fullmatch(r"\d+:\d+", str(key), re.ASCII) for key in table):
        raise ValueError('must be a table of names by program and number, such as "2649:1" = "Silver"')
    if not all(isinstance(name, str) and name.strip() for name in table.values()):
        raise ValueError("must have texts for names, none of them empty")
    return {str(key): str(name).strip() for key, name in table.items()}


def _lookups(value: object) -> dict[str, dict[str, Property]]:
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ValueError("must be tables, such as [lookups.NAME]")
    for name, table in value.items():
        if name == "tiers":
            raise ValueError("[lookups.tiers] is written [tiers]")
        if not all(isinstance(entry, Property) and entry != "" for entry in table.values()):
            raise ValueError(
                f"[lookups.{name}] must have texts, numbers, true or false for entries, none of them empty"
            )
    return {str(name): dict(table) for name, table in value.items()}


Property = str | int | float | bool
Positive = Annotated[int, BeforeValidator(_no_bool), Field(gt=0)]
Seconds = Annotated[float, BeforeValidator(_no_bool), Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]
NamespaceCode = Annotated[str, AfterValidator(_namespace)]
SharedIdentity = Annotated[str, AfterValidator(_shared)]
Topic = Annotated[str, AfterValidator(_topic_or_pattern)]


# ---- sections --------------------------------------------------------------------------------------------------------


class Section(BaseModel):
    """One table of the file."""

    # an input in an error could be a secret, so pydantic is told to leave inputs out
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, coerce_numbers_to_str=True)


class KafkaSettings(Section):
    """Where the records come from, and where dead letters go."""

    bootstrap_servers: Annotated[Text, BeforeValidator(_servers)] = Field(
        description="Kafka's brokers, `HOST:PORT` with commas between."
    )
    topics: Annotated[tuple[Topic, ...], AfterValidator(_at_least_one)] = Field(
        ("capillary.events",), description="Topics to read; one that begins with `^` is a pattern."
    )
    dlq_topic: Annotated[str, AfterValidator(_topic_name)] = Field(
        "capillary.events.dlq", description="The topic for dead letters. It must exist."
    )
    group_id: Text = Field("capillary-aep", description="The consumer group.")
    group_protocol: Literal["classic", "consumer"] = Field(
        "classic",
        description="`consumer` is KIP-848: brokers from 4.0, no stall of untouched partitions. Recommended there.",
    )
    start: Annotated[str | datetime, BeforeValidator(_start)] = Field(
        "earliest",
        description="Where a partition without a committed offset begins: `earliest`, `latest` or an ISO time.",
    )
    session_timeout_ms: Positive = Field(
        45_000,
        description="How long the group waits for a silent member. Under `consumer` say what the broker has.",
    )
    org_ids: tuple[Positive, ...] = Field((), description="Capillary organisations that may pass. Empty: all.")
    client: Annotated[Mapping[str, Property], BeforeValidator(_dotted)] = Field(
        default_factory=dict,
        repr=False,  # passwords are among them
        description="Raw librdkafka properties, such as `security.protocol`; in the environment a JSON object.",
    )

    @field_validator("dlq_topic")
    @classmethod
    def _reads_no_dead_letters(cls, name: str, info: ValidationInfo) -> str:
        """Dead letters that come back as input would go round for ever."""
        for topic in info.data.get("topics", ()):
            if name == topic or (topic.startswith("^") and re.match(topic, name)):
                raise ValueError("is also read as input, by KAFKA__TOPICS; dead letters need a topic of their own")
        return name

    @property
    def default_start(self) -> str | int:
        """`earliest`, `latest` or milliseconds since 1970."""
        return int(self.start.timestamp() * 1000) if isinstance(self.start, datetime) else self.start


class RegistrySettings(Section):
    """The Confluent-compatible schema registry."""

    url: Annotated[Secret, AfterValidator(_registry_url)] | None = Field(
        None, description="Its base URL, which may carry `user:password@`. None: Avro single-object encoding alone."
    )


class AepSettings(Section):
    """Adobe Experience Platform: where to send, and as whom."""

    inlet_url: Annotated[Secret, AfterValidator(_inlet_url)] = Field(
        description="`https://HOST/collection/INLET_ID` of the streaming connection. Treated as a secret."
    )
    client_id: Text = Field(description="Client id of the OAuth server-to-server credential.")
    client_secret: Secret = Field(description="Client secret of that credential.")
    org_id: Annotated[str, AfterValidator(_org_id)] = Field(description="IMS organisation, `...@AdobeOrg`.")
    tenant: Annotated[str, AfterValidator(tenant_namespace)] = Field(
        description="The tenant's namespace in XDM, with or without its underscore."
    )
    ims_url: Annotated[str, AfterValidator(_https_base)] = Field(
        "https://ims-na1.adobelogin.com", description="Adobe IMS, which issues access tokens."
    )
    platform_url: Annotated[str, AfterValidator(_https_base)] = Field(
        "https://platform.adobe.io", description="AEP's platform APIs; nothing calls them yet."
    )
    sandbox: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")] = Field("prod", description="The sandbox's name.")


class DeliverySettings(Section):
    """How requests are formed and what may be held."""

    linger_ms: Positive = Field(200, description="How long a record may wait for a fuller request.")
    max_batch_bytes: Annotated[Positive, Field(le=AEP_BODY_LIMIT)] = Field(
        AEP_BODY_LIMIT, description="Bytes of one request; AEP refuses more than 1,000,000."
    )
    max_batch_messages: Positive = Field(1_000, description="Messages of one request.")
    lanes: Positive = Field(64, description="Lanes per partition: how many keys can be under way side by side.")
    max_in_flight: Positive = Field(8, description="Requests on the wire at a time, per process.")
    window: Positive = Field(
        20_000, description="Records per partition received and not committed; also what a crash repeats at most."
    )
    memory_mb: Positive = Field(64, description="Megabytes of records and messages held, per process.")
    attempt_timeout_s: Seconds = Field(15.0, description="Seconds for one request, from the first byte to the last.")
    drain_timeout_s: Seconds = Field(
        20.0, description="Seconds to settle what was sent, at a stop or when a partition leaves."
    )
    max_messages_per_second: Seconds | None = Field(
        None, description="A rate that is kept on the whole. None: no limit."
    )


class HealthSettings(Section):
    """The port for probes and metrics."""

    port: Annotated[int, BeforeValidator(_no_bool), Field(ge=0, le=65_535)] = Field(
        8080, description="`/livez`, `/readyz`, `/metrics`. 0 picks a free port."
    )
    host: Text = Field(
        "127.0.0.1",
        description="The address to listen on. The container image sets `0.0.0.0`, for probes from outside.",
    )


class LogSettings(Section):
    """The log, on standard error."""

    format: Literal["console", "json"] | None = Field(
        None, description="`console` or `json`. None: console on a terminal, else JSON."
    )


class MappingsSettings(Section):
    """A brand's own mappings."""

    dir: Path | None = Field(None, description="A directory of mappings that is laid over ours.")

    @field_validator("dir")
    @classmethod
    def _exists(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_dir():
            raise ValueError("must be a directory that exists")
        return path


class IdentitySettings(Section):
    """Codes of AEP's identity namespaces, exactly as AEP has them (`off` or empty: never sent), and who is nobody."""

    customer: NamespaceCode = Field(
        "CapillaryId", description="Holds `orgId:customerId`, which every event has. To be created in AEP; never `off`."
    )
    email: NamespaceCode = Field("Email", description="E-mail, trimmed and in lower case.")
    phone: NamespaceCode = Field("Phone", description="Mobile number in E.164, `+` and digits.")
    external_id: NamespaceCode = Field("", description="The brand's own id of the customer, as it is, without the org.")
    card: NamespaceCode = Field("", description="Card numbers, all of them, as they are, without the org.")
    primary: Identifier = Field("customer", description="Which of the five is primary.")
    never: tuple[SharedIdentity, ...] = Field(
        (),
        description="The brand's own shared addresses, numbers and ids: no identity, and no contact in Profile.",
    )

    @field_validator("customer")
    @classmethod
    def _stands_in(cls, code: str) -> str:
        if not code:
            raise ValueError("must not be off: it stands in where an event lacks another primary identity")
        return code

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        codes = {name: getattr(self, name).lower() for name in IDENTIFIERS if getattr(self, name)}
        if len(set(codes.values())) < len(codes):
            raise ValueError(f"{', '.join(codes)} must have different codes")
        if self.primary not in codes:
            raise ValueError(f"primary is {self.primary}, which is off: give it a code or choose another")
        return self


class ProfileSettings(Section):
    """What Profile messages look like."""

    last_updated: bool = Field(
        True,  # noqa: FBT003 - pydantic's default
        description="Whether they carry `extSourceSystemAudit.lastUpdatedDate`, "
        "by which AEP's customer timestamp ordering (beta) goes.",
    )
    loyalty_fields: Annotated[LoyaltyFields, BeforeValidator(str)] = Field(
        "2026", description="Adobe's Loyalty Details as the sandbox has them; `2025`: younger fields go to the tenant."
    )


class ProgramSettings(Section):
    """Which loyalty program speaks for a customer who is in several; the others stay in the events."""

    default_id: Positive | None = Field(None, description="Its id. None: the program that the event calls the default.")
    default_ids: Annotated[Mapping[int, int], BeforeValidator(_programs)] = Field(
        default_factory=dict,
        description="Its id by Capillary organisation, `{ ORG = PROGRAM }`; an organisation that is not named has "
        "`default_id`.",
    )


class DestinationSettings(Section):
    """One dataset in AEP, made with the schema that `schemas/xdm/NAME.json` composes."""

    schema_id: Annotated[str, Field(pattern=r"^https://ns\.adobe\.com/[^\s/]+/schemas/[^\s/]+$")] = Field(
        description="The XDM schema, `https://ns.adobe.com/TENANT/schemas/ID`."
    )
    dataset_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")] = Field(description="The dataset.")
    flow_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$")] | None = Field(
        None, description="The dataflow; needed where several share one streaming connection."
    )


DestinationName = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class TranslationSettings(BaseSettings):
    """What bears on the messages that come out of an event; `try` needs no more."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mappings: MappingsSettings
    identity: IdentitySettings
    profile: ProfileSettings
    program: ProgramSettings
    tiers: Annotated[Mapping[str, str], BeforeValidator(_tiers)] = Field(
        description='Names of tiers, `"PROGRAM:NUMBER" = "name"`, for events that do not list them. '
        "What an event lists wins."
    )
    lookups: Annotated[Mapping[str, Mapping[str, Property]], BeforeValidator(_lookups)] = Field(
        description="Entries that are laid over the lookup table NAME of the mappings, or added to it."
    )

    def options(self) -> Options:
        """The same for the translation, which knows no settings."""
        return Options(
            Namespaces(**self.identity.model_dump(exclude={"never"})),
            self.program.default_id,
            self.program.default_ids,
            {**self.lookups, **({"tiers": self.tiers} if self.tiers else {})},
            self.profile.last_updated,
            self.profile.loyalty_fields,
            all_comparable(self.identity.never),
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments only: pydantic-settings would pass over a misspelt variable in silence."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _every_section(cls, tables: dict[str, object]) -> dict[str, object]:
        """A section that is left out is an empty one, so that each setting missing in it is named."""
        return {name: {} for name in cls.model_fields} | tables


class Settings(TranslationSettings):
    """All of it. Frozen; unknown keys are refused."""

    kafka: KafkaSettings
    registry: RegistrySettings
    aep: AepSettings
    delivery: DeliverySettings
    health: HealthSettings
    log: LogSettings
    destinations: Mapping[DestinationName, DestinationSettings]

    @model_validator(mode="after")
    def _deadlines_nest(self) -> Self:
        delivery, session = self.delivery, self.kafka.session_timeout_ms / 1000
        problem = deadlines_problem(delivery.attempt_timeout_s, delivery.drain_timeout_s, session)
        if problem:
            raise ValueError(problem)
        return self

    def effective(self) -> dict[str, object]:
        """What is in force, for one log line at start: plain values, secrets masked, of URLs with secrets the host."""
        return {name: _shown(getattr(self, name)) for name in type(self).model_fields}


def deadlines_problem(attempt: float, drain: float, session: float) -> str | None:
    """Why the three deadlines, in seconds, do not fit into each other; None when they do.

    A drain must see the end of an attempt begun before it, and the group must not give up on a member that drains.
    """
    if attempt < drain < session / 2:
        return None
    return (
        "DELIVERY__ATTEMPT_TIMEOUT_S < DELIVERY__DRAIN_TIMEOUT_S < half of KAFKA__SESSION_TIMEOUT_MS must hold; "
        f"they are {attempt:g} s, {drain:g} s and {session / 2:g} s: raise the session timeout or lower the others"
    )


def _shown(value: object) -> object:
    if isinstance(value, BaseModel):
        shown = {name: _shown(getattr(value, name)) for name in type(value).model_fields}
        if isinstance(value, IdentitySettings):  # addresses and numbers: no log has such
            shown["never"] = f"{len(value.never)} listed"
        return shown | ({"client": masked_properties(value.client)} if isinstance(value, KafkaSettings) else {})
    if isinstance(value, Mapping):
        return {str(name): _shown(item) for name, item in value.items()}
    if isinstance(value, SecretStr):
        return _masked(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value


def _masked(secret: SecretStr) -> str:
    url = urlsplit(secret.get_secret_value())
    return f"{url.scheme}://{url.hostname}/{MASK}" if url.scheme in ("http", "https") else MASK


def masked_properties(properties: Mapping[str, Property]) -> dict[str, Property]:
    """Properties of librdkafka, with the values masked whose names speak of keys and passwords."""
    return {name: MASK if _SECRET_PROPERTY.search(name) else value for name, value in properties.items()}


def schemas_dir() -> Path:
    """Where `capillary/`, `xdm/` and `mappings/` are: inside an installed wheel, else in the checkout."""
    package = Path(__file__).parent
    packed = package / "_schemas"
    return packed if packed.is_dir() else package.parent / "schemas"
