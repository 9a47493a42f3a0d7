"""`boomerang keys`: API keys are made, listed and revoked at the database, by whoever may reach it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Row

from api.security import ROLES, Role
from commands.house import open_database, this_house, write_for_owner_only
from commands.words import REFUSED, in_plain_words, moment, note, say, say_json, show_table
from database import keys
from database.engine import Sessions

app = typer.Typer(no_args_is_help=True, help="API keys: who may call.")


def kept_key(made: Sessions, file: Path, name: str, role: Role) -> tuple[str, str]:
    """The id and secret of the key that is kept in a file; made and written there when there is none, or it is no longer good."""
    with made.begin() as session:
        secret = file.read_text().strip() if file.exists() else ""
        caller = keys.find(session, secret) if secret else None
        if caller:
            return caller.id, secret
        key_id, secret = keys.create(session, name, sorted(ROLES[role]))
    write_for_owner_only(file, secret + "\n")
    return key_id, secret


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Whose key it is; written into timelines.")],
    role: Annotated[Role, typer.Option(help="What it may do.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Make a key. It is shown this once and kept nowhere."""
    with in_plain_words(), open_database(this_house()) as made:
        with made.begin() as session:
            key_id, secret = keys.create(session, name, sorted(ROLES[role]))
        if as_json:
            say_json({"id": key_id, "name": name, "role": role, "scopes": sorted(ROLES[role]), "key": secret})
            return
        note(f"{key_id} for {name}, role {role}. Keep the key now: it is not shown again.")
        say(secret)


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """Every key, oldest first, without its secret."""
    with in_plain_words(), open_database(this_house()) as made, made() as session:
        found = keys.every(session)
        if as_json:
            say_json([_plain(row) for row in found])
            return
        rows = [
            (row.id, row.name, f"{row.prefix}…{row.last4}", moment(row.created_at), moment(row.revoked_at))
            for row in found
        ]
        show_table(("id", "name", "key", "made (UTC)", "revoked (UTC)"), rows)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The key's id, key_…")]) -> None:
    """End a key; what was done with it stays done."""
    with in_plain_words(), open_database(this_house()) as made:
        with made.begin() as session:
            revoked = keys.revoke(session, key_id)
        if not revoked:
            note(f"boomerang: There is no living key {key_id!r}.")
            note("  What to do: See `boomerang keys list`.")
            raise typer.Exit(REFUSED)
        say(f"{key_id} is revoked.")


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "last4": row.last4,
        "scopes": row.scopes,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
    }
