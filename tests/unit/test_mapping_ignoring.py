"""Events that go nowhere on purpose: what a brand switches off, and what contradicts a mapping or names nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from processor.capillary import load_ignored
from processor.mapping.ignoring import Wanted, wanted
from processor.mapping.language import CommonSpec, Language, MappingSpec, Place
from processor.mapping.problems import Problem
from processor.mapping.sources import Reader, Source


def spec(event: str, *, brand: bool = False) -> MappingSpec:
    return MappingSpec(event, (), {}, (), Place(f"mappings/{event}.toml", 1, ""), brand)


def reader(event: str, record: str, *aliases: str) -> Reader:
    return Reader(event, record, Source("record"), None, aliases)


READERS = {
    "pointsIssued": reader("pointsIssued", "capillary.PointsIssued"),
    "couponIssue": reader("couponIssue", "capillary.CouponIssue", "IssueCoupon", "ISSUE_BULK"),
    "tierUpgraded": reader("tierUpgraded", "TierUpgraded"),
}


def settled(
    tmp_path: Path,
    *specs: MappingSpec,
    ours: str | None = None,
    brands: str | None = None,
    readers: Mapping[str, Reader] = READERS,
    overlay: bool = True,
) -> Wanted:
    """What stays of some mappings where these are the files; None: there is no such file."""
    for name, text in (("capillary", ours), ("brand", brands)):
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "ignored.toml").write_text(text, encoding="utf-8")
    language = Language(specs, CommonSpec(), (), None)
    return wanted(language, readers, tmp_path / "capillary", tmp_path / "brand" if overlay else None)


def said(found: Wanted, tmp_path: Path) -> list[str]:
    return [str(problem).replace(f"{tmp_path}/", "") for problem in found.problems]


def events(found: Wanted) -> list[str]:
    return [one.event for one in found.language.mappings]


def test_all_mappings_stay_where_nothing_is_ignored(tmp_path: Path) -> None:
    specs = spec("pointsIssued"), spec("couponIssue", brand=True)
    found = settled(tmp_path, *specs)
    assert found == Wanted(Language(specs, CommonSpec(), (), None), found.ignored, ())
    assert dict(found.ignored) == {}


@pytest.mark.parametrize("name", ["couponIssue", "COUPONISSUE", "IssueCoupon", '"issue_bulk"'])
def test_a_brand_switches_an_event_of_ours_off_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    found = settled(tmp_path, spec("pointsIssued"), spec("couponIssue"), brands=f'{name} = "none of ours"')
    assert (events(found), found.problems) == (["pointsIssued"], ())
    assert "pointsIssued" not in found.ignored
    assert found.ignored["couponIssue"] == found.ignored["CouponIssue"] == "none of ours"
    assert found.ignored[name.strip('"')] == "none of ours"


def test_an_event_that_is_off_is_known_by_its_record(tmp_path: Path) -> None:
    """As its records come: under the name of their schema, which need not be that of the event."""
    readers = {"tierUpgraded": reader("tierUpgraded", "capillary.events.LevelReached")}
    found = settled(tmp_path, spec("tierUpgraded"), brands='tierUpgraded = "off"', readers=readers)
    assert dict(found.ignored) == {"LevelReached": "off", "tierUpgraded": "off"}
    (tmp_path / "2").mkdir()
    bare = settled(tmp_path / "2", spec("tierUpgraded"), brands='tierUpgraded = "off"')
    assert dict(bare.ignored) == {"tierUpgraded": "off"}


def test_what_we_ignore_is_ignored_with_and_without_a_brand(tmp_path: Path) -> None:
    (tmp_path / "2").mkdir()
    alone = settled(tmp_path, ours='streakEnd = "not yet"', brands='x = "y"', overlay=False)
    assert (dict(alone.ignored), alone.problems) == ({"streakEnd": "not yet"}, ())
    both = settled(tmp_path / "2", ours='streakEnd = "not yet"\nother = "o"', brands='STREAKEND = "never"')
    assert (both.problems, both.ignored["streakEnd"], both.ignored["other"]) == ((), "never", "o")


def test_what_we_map_we_do_not_ignore(tmp_path: Path) -> None:
    found = settled(tmp_path, spec("pointsIssued"), spec("couponIssue"), ours='\nx = "y"\nissuecoupon = "why"\n')
    assert said(found, tmp_path) == [
        "capillary/ignored.toml:3: IssueCoupon: is mapped by mappings/couponIssue.toml: keep that file, or this line"
    ]
    assert events(found) == ["pointsIssued", "couponIssue"]


def test_what_a_brand_maps_it_does_not_ignore(tmp_path: Path) -> None:
    mapped = spec("couponIssue", brand=True)
    found = settled(tmp_path, mapped, ours='couponIssue = "why"', brands='\n"coupon Issue" = "why"')
    assert said(found, tmp_path) == [
        "brand/ignored.toml:2: couponIssue: is mapped by mappings/couponIssue.toml: keep that file, or this line"
    ]
    assert events(found) == ["couponIssue"]


def test_a_brand_may_map_what_we_ignore(tmp_path: Path) -> None:
    found = settled(tmp_path, spec("couponIssue", brand=True), ours='couponIssue = "why"\nother = "o"')
    assert (events(found), found.problems, dict(found.ignored)) == (["couponIssue"], (), {"other": "o"})


@pytest.mark.parametrize("brand", [True, False])
def test_a_mapping_of_no_known_event_is_no_business_of_this_list(tmp_path: Path, brand: bool) -> None:  # noqa: FBT001
    found = settled(tmp_path, spec("unknown", brand=brand))
    assert (events(found), found.problems) == (["unknown"], ())


def test_a_mapping_of_no_known_event_can_be_switched_off(tmp_path: Path) -> None:
    found = settled(tmp_path, spec("unknown"), brands='[undocumented]\nunknown = "off"')
    assert (events(found), found.problems, dict(found.ignored)) == ([], (), {"unknown": "off"})


def test_a_brand_ignores_what_is_documented_or_says_that_it_is_not(tmp_path: Path) -> None:
    text = 'streakEnd = "ours"\nissuecoupon = "alias"\ntierUpgraded = "event"\n[undocumented]\ntierFrozen = "new"'
    found = settled(tmp_path, ours='StreakEnd = "x"', brands=text)
    assert found.problems == ()
    assert [found.ignored[name] for name in ("streakEnd", "IssueCoupon", "tierUpgraded", "tierFrozen")] == [
        *("ours", "alias", "event", "new"),
    ]


def test_a_name_that_ignores_nothing(tmp_path: Path) -> None:
    found = settled(tmp_path, ours='streakEnd = "x"', brands='\ntierUpgrade = "off"\nzz = "off"\nstreakend = "off"')
    new = "a new one stands under [undocumented]"
    known = "; known: ISSUE_BULK, IssueCoupon, couponIssue, pointsIssued, streakEnd, tierUpgraded"
    assert said(found, tmp_path) == [
        f'brand/ignored.toml:2: tierUpgrade: is no event type that we know; the nearest is "tierUpgraded"; {new}',
        f"brand/ignored.toml:3: zz: is no event type that we know{known}; {new}",
    ]


FAULTS = {
    "no reason": ('\na = "x"\nb = ""', "3: ignored: b: needs a reason, in words"),
    "no reason for a name with a colon": ('a = "x"\n"a: b" = ""', "2: ignored: a: b: needs a reason, in words"),
    "no table": ("\nundocumented = 1", "2: ignored: undocumented: is a table of names and reasons"),
    "no TOML": ("\n=", "2: ignored: no TOML: Invalid statement (at line 2, column 1)"),
    "no end": ("a = [", " ignored: no TOML: Invalid value (at end of document)"),
}


@pytest.mark.parametrize(("text", "problem"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("whose", ["capillary", "brand"])
def test_a_list_that_cannot_be_read_ignores_nothing(tmp_path: Path, text: str, problem: str, whose: str) -> None:
    found = settled(tmp_path, spec("pointsIssued"), **{"ours" if whose == "capillary" else "brands": text})
    assert said(found, tmp_path) == [f"{whose}/ignored.toml:{problem}"]
    assert (events(found), dict(found.ignored)) == (["pointsIssued"], {})


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "capillary").mkdir()
    (tmp_path / "capillary" / "ignored.toml").write_bytes(b'a = "\xff"')
    found = wanted(Language((), CommonSpec(), (), None), READERS, tmp_path / "capillary", None)
    (problem,) = found.problems
    assert problem[:3] == ("capillary/ignored.toml", 0, "ignored")
    assert problem.message.startswith("no TOML: 'utf-8' codec can't decode byte 0xff")


def test_a_list_that_is_there_and_is_no_file_is_no_absence(tmp_path: Path) -> None:
    """What a mount makes of a source that is missing."""
    (tmp_path / "ignored.toml").mkdir()
    with pytest.raises(IsADirectoryError):
        load_ignored(tmp_path)
    (tmp_path / "ignored.toml").rmdir()
    (tmp_path / "ignored.toml").symlink_to("nowhere.toml")
    with pytest.raises(FileNotFoundError):
        load_ignored(tmp_path)


def test_a_list_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "ignored.toml").write_text("\ufeffa = 'b'", encoding="utf-8")
    assert dict(load_ignored(tmp_path)) == {"a": "b"}


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    found = settled(tmp_path, spec("pointsIssued"), ours="=", brands='pointsIssued = ""')
    assert found.problems == (
        Problem("capillary/ignored.toml", 1, "ignored", "no TOML: Invalid statement (at line 1, column 1)"),
        Problem(f"{tmp_path}/brand/ignored.toml", 1, "ignored", "pointsIssued: needs a reason, in words"),
    )
