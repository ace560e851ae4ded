"""What all tests share: the brokers and the schema registry, each started when a test first asks for it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # examples share the machine with brokers and workers
settings.load_profile("untimed")

pytest_plugins = [
    "tests.plugins.brokers",
    "tests.plugins.members",
    "tests.plugins.workers",
    "tests.plugins.scene",
    "tests.plugins.fake_registry",
]
