"""The tree of what is wanted, and its variables."""

from __future__ import annotations

from processor.avro.wanted import Each, Table, Wanted, gather


def places(wanted: Wanted) -> dict[str, str | None]:
    """All places of a tree, with the variable of the whole value."""
    found = {wanted.place: wanted.whole}
    for below in wanted.below.values():
        found |= places(below)
    return found | (places(wanted.item) if wanted.item else {})


def test_a_want_is_a_place_of_the_tree_with_a_variable() -> None:
    root, variables = gather(["data.tier.name", "orgId"])
    assert variables == ("v0_name", "v1_orgId")
    assert places(root) == {
        "": None,
        "data": None,
        "data.tier": None,
        "data.tier.name": "v0_name",
        "orgId": "v1_orgId",
    }
    assert list(root.variables()) == ["v0_name", "v1_orgId"]


def test_the_same_want_has_one_variable() -> None:
    _, variables = gather(["x.y", "z", "x.y", "y"])
    assert variables == ("v0_y", "v1_z", "v0_y", "v2_y")


def test_the_whole_and_its_parts() -> None:
    root, variables = gather(["x", "x.y"])
    assert variables == ("v0_x", "v1_y")
    assert places(root) == {"": None, "x": "v0_x", "x.y": "v1_y"}
    assert list(root.variables()) == ["v0_x", "v1_y"]


def test_a_table_has_a_cell_for_each_item() -> None:
    root, variables = gather([Each("data.tiers", ("name", "level.id"))])
    assert variables == ("v2_tiers",)
    tiers = root.below["data"].below["tiers"]
    assert tiers.tables == [Table("v2_tiers", ("v0_name", "v1_id"))]
    assert places(root) == {
        "": None,
        "data": None,
        "data.tiers": None,
        "data.tiers[]": None,
        "data.tiers[].name": "v0_name",
        "data.tiers[].level": None,
        "data.tiers[].level.id": "v1_id",
    }
    assert list(root.variables()) == ["v2_tiers"]  # those of an item belong to the item


def test_tables_of_one_array_share_cells_and_equal_ones_are_one() -> None:
    root, variables = gather([Each("x", ("a", "b")), Each("x", ("b",)), Each("x", ("a", "b")), Each("x", ()), "x"])
    assert variables == ("v2_x", "v3_x", "v2_x", "v4_x", "v5_x")
    assert root.below["x"].whole == "v5_x"
    assert root.below["x"].tables == [
        Table("v2_x", ("v0_a", "v1_b")),
        Table("v3_x", ("v1_b",)),
        Table("v4_x", ()),
    ]


def test_a_variable_has_40_characters_of_a_name() -> None:
    _, variables = gather([f"data.{'n' * 100}"])
    assert variables == (f"v0_{'n' * 40}",)
