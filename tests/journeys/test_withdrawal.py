"""A consumer withdraws: the whole way in a browser, and what becomes of it behind, whatever is cut off or said twice."""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from api.app import create_app
from api.schemas.withdrawals import present_withdrawal
from database import withdrawals
from database.engine import Sessions
from database.orders import Customer
from database.withdrawals import MAILS_AN_HOUR
from desk.withdrawals import FormUsedForAnother, WithdrawalsDesk
from domain.order import Order
from domain.withdrawal import Declaration
from gateways.mail.registry import mail_gateway
from policies.book import load_policy_book
from tests.house import MERCHANT, House, World, open_house
from tests.mailserver import MailServer, mail_server, text_of
from tests.waiting_for import eventually
from web.app import furnish
from web.policy.pages import policy_words
from web.withdrawal.letter import acknowledgement

pytestmark = pytest.mark.anyio

CHROMIUM = shutil.which("chromium")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the pages with")
_numbers = count(1)


@pytest.fixture(scope="module")
def post() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture(scope="module")
async def house(made_sessions: Sessions, temporal_address: str, world: World, post: MailServer) -> AsyncIterator[House]:
    mail = mail_gateway(post.url, sender="The Shop <returns@shop.example>")
    async with open_house(made_sessions, temporal_address, world, mail=mail) as made:
        yield made
        world.calm()


@dataclass
class Counter:
    """The withdrawals desk of a house, its pages under an address, and its rows."""

    house: House
    desk: WithdrawalsDesk
    url: str

    async def sell(self, *quantities: int, **more: Any) -> tuple[Order, str]:
        """An order, and the e-mail address of its customer."""
        order = await self.house.sell(*(quantities or (1,)), **more)
        email = f"ada{next(_numbers)}@customer.example"
        assert order.customer_id
        await self.house.desk.put_order(order, Customer(order.customer_id, order.market, email=email))
        return order, email

    def row(self, withdrawal_id: str) -> Any:
        with self.house.made() as session:
            return withdrawals.get(session, withdrawal_id)

    def of_email(self, email: str) -> list[Any]:
        with self.house.made() as session:
            found = withdrawals.search(session, status=None, after=None, limit=1000)
        return [row for row in found if row.email == email]

    async def settled(self, email: str) -> Any:
        """The one withdrawal from an address, once it is known what becomes of it."""

        def look() -> Any:
            rows = self.of_email(email)
            assert len(rows) <= 1
            return rows[0] if rows and rows[0].status != "received" and rows[0].acknowledged_at else None

        return await eventually(look, lambda: str([row._asdict() for row in self.of_email(email)]))


def token() -> str:
    return f"form_{next(_numbers):032d}"


def said(order: Order, email: str, **vary: Any) -> Declaration:
    return replace(Declaration("Ada Lovelace", order.id, email), **vary)


@pytest.fixture(scope="module")
async def counter(house: House) -> AsyncIterator[Counter]:
    desk = another_desk(house)

    async def well() -> None:
        return None

    app = create_app(
        house.desk,
        house.made,
        carriers=house.partners.carriers,
        payments=house.partners.payments,
        event_faults={},
        checks={"database": well},
        version="0.0.0",
        withdrawals_desk=desk,
        policy_words=policy_words(load_policy_book()),
    )
    furnish(app)
    async with served(app) as url:
        yield Counter(house, desk, url)


def another_desk(house: House, kind: type[WithdrawalsDesk] = WithdrawalsDesk) -> WithdrawalsDesk:
    """As another server has it."""
    return kind(
        house.made,
        house.client,
        house.desk,
        write=acknowledgement,
        present=present_withdrawal,
        clock=house.clock,
        task_queue=house.queue,
    )


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    """The application on a port of its own, in this loop: it is the loop that the desk's Temporal client knows."""
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await running


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@asynccontextmanager
async def a_page(browser: Browser, **more: Any) -> AsyncIterator[Page]:
    """A page that fails the test when the browser complains: of a policy that was broken, of a file that is not there."""
    context = await browser.new_context(locale=more.pop("locale", "en-GB"), **more)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: complaints.append(f"{request.failure} {request.url}"))
    yield page
    await context.close()
    # An answer of 422 or 404 is meant, and a download is called an aborted visit.
    assert [text for text in complaints if not re.search("status of (422|404)|ERR_ABORTED", text)] == []


# --- the whole way in a browser ---

LABELS = {
    "en-GB": ("Withdraw from contract here", "Confirm withdrawal"),
    "de-AT": ("Vertrag widerrufen", "Widerruf bestätigen"),
    "fr-BE": ("Renoncer au contrat ici", "Confirmer la rétractation"),
    "zh-CN": ("在此撤回合同", "确认撤回"),
}


@in_a_browser
async def test_two_steps_then_an_acknowledgement_with_content_date_and_time(
    counter: Counter, browser: Browser, post: MailServer, tmp_path: Path
) -> None:
    order, email = await counter.sell(2, 1, country="DE", currency="EUR")
    before = datetime.now(UTC)
    async with a_page(browser, locale="de-DE") as page:
        await page.goto(f"{counter.url}/withdrawal?order={order.id}")
        assert await page.locator("html").get_attribute("lang") == "de"
        assert await page.get_by_role("button").all_inner_texts() == ["Vertrag widerrufen"]
        assert await page.get_by_label("Bestellnummer").input_value() == order.id
        await page.get_by_label("Ihr Name").fill("Ada Lovelace")
        await page.get_by_label("E-Mail-Adresse").fill(email)
        await page.get_by_role("button").click()

        assert await page.get_by_role("button").all_inner_texts() == ["Widerruf bestätigen"]
        assert await page.locator("main a, nav").count() == 0, "nothing that could distract"
        assert counter.of_email(email) == [], "nothing is written before the second step"
        for typed in ("Ada Lovelace", order.id, email):
            assert await page.get_by_text(typed, exact=True).is_visible()
        await page.get_by_role("button").click()

        row = counter.of_email(email)[0]
        assert await page.get_by_role("heading", level=1).inner_text() == "Ihr Widerruf ist eingegangen"
        assert await page.get_by_text(row.id).is_visible()
        async with page.expect_download() as loading:
            await page.get_by_role("link", name="Bestätigung speichern").click()
        saved = tmp_path / "kept.txt"
        await (await loading.value).save_as(saved)
        await page.reload()
        assert len(counter.of_email(email)) == 1, "a reload withdraws nothing again"

    row = await counter.settled(email)
    assert before <= row.submitted_at <= datetime.now(UTC)
    letter = saved.read_text(encoding="utf-8")
    mail = (await eventually(lambda: post.to(email)))[0]
    assert text_of(mail) == letter == row.acknowledgement
    assert (mail["From"], mail["Content-Language"]) == ("The Shop <returns@shop.example>", "de")
    for part in (
        "Ada Lovelace",
        order.id,
        email,
        row.id,
        "Alle: der ganze Vertrag",
        f"{row.submitted_at:%H:%M:%S} (UTC)",
    ):
        assert part in letter
    assert "(UTC+01:00)" in letter or "(UTC+02:00)" in letter, "and by the clock of the market"

    assert row.status == "opened"
    case = counter.house.case(row.case_id)
    assert (case.order_id, case.declared_at, case.opened_by) == (
        order.id,
        row.submitted_at,
        "the consumer's withdrawal",
    )
    lines = counter.house.lines(row.case_id)
    assert [(line.order_line_id, line.quantity, line.reason) for line in lines] == [
        ("l_1", 2, "withdrawal"),
        ("l_2", 1, "withdrawal"),
    ]
    await counter.house.until(row.case_id, "booked")


@in_a_browser
@pytest.mark.parametrize("locale", LABELS)
async def test_the_controls_are_labelled_as_the_law_has_them(counter: Counter, browser: Browser, locale: str) -> None:
    async with a_page(browser, locale=locale) as page:
        await page.goto(f"{counter.url}/withdrawal")
        first, second = LABELS[locale]
        assert await page.get_by_role("button").all_inner_texts() == [first]
        for field in ("name", "contract"):
            await page.locator(f"#{field}").fill("x")
        await page.locator("#email").fill("nobody@customer.example")
        await page.get_by_role("button").click()
        assert await page.get_by_role("button").all_inner_texts() == [second]


@in_a_browser
async def test_the_keyboard_is_enough_and_errors_stand_beside_their_fields(counter: Counter, browser: Browser) -> None:
    order, email = await counter.sell(1)
    async with a_page(browser) as page:
        await page.goto(f"{counter.url}/withdrawal")
        await page.keyboard.press("Tab")
        assert await focused(page) == "Skip to the content"
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")  # in a field: sends the form
        faults = {"name": "Enter your name.", "email": "Enter the e-mail address for the acknowledgement."}
        for field, sentence in faults.items():
            box = page.locator(f"#{field}")
            assert await box.get_attribute("aria-invalid") == "true"
            described = (await box.get_attribute("aria-describedby") or "").split()
            assert sentence in [await page.locator(f"#{name}").inner_text() for name in described]
            assert await page.get_by_role("alert").get_by_text(sentence).is_visible()
        assert (await page.title()).startswith("Error:")
        await page.locator("#name").focus()
        for typed in ("Ada Lovelace", order.id, "", email):
            await page.keyboard.type(typed)
            await page.keyboard.press("Tab")
        assert await focused(page) == "Withdraw from contract here"
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Confirm withdrawal").wait_for()
        for _ in range(2):
            await page.keyboard.press("Tab")
        assert await focused(page) == "Confirm withdrawal"
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "3px", "where the focus is can be seen"
        await page.keyboard.press("Enter")
        await page.get_by_role("heading", name="Your withdrawal has been received").wait_for()
    assert (await counter.settled(email)).status == "opened"


async def focused(page: Page) -> str:
    return str(await page.evaluate("document.activeElement.innerText || document.activeElement.id"))


@in_a_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "fr-FR", "zh-CN"])
async def test_a_narrow_screen_needs_no_sideways_scroll_and_a_thumb_finds_every_target(
    counter: Counter, browser: Browser, locale: str, scheme: Any, request: pytest.FixtureRequest
) -> None:
    email = f"{'a' * 50}.{locale}.{scheme}@{'customer.' * 8}example"
    pictures = request.config.getoption("--screenshots")
    async with a_page(browser, locale=locale, color_scheme=scheme, viewport={"width": 320, "height": 640}) as page:

        async def looks_right(name: str) -> None:
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= 320, (name, width)
            for target in await page.locator(
                "button, .button, input:not([type=hidden]), textarea, nav a, .notice a"
            ).all():
                box = await target.bounding_box()
                assert box is not None
                assert box["height"] >= 44, (name, await target.inner_text())
                assert box["width"] >= 44, (name, await target.inner_text())
            assert await contrast(page) >= 4.5, name
            if pictures:
                await page.screenshot(path=Path(pictures) / f"{name}.{locale}.{scheme}.png", full_page=True)

        await page.goto(f"{counter.url}/withdrawal")
        await looks_right("form")
        await page.get_by_role("button").click()
        await looks_right("errors")
        await page.locator("#name").fill("Wolfeschlegelsteinhausenbergerdorff " * 2)
        await page.locator("#contract").fill("4711-" * 15)
        await page.locator("#goods").fill("A linen dress\nA belt")
        await page.locator("#email").fill(email)
        await page.get_by_role("button").click()
        await looks_right("review")
        await page.get_by_role("button").click()
        await looks_right("acknowledged")
        await page.goto(f"{counter.url}/withdrawal/acknowledged/{'form_' + 'x' * 32}")
        await looks_right("missing")


async def contrast(page: Page) -> float:
    """The least contrast of text with what is behind it (WCAG 2.2, 1.4.3)."""
    return float(
        await page.evaluate(
            """() => {
            const parts = (css) => css.match(/[\\d.]+/g).map(Number);
            const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
            const behind = (node) => {
                for (; node; node = node.parentElement) {
                    const seen = parts(getComputedStyle(node).backgroundColor);
                    if (seen.length < 4 || seen[3] > 0) return seen;
                }
                return [255, 255, 255];
            };
            const texts = [...document.querySelectorAll('h1, h2, p, label, dt, dd, a, button, span, input, li')];
            return Math.min(...texts.map((node) => {
                const lights = [light(parts(getComputedStyle(node).color)), light(behind(node))].sort((a, b) => b - a);
                return (lights[0] + 0.05) / (lights[1] + 0.05);
            }));
        }"""
        )
    )


# --- what becomes of it ---


async def test_an_unknown_order_is_acknowledged_and_goes_to_a_person(counter: Counter, post: MailServer) -> None:
    email = f"bob{next(_numbers)}@customer.example"
    await counter.desk.declare(Declaration("Bob", "no-such-order", email), token())
    row = await counter.settled(email)
    assert (row.status, row.reason, row.case_id) == ("with_a_person", "order_unknown", None)
    assert [mail["Message-ID"] for mail in post.to(email)] == [f"<{row.id}@shop.example>"]
    body, _ = await counter.desk.answer(row.id, "Found under 10024.", MERCHANT)
    assert (body["status"], body["handled"]["by"]) == ("answered", "merchant")


async def test_the_order_of_another_customer_is_not_opened(counter: Counter) -> None:
    order, _ = await counter.sell(1)
    email = f"eve{next(_numbers)}@elsewhere.example"
    await counter.desk.declare(said(order, email), token())
    row = await counter.settled(email)
    assert (row.status, row.reason, row.order_id) == ("with_a_person", "email_differs", None)
    assert counter.house.order_line(order).claimed == 0


async def test_capitals_and_a_number_sign_keep_nobody_from_withdrawing(counter: Counter) -> None:
    order, email = await counter.sell(1)
    await counter.desk.declare(said(order, email.upper(), contract=f"# {order.id}"), token())
    assert (await counter.settled(email.upper())).status == "opened"


async def test_what_is_all_in_returns_already_goes_to_a_person(counter: Counter) -> None:
    order, email = await counter.sell(1)
    await counter.house.open(order)
    await counter.desk.declare(said(order, email), token())
    assert (await counter.settled(email)).reason == "nothing_left"


async def test_part_of_a_contract_opens_just_that_line(counter: Counter) -> None:
    order, email = await counter.sell(1, 1)
    await counter.desk.declare(said(order, email, goods="sku2"), token())
    row = await counter.settled(email)
    assert [line.order_line_id for line in counter.house.lines(row.case_id)] == ["l_2"]


async def test_long_after_every_period_it_is_acknowledged_and_a_person_looks(
    counter: Counter, post: MailServer
) -> None:
    long_ago = counter.house.clock_now() - timedelta(days=900)
    order, email = await counter.sell(1, country="DE", currency="EUR", placed_at=long_ago, delivered_at=long_ago)
    await counter.desk.declare(said(order, email), token())
    row = await counter.settled(email)
    assert (row.status, row.reason, row.case_id) == ("with_a_person", "policy_refused", None)
    assert row.reason_note
    assert len(post.to(email)) == 1
    assert counter.house.order_line(order).claimed == 0


# --- twice, and cut off ---


async def test_twice_at_the_same_instant_is_one_withdrawal(counter: Counter, post: MailServer) -> None:
    order, email = await counter.sell(1)
    form = {"name": "Ada", "contract": order.id, "email": email, "goods": "", "token": token()}
    async with httpx2.AsyncClient(base_url=counter.url) as http:
        answers = await asyncio.gather(*[http.post("/withdrawal/confirm", data=form) for _ in range(8)])
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    row = await counter.settled(email)
    assert row.status == "opened"
    assert len(post.to(email)) == 1


async def test_going_back_and_changing_the_words_is_never_swallowed(counter: Counter) -> None:
    order, email = await counter.sell(1)
    used = token()
    await counter.desk.declare(said(order, email), used)
    with pytest.raises(FormUsedForAnother):
        await counter.desk.declare(said(order, email, goods="only the belt"), used)
    form = {"name": "Ada", "contract": order.id, "email": email, "goods": "only the belt", "token": used}
    async with httpx2.AsyncClient(base_url=counter.url) as http:
        answer = await http.post("/withdrawal/confirm", data=form)
    assert answer.status_code == 409
    assert "only the belt" in answer.text


async def test_cut_off_after_it_was_written_down_another_server_carries_on(counter: Counter, post: MailServer) -> None:
    order, email = await counter.sell(1)
    done = counter.desk.store(said(order, email), token())  # and here the server dies
    assert (counter.row(done.row.id).status, post.to(email)) == ("received", [])
    await healed(counter)
    row = await counter.settled(email)
    assert row.status == "opened"
    assert counter.house.case(row.case_id).declared_at == row.submitted_at, "the moment is that of the declaration"
    assert len(post.to(email)) == 1


async def test_cut_off_between_the_return_and_its_link_the_return_is_found(counter: Counter) -> None:
    order, email = await counter.sell(1)
    done = counter.desk.store(said(order, email), token())

    class Died(BaseException):
        pass

    class DiesBeforeTheLink(WithdrawalsDesk):
        async def _settle(self, *given: Any) -> None:
            raise Died

    with pytest.raises(Died):
        await another_desk(counter.house, DiesBeforeTheLink)._carry_out(done.row.id)
    assert counter.house.order_line(order).claimed == 1, "the return was opened"
    await healed(counter)
    row = await counter.settled(email)
    assert row.status == "opened"
    assert counter.house.order_line(order).claimed == 1, "and not a second time"


async def test_two_servers_that_carry_on_at_once_open_one_return(counter: Counter) -> None:
    order, email = await counter.sell(1)
    done = counter.desk.store(said(order, email), token())
    await asyncio.gather(*[another_desk(counter.house)._carry_on(done.row.id) for _ in range(5)])
    row = await counter.settled(email)
    assert (row.status, row.reason) == ("opened", None)
    assert counter.house.order_line(order).claimed == 1


async def healed(counter: Counter) -> None:
    counter.house.moved += timedelta(seconds=5)  # old enough that nobody else can be at it this moment
    await another_desk(counter.house).heal()
    counter.house.moved -= timedelta(seconds=5)


# --- the mail ---


async def test_a_mail_server_that_is_away_gets_the_mail_when_it_is_back(counter: Counter, post: MailServer) -> None:
    order, email = await counter.sell(1)
    post.says = "451 come back later"
    away = post.turned_away
    try:
        await counter.desk.declare(said(order, email), token())
        await eventually(lambda: post.turned_away > away)
        assert counter.of_email(email)[0].mail_trouble is None, "not yet worth a person's look"
        counter.house.moved = timedelta(hours=1)
        trouble = await eventually(lambda: counter.of_email(email)[0].mail_trouble)
        assert trouble["error"].startswith("come_back_later")
        assert email not in str(trouble)
    finally:
        post.says = "250 taken"
        counter.house.moved = timedelta()
    row = await counter.settled(email)
    assert row.mail_trouble is None
    assert len(post.to(email)) == 1


async def test_a_mailbox_is_not_flooded_and_every_declaration_counts(counter: Counter, post: MailServer) -> None:
    email = f"victim{next(_numbers)}@customer.example"
    used = [token() for _ in range(MAILS_AN_HOUR + 2)]
    for number, one in enumerate(used):
        await counter.desk.declare(Declaration("Somebody", f"order-{number}", email), one)
    await eventually(lambda: len(post.to(email)) >= MAILS_AN_HOUR)
    rows = counter.of_email(email)
    assert {row.status for row in rows} == {"with_a_person"}

    def held_back() -> list[Any] | None:
        found = [row for row in counter.of_email(email) if not row.acknowledged_at]
        return found if len(found) == len(used) - MAILS_AN_HOUR else None

    waiting = await eventually(held_back)
    async with httpx2.AsyncClient(base_url=counter.url) as http:
        shown = await http.get(f"/withdrawal/acknowledged/{waiting[0].token}", headers={"Accept-Language": "en"})
    assert "we do not flood a mailbox" in shown.text
    assert len(post.to(email)) == MAILS_AN_HOUR
