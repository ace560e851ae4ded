"""What `make bench` compares does the same work."""

from __future__ import annotations

from bench import traffic


def test_the_plain_loop_makes_the_same_messages() -> None:
    traffic.compare(200)
