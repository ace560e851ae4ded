"""Which events go nowhere on purpose: ours, a brand's, and what cannot be both ignored and mapped."""

from __future__ import annotations

from pathlib import Path

import pytest

from processor.mapping.ignoring import Wanted, wanted
from processor.mapping.language import CommonSpec, Language, MappingSpec, Place
from processor.mapping.problems import Problem
from processor.mapping.sources import Reader, Source


def spec(event: str, *, brand: bool = False) -> MappingSpec:
    return MappingSpec(event, (), {}, (), Place(f"{'brand' if brand else 'ours'}/{event}.toml", 1, ""), brand)


def reader(event: str, *aliases: str) -> Reader:
    return Reader(event, f"capillary.events.{event[0].upper()}{event[1:]}", Source("record"), None, aliases)


READERS = {"badgeEarned": reader("badgeEarned", "badge"), "tierRenewed": reader("tierRenewed")}


class Desk:
    """A directory of contracts, and one of a brand."""

    def __init__(self, root: Path) -> None:
        self.ours, self.brand = root / "capillary", root / "brand"
        self.ours.mkdir()
        self.brand.mkdir()
        self.ours_text, self.brands_text = "", ""

    def wanted(self, *mappings: MappingSpec, overlay: bool = True) -> Wanted:
        (self.ours / "ignored.toml").write_text(self.ours_text, encoding="utf-8")
        (self.brand / "ignored.toml").write_text(self.brands_text, encoding="utf-8")
        language = Language(mappings, CommonSpec(), (), None)
        return wanted(language, READERS, self.ours, self.brand if overlay else None)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_we_ignore(desk: Desk) -> None:
    desk.ours_text = 'cardUpdated = "names a card"\n'
    for overlay in (True, False):
        found = desk.wanted(spec("badgeEarned"), overlay=overlay)
        assert dict(found.ignored) == {"cardUpdated": "names a card"}
        assert found.ignored["CARDUPDATED"] == "names a card"
        assert found.language.mappings == (spec("badgeEarned"),)
        assert found.problems == ()


def test_without_lists_nothing_is_ignored(tmp_path: Path) -> None:
    found = wanted(Language((spec("badgeEarned"),), CommonSpec(), (), None), READERS, tmp_path, None)
    assert (dict(found.ignored), found.problems) == ({}, ())


def test_a_brand_switches_one_of_ours_off(desk: Desk) -> None:
    desk.ours_text = 'cardUpdated = "names a card"\n'
    desk.brands_text = 'badge = "not here"\ncardupdated = "not here either"\n'
    found = desk.wanted(spec("badgeEarned"), spec("tierRenewed"))
    assert found.language.mappings == (spec("tierRenewed"),)
    assert found.problems == ()
    assert {name: found.ignored[name] for name in ("BadgeEarned", "badge", "cardUpdated")} == {
        "BadgeEarned": "not here",
        "badge": "not here",
        "cardUpdated": "not here either",
    }


def test_the_record_of_an_event_that_is_switched_off_is_ignored_by_its_own_name(desk: Desk) -> None:
    desk.brands_text = 'badge = "not here"\n'
    assert "badgeEarned" in desk.wanted(spec("badgeEarned")).ignored
    other = {"badgeEarned": READERS["badgeEarned"]._replace(record="other.space.Named")}
    found = wanted(Language((spec("badgeEarned"),), CommonSpec(), (), None), other, desk.ours, desk.brand)
    assert "Named" in found.ignored
    assert "badgeEarned" not in found.ignored


def test_what_a_brand_maps_is_not_ignored_by_us(desk: Desk) -> None:
    desk.ours_text = 'tierRenewed = "who cares"\ncardUpdated = "names a card"\n'
    found = desk.wanted(spec("TierRenewed", brand=True))
    assert found.language.mappings == (spec("TierRenewed", brand=True),)
    assert list(found.ignored) == ["cardUpdated"]
    assert found.problems == ()


def test_what_is_mapped_beside_an_ignoring_line_is_a_mistake(desk: Desk) -> None:
    desk.ours_text = '# ours\ntierRenewed = "who cares"\n'
    found = desk.wanted(spec("tierRenewed"))
    message = "is mapped by ours/tierRenewed.toml: keep that file, or this line"
    assert found.problems == (Problem("capillary/ignored.toml", 2, "tierRenewed", message),)
    assert found.language.mappings == (spec("tierRenewed"),)


def test_what_a_brand_maps_and_ignores_is_a_mistake(desk: Desk) -> None:
    desk.brands_text = '\n\nbadge = "not here"\n'
    found = desk.wanted(spec("badgeEarned", brand=True))
    message = "is mapped by brand/badgeEarned.toml: keep that file, or this line"
    assert found.problems == (Problem(str(desk.brand / "ignored.toml"), 3, "badge", message),)
    assert found.language.mappings == (spec("badgeEarned", brand=True),)


def test_a_mapping_of_an_event_without_a_contract(desk: Desk) -> None:
    desk.ours_text = 'new = "who cares"\n'
    found = desk.wanted(spec("new"), spec("newer"))
    assert [problem.where for problem in found.problems] == ["new"]
    desk.ours_text, desk.brands_text = "", '[undocumented]\nnew = "not here"\n'
    found = desk.wanted(spec("new"), spec("newer"))
    assert found.language.mappings == (spec("newer"),)
    assert (dict(found.ignored), found.problems) == ({"new": "not here"}, ())


def test_a_brand_ignores_what_exists(desk: Desk) -> None:
    desk.ours_text = 'cardUpdated = "names a card"\n'
    desk.brands_text = (
        'tierRenewed = "a"\nbadge = "b"\ncardUpdated = "c"\ncardUpdatet = "d"\n[undocumented]\nnew = "e"\n'
    )
    found = desk.wanted(spec("tierRenewed"), spec("badgeEarned"))
    assert found.problems == (
        Problem(
            str(desk.brand / "ignored.toml"),
            4,
            "cardUpdatet",
            'is no event type that we know; the nearest is "cardUpdated"; a new one stands under [undocumented]',
        ),
    )


def test_a_list_that_cannot_be_read_is_named_with_its_line(desk: Desk) -> None:
    desk.ours_text = 'a = "b"\nc\n'
    desk.brands_text = 'tierRenewed = "x"\nbadge = ""\n'
    found = desk.wanted(spec("badgeEarned"))
    ours, brands = found.problems
    assert ours[:3] == ("capillary/ignored.toml", 2, "ignored")
    assert ours.message.startswith("no TOML: ")
    assert brands == Problem(str(desk.brand / "ignored.toml"), 2, "ignored", "badge: needs a reason, in words")
    assert (dict(found.ignored), found.language.mappings) == ({}, (spec("badgeEarned"),))


def test_the_table_of_undocumented_events_is_a_table(desk: Desk) -> None:
    desk.ours_text = 'a = "b"\nundocumented = "x"\n'
    [problem] = desk.wanted().problems
    assert problem == Problem("capillary/ignored.toml", 2, "ignored", "undocumented: is a table of names and reasons")


def test_a_list_that_is_no_utf_8(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "capillary" / "ignored.toml").write_bytes(b'a = "\xff"\n')
    [problem] = wanted(Language((), CommonSpec(), (), None), READERS, desk.ours, None).problems
    assert problem[:3] == ("capillary/ignored.toml", 0, "ignored")
