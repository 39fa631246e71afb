"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Column, Component, hookimpl


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return (
        Component(
            name="quality.text",
            version=1,
            slot="observer",
            grain="blob",
            factory="bigcode_quality.observer:TextStatistics",
            config="bigcode_quality.config:QualityConfig",
            summary="Lines, line lengths, shares of letters and digits, and marks of generated files",
            writes=(
                Column("lines", "int64"),
                Column("max_line", "int64"),
                Column("mean_line", "double"),
                Column("alnum", "double"),
                Column("alpha", "double"),
                Column("digits", "double"),
                Column("generated_marker", "bool"),
            ),
            golden="04cec2b986da4311f38a510424d6be4c8859366558eeca33979721cd092b4df0",
        ),
        Component(
            name="quality.structure",
            version=1,
            slot="observer",
            grain="name",
            factory="bigcode_quality.structure:TextStructure",
            config="bigcode_quality.config:StructureConfig",
            summary="Size, XML, visible text of HTML, comments, data written as text, and repeated lines",
            writes=(
                Column("chars", "int64"),
                Column("xml_head", "bool"),
                Column("html_visible", "double"),
                Column("html_visible_chars", "int64"),
                Column("comments_ratio", "double"),
                Column("repeated_lines", "double"),
                Column("encoded", "double"),
                Column("encoded_longest", "int64"),
            ),
            golden="9b5f21c5b9f4410cace5fbddbd3656f9f223c075c7ffcfc6d9c8898eead561db",
        ),
        Component(
            name="quality.parse",
            version=1,
            slot="observer",
            grain="name",
            factory="bigcode_quality.parse:ParseErrors",
            config="bigcode_quality.config:ParseConfig",
            summary="Share of a program that its grammar cannot read",
            writes=(Column("parse_errors", "double"),),
            golden="61883a487a804a9bb28d7c0650a318dbf1cb1462b5b17e8ed51e5cf5cb97ae55",
        ),
    )
