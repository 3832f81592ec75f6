"""The live page in a real browser, against a stand-in server that keeps the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboards.page_server import PageServer

_WAIT_MS: Final = 20_000
_DESK: Final = (1440, 900)
_PHONE: Final = (360, 740)

Opener = Callable[..., Page]


@pytest.fixture
def server() -> Iterator[PageServer]:
    served = PageServer()
    served.start()
    yield served
    served.stop()


@pytest.fixture
def opened(browser: Browser, server: PageServer) -> Iterator[Opener]:
    """Opens the page; afterwards there must have been no error in its code or its policy."""
    wrong: list[str] = []
    contexts = []

    def show(size: tuple[int, int] = _DESK, scheme: str = "light", where: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_WAIT_MS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda said: wrong.append(said.text) if "Security Policy" in said.text else None,
        )
        page.goto(server.url + where)
        return page

    expect.set_options(timeout=_WAIT_MS)
    yield show
    for context in contexts:
        context.close()
    assert wrong == []


def _inject(page: Page, idv: int = 6) -> None:
    page.select_option("#disturbance", str(idv))
    page.click("#inject")


def test_every_variable_stands_on_the_flow_sheet_with_its_value(opened: Opener) -> None:
    page = opened()
    expect(page.locator('[data-tag="xmeas_9"] .number')).to_contain_text("12")
    tags = page.locator(".chip").evaluate_all("chips => chips.map(chip => chip.dataset.tag)")
    wanted = {f"xmeas_{number}" for number in range(1, 42)}
    assert sorted(tags) == sorted(wanted | {f"xmv_{number}" for number in range(1, 13)})
    expect(page.locator('[data-tag="xmeas_33"] .number')).to_have_text("–")
    expect(page.locator('[data-tag="xmeas_5"]')).to_have_attribute("data-state", "failed")
    page.hover('[data-tag="xmeas_14"]')
    expect(page.locator(".tip")).to_contain_text("normally 25.16")
    expect(page.locator(".tip")).to_contain_text("xmeas_14")


def test_an_injected_fault_becomes_an_alarm_with_its_name_and_is_acknowledged(
    opened: Opener,
) -> None:
    page = opened()
    expect(page.locator("#state-words")).to_have_text("Normal operation")
    _inject(page)
    expect(page.locator("#said")).to_have_text("IDV 6, A feed loss, is on in plant-1.")
    expect(page.locator("#alarms")).to_contain_text("Most like IDV 6, A feed loss (93 %)")
    expect(page.locator("#announcement")).to_contain_text("Alarm in plant-1, Feed")
    expect(page.locator('.zone[data-unit="feed"]').first).to_have_attribute("data-state", "alarm")
    reactor = page.locator('.zone[data-unit="reactor"]')
    expect(reactor).to_have_attribute("data-state", "unusual")
    expect(page.locator('[data-tag="xmeas_1"]')).to_have_attribute("data-state", "low")
    expect(page.locator('[data-tag="xmv_3"] .mark')).to_have_text("▲")
    expect(page.locator("#contributions")).to_contain_text("A feed 0.001 kscmh, normally 0.2666")
    page.click(".acknowledge")
    expect(page.locator(".alarm-state")).to_have_text("Active, acknowledged")
    expect(page.locator(".acknowledge")).to_be_hidden()
    page.get_by_role("button", name="Clear IDV 6, A feed loss").click()
    expect(page.locator("#no-disturbances")).to_be_visible()
    expect(page.locator(".alarm-state")).to_have_text("Closed")
    expect(page.locator("#state-words")).to_have_text("Normal operation")


def test_the_keyboard_alone_is_enough(opened: Opener, server: PageServer) -> None:
    page = opened()
    expect(page.locator("#state-words")).to_have_text("Normal operation")

    def tab_to(element_id: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == element_id:
                return
        pytest.fail(f"#{element_id} is not reached by Tab")

    tab_to("tab-live")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-overview")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Home")
    expect(page.locator("#plant-view")).to_be_visible()
    tab_to("flowsheet")
    page.keyboard.press("Tab")
    expect(page.locator(".tip")).to_contain_text("A feed")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".tip")).to_contain_text("D feed")
    outline = "getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"
    assert page.evaluate(outline) == "3px"
    tab_to("disturbance")
    page.keyboard.type("IDV 4")
    tab_to("inject")
    page.keyboard.press("Enter")
    expect(page.locator("#active")).to_contain_text("IDV 4")
    assert list(server.plants["plant-1"].injected) == [4]


def test_set_points_are_set_and_refusals_said(opened: Opener, server: PageServer) -> None:
    page = opened()
    page.fill("#setpoint-reactor-pressure", "2750")
    page.get_by_role("button", name="Set reactor pressure").click()
    expect(page.locator("#setpoints")).to_contain_text("2750 kPa gauge")
    assert server.plants["plant-1"].setpoints["reactor-pressure"] == 2750
    page.fill("#setpoint-reactor-level", "60")
    page.get_by_role("button", name="Set reactor level").click()
    expect(page.locator("#said")).to_have_text("reactor-level: the controller is in manual")
    page.fill("#setpoint-reactor-pressure", "9000")
    page.get_by_role("button", name="Set reactor pressure").click()
    assert server.plants["plant-1"].setpoints["reactor-pressure"] == 2750


def test_who_may_not_act_is_told_why(opened: Opener, server: PageServer) -> None:
    server.can_act = False
    page = opened()
    expect(page.locator("#cannot-steer")).to_be_visible()
    expect(page.locator("#cannot-operate")).to_be_visible()
    expect(page.locator("#inject")).to_be_hidden()
    expect(page.locator("#acknowledge-all")).to_be_hidden()


@pytest.mark.parametrize("tab", ["live", "overview"])
def test_a_phone_scrolls_in_one_direction(opened: Opener, tab: str) -> None:
    page = opened(_PHONE, where=f"#tab={tab}")
    expect(page.locator("#connection-words")).to_have_text("live")
    if tab == "overview":
        expect(page.locator('[data-panel="feeds"] canvas')).to_be_visible()
    width = "[document.documentElement.scrollWidth, document.body.scrollWidth]"
    assert page.evaluate(width) == [_PHONE[0], _PHONE[0]]


def test_light_and_dark(opened: Opener) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = opened(), opened(scheme="dark")
    colours = light.evaluate(ground), dark.evaluate(ground)
    assert colours[0] != colours[1]
    light.click("#theme")
    assert light.evaluate(ground) == colours[1]
    light.reload()
    expect(light.locator("#theme")).to_have_attribute("aria-pressed", "true")
    assert light.evaluate(ground) == colours[1]


def test_a_lost_connection_and_stale_stores_are_said_and_mend_themselves(
    opened: Opener, server: PageServer
) -> None:
    page = opened()
    banner = page.locator("#banner")
    expect(page.locator("#connection-words")).to_have_text("live")
    expect(banner).to_be_hidden()
    server.stop()
    expect(banner).to_contain_text("No connection to the server: the values are")
    server.start()
    expect(banner).to_be_hidden()
    server.stale = "timestream does not answer"
    expect(banner).to_contain_text("timestream does not answer")
    server.stale = None
    expect(banner).to_be_hidden()


def test_a_dashboard_draws_each_kind_of_panel(opened: Opener, server: PageServer) -> None:
    page = opened(where="#tab=overview&plant=plant-2&range=60")

    def panel(name: str) -> str:
        return f'[data-panel="{name}"]'

    expect(page.locator("#plant")).to_have_value("plant-2")
    expect(page.locator("#range")).to_have_value("60")
    expect(page.locator(panel("feeds") + " .u-legend")).to_contain_text("Recycle flow")
    drawn = """canvas => [...canvas.getContext("2d").getImageData(0, 0, canvas.width,
        canvas.height).data].some(value => value !== 0)"""
    assert page.locator(panel("p") + " canvas").evaluate(drawn)
    expect(page.locator(panel("now") + " dd")).to_contain_text("m³/h")
    expect(page.locator(panel("alarms") + " tbody tr")).to_have_count(20)
    expect(page.locator(panel("bars") + " li").first).to_contain_text("-83 %")
    page.locator(panel("broken")).scroll_into_view_if_needed()
    expect(page.locator(panel("states") + " rect")).to_have_count(5)
    expect(page.locator(panel("text"))).to_contain_text("Words only.")
    expect(page.locator(panel("broken"))).to_contain_text("did not answer within 5 s")
    page.get_by_text("Folded", exact=True).click()
    expect(page.locator(panel("each"))).to_have_count(3)
    expect(page.locator(panel("each") + " dd").last).to_contain_text("22.9")
    expect(page.locator(panel("each") + " h4").last).to_contain_text("Of each stage, product")
    page.select_option("#range", "5")
    assert "range=5" in page.url


def test_panels_out_of_sight_are_not_asked_for(opened: Opener, server: PageServer) -> None:
    page = opened((1440, 400), where="#tab=overview")
    expect(page.locator('[data-panel="feeds"] .u-legend')).to_contain_text("A feed")
    assert page.locator('[data-panel="broken"] .panel-error').is_hidden()
    asked_first = server.asked.count("/api/panel")
    assert 2 <= asked_first < 6
    page.locator('[data-panel="broken"]').scroll_into_view_if_needed()
    expect(page.locator('[data-panel="broken"] .panel-error')).to_be_visible()


def test_charts_are_kept_while_shown_and_gone_with_their_tab(opened: Opener) -> None:
    page = opened(where="#tab=overview")
    chart = page.locator('[data-panel="feeds"] .uplot')
    chart.evaluate("chart => { chart.dataset.kept = 'yes'; }")
    with page.expect_response(lambda answer: "panel=feeds" in answer.url):
        pass
    expect(chart).to_have_attribute("data-kept", "yes")
    expect(chart).to_have_count(1)
    page.click("#tab-live")
    expect(page.locator("#dashboard-view .uplot")).to_have_count(0)
