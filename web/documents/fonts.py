"""Which font each sign of a document is set in. Nothing is downloaded.

Bitstream Vera comes with reportlab and is embedded: the Latin letters of western Europe and of Poland, Turkey and Iceland in part, and
the euro. What it lacks is taken from DejaVu Sans, its successor, where the machine has that (Debian: fonts-dejavu-core). Chinese,
Japanese and Korean are set in Adobe's own fonts, which every PDF reader brings or replaces; they are named and not embedded. Russian
and Greek are not set in them, though they have the letters: a reader that replaces them may show nothing at all (Ghostscript does).
A letter that none of them has is set without its accents, and as a question mark where that does not help: the JSON has it as it is.
"""

import unicodedata
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

REGULAR, BOLD = "Vera", "VeraBd"
CHINESE, JAPANESE, KOREAN = "STSong-Light", "HeiseiKakuGo-W5", "HYGothic-Medium"
OURS = Path(reportlab.__file__).parent / "fonts"
OF_THE_MACHINE = Path("/usr/share/fonts/truetype/dejavu")
SUCCESSORS = {REGULAR: "DejaVuSans", BOLD: "DejaVuSans-Bold"}
# Spaces that are narrower, signs that join and the like: set as what stands for them.
STAND_INS = str.maketrans({"\u202f": "\xa0", "\u2009": "\xa0", "\u2011": "-", "\u200f": "", "\u200e": "", "\t": " "})


@lru_cache(maxsize=1)
def fonts() -> dict[str, frozenset[int]]:
    """The embedded fonts by name, each with the code points that it has; they are registered with the first call."""
    found: dict[str, frozenset[int]] = {}
    for name in (REGULAR, BOLD):
        found[name] = _register(name, OURS / f"{name}.ttf")
    for name in SUCCESSORS.values():
        file = OF_THE_MACHINE / f"{name}.ttf"
        try:
            found[name] = _register(name, file) if file.exists() else frozenset()
        except (TTFError, OSError):  # a font that cannot be read is as good as none
            found[name] = frozenset()
    for name in (CHINESE, JAPANESE, KOREAN):
        pdfmetrics.registerFont(UnicodeCIDFont(name))
    return found


def _register(name: str, file: Path) -> frozenset[int]:
    font = TTFont(name, str(file))
    pdfmetrics.registerFont(font)
    return frozenset(font.face.charToGlyph)


def marked_up(text: str, *, bold: bool = False) -> str:
    """Text for a Paragraph of reportlab: escaped, and every run of it in a font that has its signs."""
    base = BOLD if bold else REGULAR
    runs = _in_fonts(text, base)
    return "".join(part if font == base else f'<font name="{font}">{part}</font>' for font, part in runs)


def can_show(text: str) -> bool:
    """Whether every sign is there as it is."""
    return "".join(sign for _, sign in _signs(text.translate(STAND_INS), REGULAR)) == text.translate(STAND_INS)


def has_east_asian(text: str) -> bool:
    """Lines of such text may break between any two signs."""
    return any(_is_east_asian(sign) for sign in text)


def _in_fonts(text: str, base: str) -> list[tuple[str, str]]:
    return [
        (font, escape("".join(sign for _, sign in run)).replace("\n", "<br/>"))
        for font, run in groupby(_signs(text.translate(STAND_INS), base), key=lambda one: one[0])
    ]


def _signs(text: str, base: str) -> list[tuple[str, str]]:
    ideographs = JAPANESE if any("\u3040" <= sign <= "\u30ff" for sign in text) else CHINESE
    found: list[tuple[str, str]] = []
    for sign in text:
        found += _set(sign, base, ideographs)
    return found


def _set(sign: str, base: str, ideographs: str) -> list[tuple[str, str]]:
    if font := _font_of(sign, base, ideographs):
        return [(font, sign)]
    plain = [part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part)]
    return [
        (_font_of(part, base, ideographs) or base, part if _font_of(part, base, ideographs) else "?") for part in plain
    ]


def _font_of(sign: str, base: str, ideographs: str) -> str | None:
    known = fonts()
    if sign == "\n" or ord(sign) in known[base]:
        return base
    if ord(sign) in known[SUCCESSORS[base]]:
        return SUCCESSORS[base]
    if "\uac00" <= sign <= "\ud7a3" or "\u1100" <= sign <= "\u11ff":
        return KOREAN
    if "\u3040" <= sign <= "\u30ff":
        return JAPANESE
    return ideographs if _is_east_asian(sign) else None


def _is_east_asian(sign: str) -> bool:
    return (
        "\u2e80" <= sign <= "\u9fff" or "\uac00" <= sign <= "\ud7a3" or "\uf900" <= sign <= "\ufaff"
        or "\uff00" <= sign <= "\uffef" or "\u1100" <= sign <= "\u11ff"
    )  # fmt: skip
