"""Lines of generated code with their places."""

from __future__ import annotations

from processor.avro.source import Source


def test_blocks_are_indented_and_comments_stand_in_one_column() -> None:
    source = Source()
    with source.block("def f(b):", "a title"):
        with source.block("if b:"):
            source.add("return 1", "one")
        source.add("return 2")
    assert source.finish()[0] == (
        "def f(b):                                                 # a title\n"
        "    if b:\n"
        "        return 1                                          # one\n"
        "    return 2\n"
    )
    assert source.indent == 0


def test_a_block_of_nothing_passes() -> None:
    source = Source()
    with source.block("while True:"), source.block("if b:"):
        pass
    assert source.finish()[0] == "while True:\n    if b:\n        pass\n"


def test_every_line_has_the_place_that_it_is_about() -> None:
    source = Source()
    source.add("a")
    with source.at("x"):
        source.add("b")
        with source.at("x.y"):
            source.add("c")
        source.add("d")
    source.add("e")
    assert source.finish() == ("a\nb\nc\nd\ne\n", ("", "x", "x.y", "x", ""))


def test_helpers_come_first_and_begin_at_no_place() -> None:
    source = Source()
    with source.block("def read(b):"), source.at("x"):
        source.add("first()")
        with source.helper("def first():", "of x"):
            source.add("a")
            with source.at("y"):
                source.add("second()")
                with source.helper("def second():"):
                    source.add("b")
            source.add("c")
        source.add("d")
    assert source.finish() == (
        (
            "def second():\n    b\n\n\n"
            "def first():                                              # of x\n    a\n    second()\n    c\n\n\n"
            "def read(b):\n    first()\n    d\n"
        ),
        ("", "", "", "", "", "", "y", "", "", "", "", "x", "x"),
    )


def test_numbers_are_given_out_once() -> None:
    source = Source()
    assert [source.number(), source.number(), source.number()] == [1, 2, 3]
