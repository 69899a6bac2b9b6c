"""The page in a real browser: light, dark, on a phone, by mouse and by keyboard, without a network."""

import os
import shutil
import threading

import pytest

from advisor.report.contents import gather, state
from advisor.report.page import render
from advisor.report.serve import ReportServer

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright, which the extra `test` brings")
pytest.importorskip("plotly")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
SHOTS = os.environ.get("ADVISOR_SCREENSHOTS")
"""Folder to leave screenshots in, for people to look at."""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        # A container has no user namespaces for the sandbox, and little shared memory.
        options = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def file(store, artefact, explanation, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(render(gather(store, artefact, explanation)), encoding="utf-8")
    return path


@pytest.fixture
def open_page(browser):
    """Open an address in a window of its own; afterwards nothing may have failed or been asked of a network."""
    contexts, problems = [], []

    def open_page(url: str, *, width: int = 1200, scheme: str = "light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("request", lambda asked: None if asked.url.startswith(url) else problems.append(asked.url))
        page.goto(url)
        page.wait_for_selector("#responses .plot svg")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def luminance(page, selector: str, what: str) -> float:
    color = page.eval_on_selector(selector, f"e => getComputedStyle(e).{what}")
    red, green, blue = (int(part) for part in color.strip("rgb()").split(",")[:3])
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


def picture(page, name: str) -> bytes:
    shot = page.screenshot(full_page=True)
    if SHOTS:
        os.makedirs(SHOTS, exist_ok=True)
        with open(os.path.join(SHOTS, f"{name}.png"), "wb") as written:
            written.write(shot)
    return shot


def test_all_plots_are_drawn_and_pictured(file, open_page):
    page = open_page(file.as_uri())
    assert page.locator("#responses .plot svg.main-svg").count() >= 5
    assert page.locator("#past .plot svg.main-svg").count() >= 1
    assert len(picture(page, "light")) > 50_000


def test_a_click_opens_the_curve_of_a_run(file, open_page):
    page = open_page(file.as_uri())
    button = page.locator(".toggle", has_text="first")
    details = page.locator("#details-01followed")
    assert details.is_hidden()
    button.click()
    assert details.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    details.locator("svg.main-svg").first.wait_for()
    assert details.locator("[data-figure]").bounding_box()["width"] > 300
    picture(page, "run")
    button.click()
    assert details.is_hidden()
    button.click()  # only what the page drew is drawn again, not what plotly put into it
    assert details.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_system_and_the_button_overrides(file, open_page, scheme):
    page = open_page(file.as_uri(), scheme=scheme)
    dark = scheme == "dark"
    theme = page.locator("#theme")
    assert (luminance(page, "body", "backgroundColor") < 0.5) == dark
    assert theme.get_attribute("aria-pressed") == str(dark).lower()
    ink = page.eval_on_selector("#responses .xtitle", "e => getComputedStyle(e).fill")
    if dark:
        picture(page, "dark")
    theme.click()
    assert (luminance(page, "body", "backgroundColor") < 0.5) != dark
    page.wait_for_function(
        "ink => getComputedStyle(document.querySelector('#responses .xtitle')).fill !== ink", arg=ink
    )


def test_text_stands_out_in_both_themes(file, open_page):
    for scheme in ("light", "dark"):
        page = open_page(file.as_uri(), scheme=scheme)
        difference = luminance(page, "body", "color") - luminance(page, "body", "backgroundColor")
        assert abs(difference) > 0.7
        soft = luminance(page, ".soft", "color") - luminance(page, "body", "backgroundColor")
        assert abs(soft) > 0.4


def test_a_phone_shows_it_without_scrolling_sideways(file, open_page):
    page = open_page(file.as_uri(), width=360)
    page.locator(".toggle", has_text="first").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for plot in page.locator("#responses [data-figure]").all():
        assert plot.bounding_box()["width"] <= 360
    picture(page, "phone")


def test_the_keyboard_reaches_everything(file, open_page):
    page = open_page(file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.locator(".toggle", has_text="first").focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.locator("#details-01followed").is_visible()
    page.keyboard.press("Space")
    assert page.locator("#details-01followed").is_hidden()
    page.locator("#theme").focus()
    before = page.locator("#theme").get_attribute("aria-pressed")
    page.keyboard.press("Enter")
    assert page.locator("#theme").get_attribute("aria-pressed") != before


def test_every_plot_says_in_words_what_it_shows(file, open_page):
    page = open_page(file.as_uri())
    for plot in page.locator("[data-figure]").all():
        assert len(plot.get_attribute("aria-label")) > 15


def test_a_served_page_shows_a_run_that_is_recorded_while_it_is_open(
    curve, run_of, store, artefact, explanation, open_page
):
    server = ReportServer(0, lambda now: render(gather(store, artefact, explanation), state=now), lambda: state(store))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        page = open_page(server.url)
        page.locator(".toggle", has_text="first").click()
        store.add_runs([run_of("04new", explanation.suggestion, name="during this")], curve("04new"))
        page.locator(".toggle", has_text="during this").wait_for(timeout=20_000)
        page.locator("#details-01followed").wait_for(state="visible")  # what was open stays open
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
