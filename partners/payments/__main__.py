"""The payment provider as a program of its own.

    python -m partners.payments --port 8801 --books .boomerang/payments.sqlite --api-key K --webhook-secret whsec_… \\
        --webhook-url http://127.0.0.1:8800/v1/webhooks/payments/simulated

The same books have two more faces: /stripe, shaped after Stripe's API, and /wechat, shaped after WeChat Pay's rules. Events
go to one address in one tongue: `--events`.
"""

import sys
from collections.abc import Callable, Mapping

from partners.alarm import Alarm
from partners.books import Books
from partners.knobs import Knobs, Turn
from partners.outbox import EVENTS_TABLE, Outbox, StandardWebhooks, Tongue
from partners.payments.counter import Counter
from partners.payments.doors import KNOBS, payment_doors
from partners.payments.holds import KNOBS as HOLD_KNOBS
from partners.payments.holds import TABLE as HOLDS_TABLE
from partners.payments.holds import HoldBooks, hold_doors
from partners.payments.refunds import TABLES, RefundBooks
from partners.payments.stripe_face import StripeEvents, stripe_face
from partners.payments.wechat_face import WechatEvents, wechat_face
from partners.program import arguments, partner_app, run

TONGUES: Mapping[str, Callable[[str], Tongue]] = {
    "simulated": StandardWebhooks,
    "stripe": StripeEvents,
    "wechat": WechatEvents,
}


def main(words: list[str]) -> None:
    parser = arguments("payments", "A simulated payment provider with books of its own.")
    parser.add_argument(
        "--events", choices=sorted(TONGUES), default="simulated", help="how events are worded and signed"
    )
    given = parser.parse_args(words)
    books = Books(given.books, EVENTS_TABLE + TABLES + HOLDS_TABLE)
    knobs = Knobs({**KNOBS, **HOLD_KNOBS})
    knobs.apply(Turn.model_validate(given.knobs))
    outbox = Outbox(books, knobs, url=given.webhook_url, tongue=TONGUES[given.events](given.webhook_secret))
    refunds = RefundBooks(books, outbox)
    goes_on = Alarm(refunds.go_on)
    counter = Counter(refunds, knobs, goes_on)
    doors = payment_doors(refunds, counter)
    doors.include_router(hold_doors(HoldBooks(books), knobs))
    app = partner_app(
        api_key=given.api_key,
        books=books,
        knobs=knobs,
        outbox=outbox,
        doors=doors,
        alarms=[goes_on],
        faces={
            "/stripe": stripe_face(refunds, counter, api_key=given.api_key),
            "/wechat": wechat_face(refunds, knobs, goes_on, api_key=given.api_key),
        },
    )
    run(app, name="partners.payments", host=given.host, port=given.port)


if __name__ == "__main__":
    main(sys.argv[1:])
