"""The page of the policy and the document for search engines, asked for over HTTP and opened in a browser."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, sync_playwright

from domain.policy import ReturnPolicy
from policies.book import load_policy_book
from tests.api.doors import Doors
from tests.web.policy.test_jsonld import faults
from web.page import POLICY
from web.policy import jsonld
from web.policy.pages import _script
from web.words import WORDS

CHROMIUM = shutil.which("chromium")
BOOK = load_policy_book()


def read(doors: Doors, path: str, **headers: str) -> httpx2.Response:
    return doors.get(path, role=None, headers=headers)


def chosen(page: str, name: str) -> str:
    select = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
    assert select
    found = re.findall(r'<option value="([^"]+)" selected>', select[0])
    assert len(found) == 1
    return str(found[0])


def linked_data(page: str) -> Any:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    return json.loads(found[1]) if found else None


def test_the_page_says_market_tier_and_language(doors: Doors) -> None:
    answer = read(doors, "/policy?market=DE&tier=VIP&lang=de")
    assert answer.status_code == 200
    assert answer.headers["content-language"] == "de"
    assert "innerhalb von 60 Tagen nach der Lieferung" in answer.text
    assert "Lieferland: Deutschland. Kundenstufe: VIP." in answer.text
    assert (chosen(answer.text, "market"), chosen(answer.text, "tier")) == ("DE", "VIP")


@pytest.mark.parametrize(
    ("header", "market"),
    [
        ("de-AT,de;q=0.8", "AT"),
        ("de", "GB"),
        ("zh-Hans-CN", "CN"),
        ("en-US;q=0.5, fr-FR", "FR"),
        ("en-CH", "GB"),
        ("", "GB"),
    ],
)
def test_the_market_is_the_readers_as_far_as_the_browser_tells(doors: Doors, header: str, market: str) -> None:
    answer = read(doors, "/policy", **{"Accept-Language": header})
    assert chosen(answer.text, "market") == market
    assert chosen(answer.text, "tier") == "ENTRY"


@pytest.mark.parametrize("question", ["market=XX", "market=%00", "market=EU-", "tier=GOLD", "market=DE&tier=vip"])
def test_what_there_is_not_is_not_found(doors: Doors, question: str) -> None:
    assert read(doors, f"/policy?{question}").status_code == 404


def test_a_country_without_law_on_file_has_the_promise_and_the_word_that_it_is_checked(doors: Doors) -> None:
    answer = read(doors, "/policy?market=CH&lang=en")
    assert "We are having the law on this point checked (Switzerland)." in answer.text
    assert chosen(answer.text, "market") == "CH"
    assert '<li class="law">' not in answer.text


def test_the_withdrawal_function_is_led_to_where_the_law_wants_one(doors: Doors) -> None:
    link = 'href="/withdrawal?lang=fr"'
    assert link in read(doors, "/policy?market=AT&lang=fr").text
    assert link not in read(doors, "/policy?market=GB&lang=fr").text


def test_languages_keep_market_and_tier(doors: Doors) -> None:
    text = read(doors, "/policy?market=KR&tier=ADVANCED&lang=en").text
    for language in WORDS:
        assert f'href="/policy?market=KR&amp;tier=ADVANCED&amp;lang={language}"' in text


def test_the_browser_still_may_run_nothing_and_the_data_is_data(doors: Doors) -> None:
    answer = read(doors, "/policy?market=DE&tier=VIP&lang=en")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.text.count("<script") == 1
    data = linked_data(answer.text)
    assert {node["applicableCountry"] for node in data["@graph"]} == {"DE"}
    assert re.search(r'</policy\.jsonld>; rel="alternate"; type="application/ld\+json"', answer.headers["link"])
    assert linked_data(read(doors, "/policy?market=US-CA").text) is None  # a part of a country cannot be said there


def test_data_cannot_end_its_element() -> None:
    written = str(_script({"name": "</script><script>alert(1)//&"}))
    assert "<" not in written
    assert json.loads(written) == {"name": "</script><script>alert(1)//&"}


def test_the_document_is_served_as_what_it_is(doors: Doors) -> None:
    answer = read(doors, "/policy.jsonld")
    assert answer.headers["content-type"] == jsonld.MEDIA_TYPE
    given = json.loads(answer.text.replace(doors.url, "https://shop.example"))
    assert list(faults(given)) == []
    links = {node["merchantReturnLink"] for node in answer.json()["@graph"]}
    assert {read(doors, link.removeprefix(doors.url)).status_code for link in sorted(links)[:8]} == {200}


@pytest.mark.parametrize("path", ["/policy?market=DE&lang=de", "/policy.jsonld", "/v1/policy?market=DE"])
def test_what_has_not_changed_is_not_sent_again(doors: Doors, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(doors, path)
    assert first.headers["cache-control"] == "public, max-age=300"
    again = read(doors, path, **{"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    put_in_force(doors, monkeypatch, replace(BOOK.programme("standard"), return_window_days=77))
    changed = read(doors, path, **{"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200
    assert "77" in changed.text


def put_in_force(doors: Doors, monkeypatch: pytest.MonkeyPatch, policy: ReturnPolicy) -> None:
    monkeypatch.setattr(doors.app.state.desk.policies, "shelf", lambda session, at: policy)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("language", WORDS)
def test_a_browser_shows_it_without_scrolling_sideways(
    doors: Doors, browser: Browser, language: str, width: int, scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 780}, color_scheme=scheme)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.goto(f"{doors.url}/policy?market=DE&tier=VIP&lang={language}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("section.told").count() >= 10
    size = page.evaluate("[...document.querySelectorAll('select, button, a.button')].map(e => e.offsetHeight)")
    assert min(size) >= 44  # a thumb's width
    page.select_option("#market", "KR")
    page.select_option("#tier", "ENTRY")
    page.click("form.choice button")
    assert page.url.endswith(f"lang={language}&market=KR&tier=ENTRY")
    assert page.locator("html").get_attribute("lang") == WORDS[language].tag
    assert complaints == []
    context.close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")
def test_printed_it_is_the_sentences_alone(doors: Doors, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{doors.url}/policy?market=DE&lang=de")
    page.emulate_media(media="print")
    assert [page.locator(hidden).first.is_visible() for hidden in (".choice", ".languages", "a.button")] == [False] * 3
    assert page.locator("section.told").first.is_visible()
    page.close()
