"""Settings: what is read, from where, what is refused and how it is said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from processor.configuration import (
    PREFIX,
    SettingsError,
    destination_problems,
    load,
    load_section,
    load_translation,
    raw_tables,
    reference,
    variables,
)
from processor.mapping.options import Namespaces, Options
from processor.settings import KafkaSettings, Settings, masked_properties, schemas_dir, tenant_namespace

ROOT = Path(__file__).parents[2]
REQUIRED = {
    "KAFKA__BOOTSTRAP_SERVERS": "kafka:9092",
    "AEP__INLET_URL": "https://dcs.adobedc.net/collection/abc123",
    "AEP__CLIENT_ID": "client",
    "AEP__CLIENT_SECRET": "p-4ss",
    "AEP__ORG_ID": "ABC@AdobeOrg",
    "AEP__TENANT": "_acmeinc",
}


@pytest.fixture(autouse=True)
def _empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No capillary-aep.toml of the checkout gets in."""
    monkeypatch.chdir(tmp_path)


def environment(**variables: str) -> dict[str, str]:
    """The required settings and some more, as variables."""
    return {PREFIX + name: value for name, value in (REQUIRED | variables).items()}


def problems(environ: Mapping[str, str], config: Path | None = None) -> dict[str, str]:
    """What is wrong: by variable, or by setting where there is none."""
    with pytest.raises(SettingsError) as caught:
        load(config, environ)
    found = caught.value.problems
    return {problem.variable.removeprefix(PREFIX) or problem.setting: problem.message for problem in found}


def file(text: str, name: str = "capillary-aep.toml") -> Path:
    """A file in the working directory."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_those_of_the_design() -> None:
    settings = load(None, environment())
    assert settings.kafka.topics == ("capillary.events",)
    assert settings.kafka.dlq_topic == "capillary.events.dlq"
    assert (settings.kafka.group_id, settings.kafka.group_protocol, settings.kafka.start) == (
        "capillary-aep",
        "classic",
        "earliest",
    )
    assert (settings.kafka.session_timeout_ms, settings.kafka.org_ids, settings.kafka.client) == (45_000, (), {})
    assert settings.registry.url is None
    assert settings.aep.sandbox == "prod"
    delivery = settings.delivery
    assert (delivery.linger_ms, delivery.max_batch_bytes, delivery.max_batch_messages) == (200, 1_000_000, 1000)
    assert (delivery.lanes, delivery.max_in_flight, delivery.window, delivery.memory_mb) == (64, 8, 20_000, 64)
    assert (delivery.attempt_timeout_s, delivery.drain_timeout_s) == (15, 20)
    assert delivery.max_messages_per_second is None
    assert (settings.health.port, settings.log.format, settings.mappings.dir) == (8080, None, None)
    assert settings.destinations == {}
    assert settings.options() == Options()


def test_everything_missing_is_named_at_once() -> None:
    assert problems({}) == dict.fromkeys(REQUIRED, "is required and not set")


def test_the_environment_wins_over_the_file() -> None:
    file('[kafka]\ngroup_id = "file"\nstart = "latest"\n[kafka.client]\na.b = "file"\nc = 1\n')
    settings = load(None, environment(KAFKA__GROUP_ID="environment", KAFKA__CLIENT='{"a.b": "environment"}'))
    assert (settings.kafka.group_id, settings.kafka.start) == ("environment", "latest")
    assert settings.kafka.client == {"a.b": "environment", "c": 1}


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert load(None, environment(DELIVERY__MAX_MESSAGES_PER_SECOND="", REGISTRY__URL=" ")).registry.url is None
    assert problems(environment(AEP__CLIENT_SECRET="")) == {"AEP__CLIENT_SECRET": "is required and not set"}


@pytest.mark.parametrize(
    ("text", "topics"),
    [
        ("a", ("a",)),
        ("a, b ,", ("a", "b")),
        ('["a", "^b{1,2}"]', ("a", "^b{1,2}")),
        ("^capillary\\..*", ("^capillary\\..*",)),
    ],
)
def test_a_list_is_comma_separated_or_json(text: str, topics: tuple[str, ...]) -> None:
    environ = environment(KAFKA__TOPICS=text, KAFKA__DLQ_TOPIC="dead")
    assert load(None, environ).kafka.topics == topics


def test_organisations_are_numbers_however_they_are_written() -> None:
    file("[kafka]\norg_ids = [100458, '7']\n")
    assert load(None, environment()).kafka.org_ids == (100458, 7)


def test_brokers_may_be_a_list() -> None:
    environ = environment()
    del environ[f"{PREFIX}KAFKA__BOOTSTRAP_SERVERS"]
    file('[kafka]\nbootstrap_servers = ["a:1", "[::1]:2", "SASL_SSL://c:3"]\n')
    assert load(None, environ).kafka.bootstrap_servers == "a:1,[::1]:2,SASL_SSL://c:3"


def test_librdkafka_names_need_no_quotes_in_toml() -> None:
    file('[kafka.client]\nsecurity.protocol = "SSL"\nssl.key.password = "x"\n"debug" = "cgrp"\ncheck.crcs = true\n')
    assert load(None, environment()).kafka.client == {
        "security.protocol": "SSL",
        "ssl.key.password": "x",
        "debug": "cgrp",
        "check.crcs": True,
    }


def test_a_start_time_becomes_milliseconds() -> None:
    kafka = load(None, environment(KAFKA__START="2026-01-31T01:00:00+01:00")).kafka
    assert kafka.default_start == int(datetime(2026, 1, 31, tzinfo=UTC).timestamp() * 1000)
    file("[kafka]\nstart = 2026-01-31T00:00:00Z\n")
    assert load(None, environment()).kafka.default_start == kafka.default_start
    assert load(None, environment(KAFKA__START="latest")).kafka.default_start == "latest"


@pytest.mark.parametrize("tenant", ["acmeinc", "_acmeinc", " _acmeinc "])
def test_a_tenant_may_be_written_with_its_underscore(tenant: str) -> None:
    assert load(None, environment(AEP__TENANT=tenant)).aep.tenant == "acmeinc"
    assert tenant_namespace(tenant) == "acmeinc"


def test_a_destination_in_the_environment() -> None:
    environ = environment(
        DESTINATIONS__PROFILE_BALANCE__SCHEMA_ID="https://ns.adobe.com/acmeinc/schemas/1",
        DESTINATIONS__PROFILE_BALANCE__DATASET_ID="5f",
    )
    file('[destinations.profile-balance]\ndataset_id = "other"\nflow_id = "f-1"\n')
    destination = load(None, environ).destinations["profile-balance"]
    assert (destination.dataset_id, destination.flow_id) == ("5f", "f-1")


WRONG = {
    "KAFKA__BOOTSTRAP_SERVERS": ("kafka", "must be HOST:PORT"),
    "KAFKA__TOPICS": ("a b", "must be the name of a topic"),
    "KAFKA__DLQ_TOPIC": ("^dead", "must be the name of a topic"),
    "KAFKA__GROUP_PROTOCOL": ("eager", "must be 'classic' or 'consumer'"),
    "KAFKA__START": ("2026-01-31T00:00:00", "with a zone"),
    "KAFKA__SESSION_TIMEOUT_MS": ("soon", "must be a valid integer"),
    "KAFKA__CLIENT": ("a=b", "is not valid JSON"),
    "REGISTRY__URL": ("registry:8081", "must be a URL"),
    "AEP__INLET_URL": ("https://dcs.adobedc.net/", "must look like https://HOST/collection/INLET_ID"),
    "AEP__IMS_URL": ("http://ims.example.com", "must begin with https://"),
    "AEP__PLATFORM_URL": ("https://[::1", "must be a URL"),
    "AEP__ORG_ID": ("ABC", "ends with @AdobeOrg"),
    "AEP__TENANT": ("acme inc", "must be the tenant's namespace"),
    "AEP__SANDBOX": ("Prod!", "does not have the form"),
    "DELIVERY__LINGER_MS": ("0", "must be greater than 0"),
    "DELIVERY__MAX_BATCH_BYTES": ("1000001", "must be less than or equal to 1000000"),
    "DELIVERY__LANES": ("-1", "must be greater than 0"),
    "DELIVERY__MAX_MESSAGES_PER_SECOND": ("0", "must be greater than 0"),
    "HEALTH__PORT": ("65536", "must be less than or equal to 65535"),
    "LOG__FORMAT": ("xml", "must be 'console' or 'json'"),
    "MAPPINGS__DIR": ("nowhere", "must be a directory that exists"),
    "IDENTITY__CUSTOMER": ("off", "must not be off: it stands in"),
    "IDENTITY__EMAIL": ("E mail", "must be the code of an identity namespace"),
    "IDENTITY__PRIMARY": ("mail", "must be 'customer', 'email', 'phone', 'external_id' or 'card'"),
    "IDENTITY__NEVER": ('[" "]', "must hold a letter or a digit"),
    "PROFILE__LAST_UPDATED": ("maybe", "must be a valid boolean"),
    "PROFILE__LOYALTY_FIELDS": ("2024", "must be '2026' or '2025'"),
    "PROGRAM__DEFAULT_ID": ("0", "must be greater than 0"),
    "PROGRAM__DEFAULT_IDS": ('{"150698": "gold"}', "must be a table of programs by Capillary organisation"),
    "TIERS": ('{"2649": "Silver"}', 'such as "2649:1" = "Silver"'),
    "LOOKUPS": ('{"genders": "m"}', "must be tables, such as [lookups.NAME]"),
    "DESTINATIONS__EVENTS__SCHEMA_ID": ("1", "does not have the form"),
}


@pytest.mark.parametrize("variable", WRONG)
def test_a_wrong_value_is_named_with_its_remedy_and_never_repeated(variable: str) -> None:
    text, message = WRONG[variable]
    extra = {"DESTINATIONS__EVENTS__DATASET_ID": "5f"} if variable.startswith("DEST") else {}
    found = problems(environment(**{variable: text}, **extra))
    assert list(found) == [variable]
    assert message in found[variable]


def test_all_wrong_values_are_named_at_once() -> None:
    wrong = {variable: text for variable, (text, _) in WRONG.items()}
    found = problems(environment(**wrong, DELIVERY__DRAIN_TIMEOUT_S="5"))
    assert found.keys() == WRONG.keys() | {"DESTINATIONS__EVENTS__DATASET_ID"}


def test_both_spellings_are_named() -> None:
    with pytest.raises(SettingsError) as caught:
        load(None, environment(DELIVERY__LANES="none"))
    assert str(caught.value).startswith("[delivery] lanes (CAPILLARY_AEP_DELIVERY__LANES): must be")
    with pytest.raises(SettingsError) as caught:
        load(None, environment(KAFKA__TOPICS="good,b a d"))
    assert problems(environment(KAFKA__TOPICS="[]")) == {"KAFKA__TOPICS": "must name at least one"}
    assert str(caught.value).startswith("[kafka] topics, number 2 (CAPILLARY_AEP_KAFKA__TOPICS): must be")


@pytest.mark.parametrize(
    ("attempt", "drain", "session"), [("20", "20", "45000"), ("15", "22.5", "45000"), ("15", "20", "40000")]
)
def test_attempt_drain_and_session_nest(attempt: str, drain: str, session: str) -> None:
    environ = environment(
        DELIVERY__ATTEMPT_TIMEOUT_S=attempt, DELIVERY__DRAIN_TIMEOUT_S=drain, KAFKA__SESSION_TIMEOUT_MS=session
    )
    assert "must hold" in problems(environ)["[delivery]"]
    # said once, whether or not another setting is wrong
    assert list(problems(environ | {f"{PREFIX}LOG__FORMAT": "xml"})) == ["LOG__FORMAT", "[delivery]"]


def test_dead_letters_must_not_be_read_again() -> None:
    for topics in ("a,dead", "^de.*"):
        found = problems(environment(KAFKA__TOPICS=topics, KAFKA__DLQ_TOPIC="dead"))
        assert "is also read as input" in found["KAFKA__DLQ_TOPIC"]


def test_an_unknown_variable_names_the_nearest() -> None:
    found = problems(environment(KAFKA__TOPIC="a", DELIVERY_LINGER_MS="5", kafka__start="latest", NONSENSE="1"))
    assert found["KAFKA__TOPIC"].endswith("the nearest is CAPILLARY_AEP_KAFKA__TOPICS")
    assert found["DELIVERY_LINGER_MS"].endswith("the nearest is CAPILLARY_AEP_DELIVERY__LINGER_MS")
    assert found["kafka__start"].endswith("the nearest is CAPILLARY_AEP_KAFKA__START")
    assert "no setting has this name" in found["NONSENSE"]
    assert "no setting" in problems(environment(DESTINATIONS__EVENTS__DATASET="5f"))["DESTINATIONS__EVENTS__DATASET"]


def test_an_unknown_key_names_the_nearest() -> None:
    file('top = 1\n[kafka]\ntopic = "a"\n[kafak]\n[destinations.events]\nschema_id = "https://ns.adobe.com/a/schemas/1"\n'
         'dataset = "5f"\ndataset_id = "5f"\n[aep]\nclient_secret_fil = "x"\n')  # fmt: skip
    found = problems(environment())
    assert found["[kafka] topic"].endswith("the nearest is topics")
    assert found["[kafak]"].endswith("the nearest is kafka")
    assert found["[destinations.events] dataset"].endswith("the nearest is dataset_id")
    assert found["[aep] client_secret_fil"].endswith("the nearest is client_secret_file")
    assert found["top"] == "must be inside a section, such as [kafka]"


def test_a_file_that_cannot_be_used() -> None:
    assert "cannot be read" in problems(environment(), Path("absent.toml"))["absent.toml"]
    assert "is not valid TOML" in problems(environment(), file("[kafka"))["capillary-aep.toml"]
    assert list(problems({}, file("[kafka"))) == ["capillary-aep.toml"], "what it may hold is not called missing"
    Path("latin.toml").write_bytes(b'[kafka]\ngroup_id = "\xe9"\n')
    assert problems(environment(), Path("latin.toml"))["latin.toml"] == "is not UTF-8 text"


def test_what_is_empty_or_of_another_kind() -> None:
    file("\n", "secret")
    file('[destinations]\nevents = 3\n[delivery]\nlanes = true\nattempt_timeout_s = nan\n'
         '[aep]\nclient_id = ""\nclient_secret_file = "secret"\n[kafka.client]\ndebug = ["a"]\n')  # fmt: skip
    environ = environment()
    del environ[f"{PREFIX}AEP__CLIENT_ID"], environ[f"{PREFIX}AEP__CLIENT_SECRET"]
    assert problems(environ) == {
        "AEP__CLIENT_ID": "must not be empty",
        "AEP__CLIENT_SECRET": "must not be empty",
        "DELIVERY__LANES": "must be a number",
        "DELIVERY__ATTEMPT_TIMEOUT_S": "must be greater than 0",
        "DESTINATIONS__EVENTS": "must be a table",
        "KAFKA__CLIENT": "debug must be text, a number, true or false",
    }


def test_another_file_may_be_named() -> None:
    file('[kafka]\ngroup_id = "default"\n')
    assert load(file('[kafka]\ngroup_id = "named"\n', "conf/other.toml"), environment()).kafka.group_id == "named"


class TestSecretsFromFiles:
    """A secret is better kept in a file of its own."""

    def environment(self, **variables: str) -> dict[str, str]:
        environ = environment(**variables)
        del environ[f"{PREFIX}AEP__CLIENT_SECRET"]
        return environ

    def test_from_a_variable(self) -> None:
        file("from a file&+%\n", "secret")
        settings = load(None, self.environment(AEP__CLIENT_SECRET_FILE="secret"))
        assert settings.aep.client_secret.get_secret_value() == "from a file&+%"

    def test_from_a_key_relative_to_the_file_that_holds_it(self) -> None:
        file("from a file", "conf/secret")
        config = file('[aep]\nclient_secret_file = "secret"\n', "conf/c.toml")
        assert load(config, self.environment()).aep.client_secret.get_secret_value() == "from a file"
        assert load(config, environment()).aep.client_secret.get_secret_value() == "p-4ss"

    def test_librdkafka_properties(self) -> None:
        file("# ours\nsasl.password = a=b \n\nsasl.username=u\n", "kafka.properties")
        file('[kafka]\nclient_file = "kafka.properties"\n[kafka.client]\nsasl.username = "v"\n')
        assert load(None, environment()).kafka.client == {"sasl.password": "a=b", "sasl.username": "v"}

    def test_an_unreadable_one_is_said_once(self) -> None:
        found = problems(self.environment(AEP__CLIENT_SECRET_FILE="absent"))
        assert found == {"AEP__CLIENT_SECRET_FILE": "names a file that cannot be read: No such file or directory"}

    def test_both_are_an_error(self) -> None:
        file("x", "secret")
        found = problems(environment(AEP__CLIENT_SECRET_FILE="secret"))
        assert found == {"AEP__CLIENT_SECRET_FILE": "stands beside client_secret: keep one of them"}

    def test_what_is_no_secret_has_no_file(self) -> None:
        assert "AEP__CLIENT_ID_FILE" in problems(environment(AEP__CLIENT_ID_FILE="x"))


def test_mappings_are_relative_to_the_file_that_names_them() -> None:
    Path("conf/ours").mkdir(parents=True)
    config = file('[mappings]\ndir = "ours"\n', "conf/c.toml")
    assert load(config, environment()).mappings.dir == Path("conf/ours")


secrets = st.text(st.characters(categories=("L", "N")), min_size=12, max_size=30).map("zQ7{}".format)


@given(secrets)
def test_no_secret_is_ever_shown(secret: str) -> None:
    """In the effective settings, in a repr and in an error, whatever else is wrong."""
    environ = environment(
        AEP__CLIENT_SECRET=secret,
        KAFKA__CLIENT=json.dumps({"sasl.password": secret, "sasl.username": "me"}),
        REGISTRY__URL=f"https://user:{secret}@registry.example.com:8081/path",
    )
    if secret.isascii():
        environ[f"{PREFIX}AEP__INLET_URL"] = f"https://dcs.adobedc.net/collection/{secret}"
    settings = load(None, environ)
    for shown in (repr(settings), str(settings), json.dumps(settings.effective())):
        assert secret not in shown
    assert settings.registry.url is not None
    assert secret in settings.registry.url.get_secret_value()
    environ |= {f"{PREFIX}AEP__INLET_URL": f"ftp://{secret}", f"{PREFIX}REGISTRY__URL": secret}
    environ |= {f"{PREFIX}KAFKA__CLIENT": json.dumps({"ssl.key.password": [secret]})}
    with pytest.raises(SettingsError) as caught:
        load(None, environ)
    assert secret not in str(caught.value)
    assert len(caught.value.problems) == 3


def test_shared_identities_are_counted_and_not_shown() -> None:
    """They are addresses and numbers, and the effective settings are logged."""
    environ = environment() | {"CAPILLARY_AEP_IDENTITY__NEVER": "shop@brand.example,+6500000000"}
    effective = load(None, environ).effective()
    assert effective["identity"]["never"] == "2 listed"  # type: ignore[index]
    assert "brand.example" not in json.dumps(effective)


def test_effective_settings_are_plain_and_say_where_to() -> None:
    environ = environment(KAFKA__CLIENT='{"sasl.username": "me"}', KAFKA__START="2026-01-31T00:00:00Z")
    effective = load(None, environ).effective()
    assert json.loads(json.dumps(effective)) == effective | {
        "kafka": effective["kafka"] | {"topics": ["capillary.events"], "org_ids": []},  # type: ignore[operator]
    }
    assert effective["aep"]["inlet_url"] == "https://dcs.adobedc.net/***"  # type: ignore[index]
    assert effective["aep"]["client_secret"] == "***"  # type: ignore[index]


def test_properties_that_hold_secrets_are_masked() -> None:
    properties = {
        "sasl.password": "x",
        "ssl.key.password": "x",
        "ssl.key.pem": "x",
        "ssl.keystore.password": "x",
        "sasl.oauthbearer.client.secret": "x",
        "sasl.oauthbearer.config": "x",
    }
    assert set(masked_properties(properties).values()) == {"***"}
    plain = {"security.protocol": "SSL", "sasl.username": "u", "fetch.wait.max.ms": 5, "ssl.ca.location": "/ca"}
    assert masked_properties(plain) == plain


def test_settings_are_frozen() -> None:
    settings = load(None, environment())
    with pytest.raises(ValidationError):
        settings.kafka.group_id = "x"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.kafka = KafkaSettings(bootstrap_servers="a:1")  # type: ignore[misc]


def test_the_constructor_reads_its_arguments_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA__GROUP_ID", "x")
    monkeypatch.setenv("KAFKA", '{"group_id": "x"}')
    tables = raw_tables(None, environment())
    assert Settings.model_validate(tables).kafka.group_id == "capillary-aep"


def test_one_section_is_enough_for_some_commands() -> None:
    environ = {f"{PREFIX}KAFKA__BOOTSTRAP_SERVERS": "a:1"}
    assert load_section(KafkaSettings, None, environ).bootstrap_servers == "a:1"
    with pytest.raises(SettingsError, match=r"\[kafka\] bootstrap_servers .* is required"):
        load_section(KafkaSettings, None, {})
    with pytest.raises(SettingsError, match="the nearest is"):
        load_section(KafkaSettings, None, {**environ, f"{PREFIX}AEP__TENNANT": "x"})


class TestTranslation:
    """What bears on the messages: identities, Profile, programs, tables."""

    def test_from_the_file(self) -> None:
        file(
            '[identity]\ncustomer = "CRMID"\nphone = ""\nexternal_id = "LoyaltyId"\nprimary = "external_id"\n'
            '[profile]\nlast_updated = false\nloyalty_fields = 2025\n'
            '[program]\ndefault_id = 2649\ndefault_ids = { 150698 = 4711 }\n'
            '[tiers]\n"2649:1" = " Silver "\n[lookups.genders]\nd = "non_specific"\n"*" = "not_specified"\n'
        )  # fmt: skip
        assert load(None, environment()).options() == Options(
            Namespaces("CRMID", "Email", "", "LoyaltyId", "", "external_id"),
            default_program=2649,
            default_programs={150698: 4711},
            tables={
                "genders": {"d": "non_specific", "*": "not_specified"},
                "tiers": {"2649:1": "Silver"},
            },
            last_updated=False,
            loyalty_fields="2025",
        )

    def test_from_the_environment_which_wins_entry_by_entry(self) -> None:
        file('[program.default_ids]\n1 = 2\n[tiers]\n"1:1" = "A"\n"1:2" = "B"\n[lookups.genders]\nm = "male"\n')
        environ = environment(
            IDENTITY__PHONE="Off",
            PROFILE__LAST_UPDATED="no",
            PROFILE__LOYALTY_FIELDS="2025",
            PROGRAM__DEFAULT_IDS='{"1": 3, "4": 5}',
            TIERS='{"1:2": "Gold"}',
            LOOKUPS='{"genders": {"d": "non_specific"}}',
        )
        options = load(None, environ).options()
        assert (options.namespaces.phone, options.last_updated, options.loyalty_fields) == ("", False, "2025")
        assert options.default_programs == {1: 3, 4: 5}
        assert options.tables == {
            "tiers": {"1:1": "A", "1:2": "Gold"},
            "genders": {"m": "male", "d": "non_specific"},
        }

    def test_who_is_nobody_is_compared_without_spelling(self) -> None:
        file('[identity]\nnever = ["Shop@Brand.example", "+65 0000-0000", 4711]\n')
        assert load(None, environment()).options() == Options(
            never=frozenset({"shop@brand.example", "6500000000", "4711"})
        )
        for text in ("till 7,shop@brand.example", '["TILL-7", "shop@brand.example"]'):
            options = load(None, environment(IDENTITY__NEVER=text)).options()
            assert options.never == {"till7", "shop@brand.example"}

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("", "must hold a letter or a digit"),
            (" - ", "must hold a letter or a digit"),
            ("*@brand.example", "patterns are not known"),
            ("@brand.example", "patterns are not known"),
            ("shop@", "patterns are not known"),
            (" 150698:42 ", "must not be orgId:customerId"),
        ],
    )
    def test_an_entry_that_can_be_nobody_is_refused(self, entry: str, message: str) -> None:
        file(f'[identity]\nnever = ["shop@brand.example", "{entry}"]\n')
        with pytest.raises(SettingsError) as caught:
            load(None, environment())
        assert str(caught.value).startswith("[identity] never, number 2 (CAPILLARY_AEP_IDENTITY__NEVER): must ")
        assert message in str(caught.value)

    def test_an_empty_variable_switches_nothing_off(self) -> None:
        assert load(None, environment(IDENTITY__EMAIL="")).options() == Options()

    @pytest.mark.parametrize(
        ("variables", "message"),
        [
            ({"IDENTITY__PRIMARY": "card"}, "primary is card, which is off: give it a code or choose another"),
            ({"IDENTITY__EMAIL": "off", "IDENTITY__PRIMARY": "email"}, "primary is email, which is off"),
            ({"IDENTITY__CARD": "email"}, "customer, email, phone, card must have different codes"),
        ],
    )
    def test_codes_and_primary_fit_together(self, variables: dict[str, str], message: str) -> None:
        found = problems(environment(**variables))
        assert list(found) == ["[identity]"]
        assert message in found["[identity]"]

    @pytest.mark.parametrize(
        ("text", "setting", "message"),
        [
            ('[tiers]\n"2649:1" = ""\n', "TIERS", "none of them empty"),
            ("[tiers]\n'2649:1' = 1\n", "TIERS", "must have texts for names"),
            ('[lookups.tiers]\n"2649:1" = "A"\n', "LOOKUPS", "[lookups.tiers] is written [tiers]"),
            ("[lookups.genders]\nd = ['a']\n", "LOOKUPS", "[lookups.genders] must have texts, numbers"),
            ("[program]\ndefault_ids = 2649\n", "PROGRAM__DEFAULT_IDS", "{ 150698 = 2649 }"),
            ("[program.default_ids]\n0 = 1\n", "PROGRAM__DEFAULT_IDS", "{ 150698 = 2649 }"),
            ("[program]\ndefault = 1\n", "[program] default", "the nearest is default_id"),
        ],
    )
    def test_tables_that_are_wrong_say_what_is_right(self, text: str, setting: str, message: str) -> None:
        file(text)
        found = problems(environment())
        assert list(found) == [setting]
        assert message in found[setting]

    def test_a_table_in_the_environment_is_json(self) -> None:
        assert problems(environment(TIERS="2649:1=Silver")) == {"TIERS": "is no JSON object"}
        assert problems(environment(LOOKUPS="[]")) == {"LOOKUPS": "is no JSON object"}
        assert "the nearest is CAPILLARY_AEP_TIERS" in problems(environment(TIER="{}"))["TIER"]

    def test_it_can_be_had_without_the_rest(self) -> None:
        file('[kafka]\nno = "such"\n[tiers]\n"1:1" = "A"\n')
        assert load_translation(None, {}).options() == Options(tables={"tiers": {"1:1": "A"}})
        with pytest.raises(SettingsError, match=r"\[profile\] loyalty_fields .*: must be"):
            load_translation(None, {f"{PREFIX}PROFILE__LOYALTY_FIELDS": "1999"})
        with pytest.raises(SettingsError, match="no setting has this name"):
            load_translation(None, {f"{PREFIX}PROFILE__LOYALTY": "2025"})

    def test_it_is_shown_at_the_start(self) -> None:
        file('[program.default_ids]\n1 = 2\n[tiers]\n"1:1" = "A"\n')
        effective = load(None, environment()).effective()
        assert json.loads(json.dumps(effective))["program"] == {"default_id": None, "default_ids": {"1": 2}}
        assert effective["tiers"] == {"1:1": "A"}


def test_destinations_are_those_of_the_schemas() -> None:
    table = {"schema_id": "https://ns.adobe.com/a/schemas/1", "dataset_id": "5f"}
    tables = raw_tables(None, environment()) | {"destinations": {"event": table, "profile-email": table}}
    found = destination_problems(
        Settings.model_validate(tables).destinations.keys(), frozenset({"events", "profile-email"})
    )
    assert [str(problem) for problem in found] == [
        "[destinations.event]: no destination has this name; the nearest is events",
        "[destinations.events]: is missing: make a dataset in AEP with events.json of schemas/xdm/",
    ]


def test_schemas_are_those_of_the_checkout() -> None:
    assert (schemas_dir() / "capillary").is_dir()


# ---- the docs --------------------------------------------------------------------------------------------------------


def test_the_docs_list_every_setting() -> None:
    """Paste the output of `python -c 'from processor.configuration import *; print(reference())'` when this fails."""
    assert reference().strip() in (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def texts() -> list[Path]:
    """All that an operator reads or starts from."""
    found = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Dockerfile", "docker-compose.yml", "Makefile")]
    return [*found, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "deploy").rglob("*.*"))]


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.name)
def test_every_variable_that_is_mentioned_exists(path: Path) -> None:
    mentioned = set(re.findall(rf"{PREFIX}[A-Z][A-Z0-9_]*[A-Z0-9]", path.read_text(encoding="utf-8")))
    free = {name for name in mentioned if name.startswith(f"{PREFIX}DESTINATIONS__")}
    assert mentioned - free <= set(variables())
    assert not [name for name in free if not name.endswith(("__SCHEMA_ID", "__DATASET_ID", "__FLOW_ID"))]


def examples() -> Iterator[object]:
    """TOML in the docs that begins with a section of settings; mappings are TOML too."""
    for path in texts():
        text = path.read_text(encoding="utf-8")
        blocks = (
            [text] if path.suffix == ".toml" else re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        )
        for number, block in enumerate(blocks):
            section = re.search(r"^\[([a-z]+)[].]", block, re.MULTILINE)
            if section and section[1] in Settings.model_fields:
                yield pytest.param(block, id=f"{path.name}-{number}")


@pytest.mark.parametrize("block", list(examples()))
def test_examples_of_settings_load(block: str) -> None:
    for secret in re.findall(r'^\w+_file = "([^/"][^"]*)"', block, re.MULTILINE):
        file("a=b", secret)
    config = file(block)
    try:
        load(config, {})
    except SettingsError as error:
        missing = {problem.variable for problem in error.problems if problem.message == "is required and not set"}
        load(config, {name: value for name, value in environment().items() if name in missing})
