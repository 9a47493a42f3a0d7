"""`boomerang migrate`: bring the database to the newest form of its tables."""

from commands.house import database_address, this_house
from commands.words import in_plain_words, say
from database.migrate import upgrade


def migrate() -> None:
    """Bring the database to the newest form of its tables; safe to repeat, and while others do the same."""
    with in_plain_words():
        upgrade(database_address(this_house()))
        say("The tables are up to date.")
