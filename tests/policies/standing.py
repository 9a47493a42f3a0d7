"""The programme that tests write drafts of: as short as one can be."""

BASE = """programme = "standard"
title = "A draft"
version = "draft-1"

[window]
starts = "delivered"

[fees]
borne_by = "law_and_fault"

[goods]
not_goods_skus = []
categories = []

[refer]
unmatched = []
"""


def a_text(*edits: tuple[str, str], more: str = "") -> str:
    """The programme with some of its words replaced, each of which it must hold, and more at its end."""
    text = BASE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text + more
