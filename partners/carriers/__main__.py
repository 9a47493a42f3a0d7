"""The carrier as a program of its own.

    python -m partners.carriers --port 8802 --books .boomerang/carriers.sqlite --api-key K --webhook-secret whsec_… \\
        --webhook-url http://127.0.0.1:8800/v1/webhooks/carriers/simulated --auto-scan --scan-seconds 2 --scan-seed 1
"""

import sys

from partners.alarm import Alarm
from partners.books import Books
from partners.carriers.doors import KNOBS, carrier_doors
from partners.carriers.rounds import Rounds
from partners.carriers.shipments import TABLES, ShipmentBooks
from partners.knobs import Knobs, Turn
from partners.outbox import EVENTS_TABLE, Outbox, StandardWebhooks
from partners.program import arguments, partner_app, run


def main(words: list[str]) -> None:
    parser = arguments("carriers", "A simulated carrier with books of its own.")
    parser.add_argument("--auto-scan", action="store_true", help="parcels are fetched and delivered by themselves")
    parser.add_argument("--scan-seconds", type=float, default=2.0, help="between two scans, on average")
    parser.add_argument("--scan-seed", type=int, default=0, help="the same seed, the same pauses")
    given = parser.parse_args(words)
    books = Books(given.books, EVENTS_TABLE + TABLES)
    knobs = Knobs(KNOBS)
    knobs.apply(Turn.model_validate(given.knobs))
    outbox = Outbox(books, knobs, url=given.webhook_url, tongue=StandardWebhooks(given.webhook_secret))
    rounds = Rounds(knobs, by_itself=given.auto_scan, seconds=given.scan_seconds, seed=given.scan_seed)
    shipments = ShipmentBooks(books, outbox, rounds)
    goes_round = Alarm(shipments.go_round)
    doors = carrier_doors(shipments, knobs, goes_round)
    app = partner_app(api_key=given.api_key, books=books, knobs=knobs, outbox=outbox, doors=doors, alarms=[goes_round])
    run(app, name="partners.carriers", host=given.host, port=given.port)


if __name__ == "__main__":
    main(sys.argv[1:])
