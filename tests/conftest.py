"""What all tests share: the brokers and the schema registry, each started when a test first asks for it."""

from __future__ import annotations

pytest_plugins = [
    "tests.plugins.brokers",
    "tests.plugins.members",
    "tests.plugins.workers",
    "tests.plugins.scene",
    "tests.plugins.fake_registry",
]
