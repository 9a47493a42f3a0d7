"""What pages load: one stylesheet and one picture, from here and from nowhere else."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
KINDS: Mapping[str, str] = {"boomerang.css": "text/css; charset=utf-8", "boomerang.svg": "image/svg+xml"}
CONTENT: Mapping[str, bytes] = {name: (FOLDER / name).read_bytes() for name in KINDS}


def address(file: str) -> str:
    """Where a page finds a file, under a name that changes with its content."""
    return f"/static/{file}?{hashlib.sha256(CONTENT[file]).hexdigest()[:12]}"
