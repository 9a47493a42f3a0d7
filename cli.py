"""Process: the `boomerang` command. A parts list: each noun has its file in commands/."""

import typer

from commands.customs import app as customs
from commands.data import app as data
from commands.demo import demo
from commands.goodwill import app as goodwill
from commands.keys import app as keys
from commands.ledger import app as ledger
from commands.migrate import migrate
from commands.ops import app as ops
from commands.orders import app as order
from commands.policy import app as policy
from commands.returns import app as returns
from commands.returns import receipt
from commands.serve import serve, work
from commands.simulation import policy_simulate
from commands.tiers import app as tier
from commands.up import up
from commands.withdrawals import app as withdrawal

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
app.command()(receipt)
app.add_typer(data, name="data")
app.add_typer(order, name="order")
app.add_typer(returns, name="return")
app.add_typer(goodwill, name="goodwill")
app.add_typer(withdrawal, name="withdrawal")
app.add_typer(customs, name="customs")
app.add_typer(ops, name="ops")
app.add_typer(ledger, name="ledger")
app.add_typer(keys, name="keys")
policy.command("simulate")(policy_simulate)
app.add_typer(policy, name="policy")
app.add_typer(tier, name="tier")


def main() -> None:
    app(prog_name="boomerang")


if __name__ == "__main__":
    main()
