"""A page in Chromium: what a reader sees, clicks and types, and that nothing is asked of any network."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calls import SPEC, frames
from liquid import liquid
from test_html import HOSTILE

import lsm_deploy as ld
from lsm_deploy.core.ir import Program

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.wait import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no Chromium: on Debian, apt-get install chromium chromium-driver"
    ),
]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --force-prefers-reduced-motion --window-size=1280,1000"
)  # fmt: skip
"""No sandbox: those who run this as root have none."""


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The browser, started once: its driver's path is given, so that none is looked for elsewhere."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page on a spec, and one on a program whose names mean ill."""
    folder = tmp_path_factory.mktemp("pages")
    for name, seed in (("train", 0), ("test", 1)):
        values, labels = frames(seed)
        np.savez(folder / f"{name}.npz", frames=values, labels=labels)
    (folder / "liquid.yaml").write_text(SPEC)
    ld.save_page(folder / "liquid.html", ld.page_of(folder / "liquid.yaml", on=("emulator", "fast")))
    file = folder / "<img src=x onerror=alert(1)>.lsm"
    ld.save_program(file, hostile())
    ld.save_page(folder / "hostile.html", ld.page_of(file, on=("emulator", "fast"), samples=1))
    return folder


def hostile() -> Program:
    program = liquid()
    network = program.network
    names = dict(zip(network.sizes, HOSTILE, strict=False))
    populations = tuple(replace(p, name=names[p.name]) for p in network.populations)
    projections = tuple(
        replace(p, name=f"{i}{HOSTILE[2]}", source=names.get(p.source, p.source), target=names[p.target])
        for i, p in enumerate(network.projections)
    )
    return replace(program, network=replace(network, populations=populations, projections=projections))


@pytest.fixture
def page(driver: Any, pages: Path) -> Any:
    driver.get((pages / "liquid.html").as_uri())
    return driver


def facts_in(page: Any) -> Any:
    return json.loads(page.execute_script("return document.getElementById('facts').textContent"))


def table(page: Any, section: str, number: int = 0) -> Any:
    return page.find_elements("css selector", f"#{section} table")[number]


def keys_of(page: Any, section: str, column: int, number: int = 0) -> list[str | None]:
    """What the cells of a column are sorted by, from above to below."""
    script = "return [...arguments[0].tBodies[0].rows].map(row => row.cells[arguments[1]].dataset.sort ?? null)"
    keys: list[str | None] = page.execute_script(script, table(page, section, number), column)
    return keys


def colour(page: Any) -> str:
    shade: str = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    return shade


def media(page: Any, **features: str) -> None:
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]},
    )


# --- loading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["liquid", "hostile"])
def test_it_loads_without_an_error_and_asks_for_nothing(driver: Any, pages: Path, name: str) -> None:
    driver.get("about:blank")
    for log in ("browser", "performance"):
        driver.get_log(log)
    address = (pages / f"{name}.html").as_uri()
    driver.get(address)
    assert driver.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    assert [each for each in asked if not each.startswith("data:")] == [address]


def test_names_that_mean_ill_are_text(driver: Any, pages: Path) -> None:
    driver.get((pages / "hostile.html").as_uri())
    assert driver.find_element("tag name", "h1").text == "<img src=x onerror=alert(1)>.lsm"
    shown = driver.find_element("css selector", "#file table").text
    assert all(name in shown for name in HOSTILE[:2])
    assert driver.execute_script("return [...document.images].every(each => each.src.startsWith('data:image/png'))")
    assert driver.execute_script("return document.scripts.length") == 3  # the facts, the raster's data, and ours


def test_a_script_that_is_not_ours_does_not_run(page: Any) -> None:
    page.execute_script(
        "const made = document.createElement('script'); made.textContent = 'window.ran = 1'; document.body.append(made)"
    )
    assert page.execute_script("return window.ran ?? null") is None
    (entry,) = page.get_log("browser")
    assert "Content Security Policy" in entry["message"]


def test_tables_hold_the_numbers_of_the_json(page: Any) -> None:
    parts = facts_in(page)["sections"]
    liquid_s, floats = parts["evaluation"]["liquid"]["accuracy"], parts["evaluation"]["float_liquid"]["accuracy"]
    first, _, third, *_ = keys_of(page, "evaluation", 1)
    assert [float(str(first)), float(str(third))] == [liquid_s, floats]
    assert [int(str(key)) for key in keys_of(page, "file", 1, 1)] == [
        p["synapses"] for p in parts["file"]["projections"]
    ]
    (verdict,) = parts["parity"]["verdicts"]
    assert keys_of(page, "parity", 3) == [str(sum(verdict["compared"].values()))]
    counted = [value for name, value in parts["cost"]["events"].items() if name != "steps"]
    assert [int(str(key)) for key in keys_of(page, "cost", 1)] == counted
    assert f"{liquid_s:.1%}" in page.find_element("css selector", ".figures").text


# --- tables ---------------------------------------------------------------------------------------------------------


def test_a_table_is_sorted_by_click_and_by_key(page: Any) -> None:
    as_written = keys_of(page, "cost", 1)
    numbers = sorted(int(str(key)) for key in as_written)
    head = table(page, "cost").find_elements("css selector", "thead th")[1]
    button = head.find_element("tag name", "button")
    button.click()
    assert [int(str(key)) for key in keys_of(page, "cost", 1)] == numbers
    assert head.get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    assert [int(str(key)) for key in keys_of(page, "cost", 1)] == numbers[::-1]
    assert head.get_attribute("aria-sort") == "descending"
    button.send_keys(Keys.SPACE)
    assert keys_of(page, "cost", 1) == as_written
    assert head.get_attribute("aria-sort") == "none"


# --- the raster -----------------------------------------------------------------------------------------------------


def view(page: Any) -> list[int]:
    """The first and last step and neuron that are seen."""
    words = page.find_element("css selector", "#run output").text
    return [int(number) for number in re.findall(r"\d+", words.replace("\u2009", ""))]


def inked(page: Any) -> int:
    """Pixels of the raster's canvas that are drawn on."""
    page.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    pixels: int = page.execute_script(
        "const canvas = document.querySelector('canvas');"
        "const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
        "let drawn = 0; for (let i = 3; i < data.length; i += 4) drawn += data[i] > 0; return drawn"
    )
    return pixels


def test_the_raster_comes_closer_and_goes_back(page: Any) -> None:
    run = facts_in(page)["sections"]["run"]
    whole = [0, run["steps"] - 1, 0, run["neurons"] - 1]
    assert view(page) == whole
    before = inked(page)
    canvas = page.find_element("css selector", "#run canvas")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    page.find_element("css selector", "#run [data-zoom=time]").click()
    first, last, *neurons = view(page)
    assert (last - first + 1) == run["steps"] // 2
    assert neurons == whole[2:]
    assert inked(page) != before
    canvas.send_keys(Keys.ARROW_RIGHT)
    assert view(page)[0] > first
    canvas.send_keys("0")
    assert view(page) == whole
    canvas.send_keys("+")
    assert view(page) == [first, last, *whole[2:]]
    ActionChains(page).drag_and_drop_by_offset(canvas, 100, 0).perform()
    assert view(page)[0] < first
    canvas.send_keys("0")
    ActionChains(page).double_click(canvas).perform()
    assert view(page)[3] - view(page)[2] == run["neurons"] // 2 - 1
    page.find_elements("css selector", "#run .buttons button")[-1].click()
    assert view(page) == whole


def test_the_wheel_moves_the_page_until_the_raster_is_focused(page: Any) -> None:
    canvas = page.find_element("css selector", "#run canvas")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    wheel = "arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: -300, bubbles: true, cancelable: true}))"
    whole = view(page)
    assert page.execute_script(f"return {wheel}", canvas)  # not prevented
    assert view(page) == whole
    page.execute_script("arguments[0].focus()", canvas)
    assert not page.execute_script(f"return {wheel}", canvas)
    assert view(page)[1] - view(page)[0] < whole[1] - whole[0]


def test_two_fingers_come_closer(page: Any) -> None:
    canvas = page.find_element("css selector", "#run canvas")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    box = page.execute_script("const b = arguments[0].getBoundingClientRect(); return [b.x, b.y, b.width]", canvas)
    x, y, whole = box[0] + box[2] / 2, box[1] + 100, view(page)
    for kind, apart in (("touchStart", 50), ("touchMove", 120), ("touchMove", 200)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert (view(page)[1] - view(page)[0]) * 2 < whole[1] - whole[0]


# --- how it looks ---------------------------------------------------------------------------------------------------


def test_light_and_dark(page: Any) -> None:
    media(page, prefers_color_scheme="light")
    assert colour(page) == "rgb(255, 255, 255)"
    media(page, prefers_color_scheme="dark")
    dark = colour(page)
    assert max(map(int, re.findall(r"\d+", dark))) < 60
    page.find_element("id", "theme").click()
    assert colour(page) == "rgb(255, 255, 255)"
    page.find_element("id", "theme").click()
    assert colour(page) == dark
    media(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(page: Any, scheme: str) -> None:
    """WCAG 2's contrast of every element that has words of its own, over the nearest colour behind it: at least 4.5."""
    media(page, prefers_color_scheme=scheme)
    weakest = page.execute_script(CONTRASTS)
    media(page)
    assert weakest[0] >= 4.5, weakest


CONTRASTS = """
const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
const light = colour => {
  const [r, g, b] = numbers(colour).map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const behind = element => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if ((numbers(colour)[3] ?? 1) === 1) return colour;
  }
  return "rgb(255, 255, 255)";
};
const own = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
return [...document.body.querySelectorAll("*")].filter(each => own(each) && each.checkVisibility()).map(each => {
  const [a, b] = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
  return [(a + .05) / (b + .05), each.outerHTML.slice(0, 80)];
}).sort((a, b) => a[0] - b[0])[0];
"""


def test_a_phone_scrolls_down_alone(page: Any) -> None:
    size = {"width": 375, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    width = page.execute_script("return document.documentElement.scrollWidth")
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width == 375


def test_on_paper_nothing_is_cut(page: Any) -> None:
    assert b64decode(page.execute_cdp_cmd("Page.printToPDF", {})["data"]).startswith(b"%PDF")
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 680, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    seen = "return [...document.querySelectorAll(arguments[0])].some(each => each.checkVisibility())"
    assert not any(page.execute_script(seen, each) for each in ("nav", ".tools", "canvas", ".buttons"))
    assert page.execute_script(seen, "figure.raster img")
    cut = "return [...document.querySelectorAll('table, pre')].filter(each => each.getBoundingClientRect().right > 680)"
    assert page.execute_script(cut) == []
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# --- by key, and read aloud -----------------------------------------------------------------------------------------


def test_the_first_key_leads_to_the_content(page: Any) -> None:
    page.find_element("tag name", "body").send_keys(Keys.TAB)
    first = page.switch_to.active_element
    assert first.text == "Skip to the content"
    first.send_keys(Keys.ENTER)
    assert page.switch_to.active_element.get_attribute("id") == "content"


def test_everything_that_is_used_has_a_name(page: Any) -> None:
    nodes = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = {"button", "link", "image", "application", "region", "navigation", "columnheader", "table", "heading"}
    tree = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]]
    assert named <= {role for role, _ in tree} | {"image"}
    assert not [role for role, name in tree if role in named and not name.strip()]
    assert page.execute_script("return document.documentElement.lang") == "en"


def test_the_facts_can_be_saved(page: Any, tmp_path: Path) -> None:
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    wanted = tmp_path / "liquid.yaml.json"
    page.find_element("id", "save").click()
    WebDriverWait(page, 5).until(lambda _: wanted.exists())
    assert json.loads(wanted.read_text()) == facts_in(page)
