"""How much is tried: a part of it in every run, all of it at night (`make nightly`)."""

import os


def examples(*, every_run: int, nightly: int) -> int:
    return nightly if os.environ.get("BOOMERANG_NIGHTLY") else every_run
