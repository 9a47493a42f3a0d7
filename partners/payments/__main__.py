"""The payment provider as a program of its own.

    python -m partners.payments --port 8801 --books .boomerang/payments.sqlite --api-key K --webhook-secret whsec_… \\
        --webhook-url http://127.0.0.1:8800/v1/webhooks/payments/simulated
"""

import sys

from partners.alarm import Alarm
from partners.books import Books
from partners.knobs import Knobs, Turn
from partners.outbox import EVENTS_TABLE, Outbox
from partners.payments.doors import KNOBS, payment_doors
from partners.payments.holds import KNOBS as HOLD_KNOBS
from partners.payments.holds import TABLE as HOLDS_TABLE
from partners.payments.holds import HoldBooks, hold_doors
from partners.payments.refunds import TABLES, RefundBooks
from partners.program import arguments, partner_app, run


def main(words: list[str]) -> None:
    given = arguments("payments", "A simulated payment provider with books of its own.").parse_args(words)
    books = Books(given.books, EVENTS_TABLE + TABLES + HOLDS_TABLE)
    knobs = Knobs({**KNOBS, **HOLD_KNOBS})
    knobs.apply(Turn.model_validate(given.knobs))
    outbox = Outbox(books, knobs, url=given.webhook_url, secret=given.webhook_secret)
    refunds = RefundBooks(books, outbox)
    goes_on = Alarm(refunds.go_on)
    doors = payment_doors(refunds, knobs, goes_on)
    doors.include_router(hold_doors(HoldBooks(books), knobs))
    app = partner_app(api_key=given.api_key, books=books, knobs=knobs, outbox=outbox, doors=doors, alarms=[goes_on])
    run(app, name="partners.payments", host=given.host, port=given.port)


if __name__ == "__main__":
    main(sys.argv[1:])
