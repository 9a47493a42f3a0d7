"""Process: the `boomerang` command. A parts list: each noun has its file in commands/."""

import sys
from pathlib import Path

import typer

sys.path.insert(0, str(Path(__file__).resolve().parent))  # so that it can be called from any folder

from commands import data, keys, ops, orders, policy, returns
from commands.demo import demo
from commands.migrate import migrate
from commands.serve import serve, work
from commands.up import up

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The returns and refund process engine. Exit status: 0 done, 1 refused or found wanting, 2 wrong use.",
)
app.command()(demo)
app.command()(up)
app.command()(serve)
app.command()(work)
app.command()(migrate)
app.add_typer(data.app, name="data")
app.add_typer(orders.app, name="order")
app.add_typer(returns.app, name="return")
app.command()(returns.receipt)
app.add_typer(ops.app, name="ops")
app.add_typer(keys.app, name="keys")
app.add_typer(policy.app, name="policy")


def main() -> None:
    app(prog_name="boomerang")


if __name__ == "__main__":
    main()
