"""The migrations make exactly the tables of the house, from nothing and back."""

from alembic import command
from sqlalchemy import text

from database.engine import connect
from database.migrate import config, upgrade
from embedded import PostgresCluster


def test_migrations_and_tables_are_the_same(database_url: str) -> None:
    command.check(config(database_url))


def test_migrations_can_be_taken_back_and_run_again(postgres: PostgresCluster) -> None:
    url = postgres.create_database("back_and_forth")
    upgrade(url)
    command.downgrade(config(url), "base")
    engine = connect(url)
    with engine.connect() as connection:
        left = connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        functions = connection.scalars(
            text("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        ).all()
    assert (list(left), list(functions)) == (["alembic_version"], [])
    upgrade(url)
    engine.dispose()
