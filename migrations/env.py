"""Runs the migrations against the database of the settings, or against the one handed in."""

from alembic import context
from sqlalchemy import create_engine, text

from database.tables import metadata

LOCK = 7_233_543_210  # one migration at a time, however many servers start at once


def url() -> str:
    handed = context.config.attributes.get("url")
    if handed:
        return str(handed)
    from settings import Settings

    configured = Settings().database_url
    if not configured:
        raise SystemExit(
            "BOOMERANG_DATABASE_URL is not set: name the database to migrate, with its driver (postgresql+psycopg2://…)."
        )
    return configured


engine = create_engine(url(), connect_args={"options": "-c lock_timeout=5000"})
with engine.connect() as connection:
    # Whoever comes second waits for the first to be done, however long; only the tables are not waited for so long.
    connection.execute(text("SET lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    connection.execute(text("SET lock_timeout = 5000"))
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, compare_type=True, compare_server_default=False)
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
    connection.commit()
engine.dispose()
