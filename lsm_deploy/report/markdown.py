"""Reports as Markdown, as GitHub reads it."""

from __future__ import annotations

from collections.abc import Iterable

from lsm_deploy.report.blocks import Block, Heading, Line, Table

__all__ = ["to_markdown"]


def to_markdown(blocks: Iterable[Block]) -> str:
    """Each block a paragraph. Emphasis and code in lines and cells are Markdown's own, and go as they are.

    A picture is taken to be the PNG of its name beside the page.
    """
    return "\n\n".join(map(_paragraph, blocks)) + "\n"


def _paragraph(block: Block) -> str:
    if isinstance(block, Heading):
        return f"## {block.text}"
    if isinstance(block, Line):
        return block.text
    if isinstance(block, Table):
        rule = ["---:" if side == "right" else "---" for side in block.aligned]
        return "\n".join(map(_row, ([column.name for column in block.columns], rule, *block.texts)))
    return f"![{block.caption}]({block.name}.png)"


def _row(texts: Iterable[str]) -> str:
    return "| " + " | ".join(map(_cell, texts)) + " |"


def _cell(text: str) -> str:
    """What neither ends the cell nor the line."""
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").splitlines())
