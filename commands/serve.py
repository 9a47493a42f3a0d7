"""`boomerang serve` and `boomerang work`: one process each, for a machine where PostgreSQL and Temporal run elsewhere."""

from commands.words import in_plain_words


def serve() -> None:
    """The HTTP server, by the settings BOOMERANG_*; `up` starts everything on one machine instead."""
    with in_plain_words():
        import server

        server.main()


def work() -> None:
    """A worker, by the settings BOOMERANG_*; any number of them share the work."""
    with in_plain_words():
        import worker

        worker.main()
