"""The page for people, as a browser shows it."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from playwright.async_api import Page, async_playwright

from tests.programs import free_port, missing
from xo_exporter.config import PoolConfig, Secret, Url
from xo_exporter.simulator import SimulatedPool

Serve = Callable[..., Awaitable[TestClient[web.Request, web.Application]]]
HOSTILE = "<script>document.title='taken'</script>\"'&"

pytestmark = pytest.mark.xdist_group("browser")


def _chromium() -> str:
    paths = map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))
    return next(filter(None, paths), None) or missing("chromium")


@pytest.fixture
async def browse() -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Give a browser's page on an address; what it complains of is an error."""
    path = _chromium()
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])

        async def open_page(url: Any, **options: Any) -> Page:
            context = await browser.new_context(**options)
            page = await context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda message: complaints.append(message.text))
            await page.goto(str(url))
            return page

        yield open_page
        await browser.close()
    assert not [text for text in complaints if "favicon" not in text and "404" not in text]


def _dead(name: str) -> PoolConfig:
    url = Url("http", "127.0.0.1", free_port())
    return PoolConfig(url=url, username="root", password=Secret("none"), name=name)


async def test_a_pool_that_is_down(
    serve: Serve, config: PoolConfig, browse: Callable[..., Awaitable[Page]]
) -> None:
    """One sees at once which pool is down, why, and what to do: in words, not by colour alone."""
    client = await serve(config, _dead("gone"))
    await client.get("/metrics")
    page = await browse(client.make_url("/"))
    assert await page.title() == "(1) xo-exporter"
    assert "1 needs attention" in await page.inner_text("main")
    gone = page.locator("details", has_text="gone")
    assert "not readable" in await gone.locator("summary").inner_text()
    assert "Connection refused" in await gone.inner_text()
    assert "What to do:" in await gone.inner_text()
    main = page.locator("details", has_text="main").first
    rows = await main.locator("table", has_text="Hosts").locator("tbody tr").all_inner_texts()
    assert len(rows) == 2
    assert all("Running" in row and "read" in row for row in rows)


async def test_hostile_names(
    serve: Serve,
    pool: SimulatedPool,
    config: PoolConfig,
    browse: Callable[..., Awaitable[Page]],
) -> None:
    """A name made of markup is shown letter by letter and does nothing."""
    host = next(iter(pool.database.tables["host"]))
    pool.database.modify("host", host, name_label=HOSTILE)
    client = await serve(config, _dead(HOSTILE))
    await client.get("/metrics")
    page = await browse(client.make_url("/"))
    assert await page.title() == "(1) xo-exporter"
    assert (await page.inner_text("main")).count(HOSTILE) >= 3
    assert await page.locator("script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_hundred_pools_on_a_phone(
    serve: Serve, config: PoolConfig, browse: Callable[..., Awaitable[Page]], scheme: str
) -> None:
    """Nothing stands beyond the edge, pools that are well are folded, and text can be read."""
    client = await serve(config, *(_dead(f"pool {number}") for number in range(99)))
    await client.get("/probe?target=main")
    page = await browse(
        client.make_url("/"), viewport={"width": 360, "height": 740}, color_scheme=scheme
    )
    assert await page.locator("details").count() == 100
    assert await page.locator("details", has_text="main").first.get_attribute("open") is None
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360
    back, text = await page.evaluate(
        "(style => [style.backgroundColor, style.color])(getComputedStyle(document.body))"
    )
    assert abs(_luminance(back) - _luminance(text)) > 0.7


@pytest.mark.parametrize("width", [320, 390, 768, 769, 1280])
async def test_no_table_is_cut_off(
    serve: Serve, config: PoolConfig, browse: Callable[..., Awaitable[Page]], width: int
) -> None:
    """At any width all columns are seen without scrolling, and a collector's name is one line."""
    client = await serve(config)
    await client.get("/metrics")
    page = await browse(client.make_url("/"), viewport={"width": width, "height": 740})
    hidden = await page.evaluate(
        "[...document.querySelectorAll('table')].map(t => t.scrollWidth - t.clientWidth)"
    )
    assert hidden == [0, 0, 0]
    right = await page.evaluate(
        "[...document.querySelectorAll('td')].map(t => t.getBoundingClientRect().right)"
    )
    assert max(right) <= width
    table = page.locator("table", has_text="What is exported")
    lines = await table.locator("tbody th").evaluate_all(
        "names => names.map(n => { const all = document.createRange(); all.selectNodeContents(n);"
        " return new Set([...all.getClientRects()].map(r => r.top)).size })"
    )
    assert len(lines) > 40
    assert set(lines) == {1}


async def test_all_is_said_to_be_read_when_it_was(
    serve: Serve, config: PoolConfig, browse: Callable[..., Awaitable[Page]]
) -> None:
    """What is told is what was read; how well the pools are is for alerts to say."""
    client = await serve(config)
    page = await browse(client.make_url("/"))
    assert "1 not read yet" in await page.inner_text("main .sum")
    await client.get("/metrics")
    await page.reload()
    assert "1 pool is configured; it was read in full." in await page.inner_text("main .sum")


async def test_by_keyboard(
    serve: Serve, config: PoolConfig, browse: Callable[..., Awaitable[Page]]
) -> None:
    """Without a mouse one gets past the links to the pools, and opens and closes them."""
    client = await serve(config)
    await client.get("/metrics")
    page = await browse(client.make_url("/"))
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "To the pools"
    for _ in range(5):
        await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
    await page.keyboard.press("Enter")
    assert await page.locator("details").first.get_attribute("open") is None


async def test_for_a_screen_reader(
    serve: Serve, config: PoolConfig, browse: Callable[..., Awaitable[Page]]
) -> None:
    """There are landmarks, one first heading, and each table has a caption and named columns."""
    client = await serve(config)
    await client.get("/metrics")
    page = await browse(client.make_url("/"))
    assert await page.locator("html").get_attribute("lang") == "en"
    for landmark in ("main", "navigation", "banner"):
        assert await page.get_by_role(landmark).count() == 1
    assert await page.locator("h1").count() == 1
    tables = page.locator("table")
    for number in range(await tables.count()):
        table = tables.nth(number)
        assert await table.locator("caption").count() == 1
        assert await table.locator("thead th[scope=col]").count() >= 3


async def test_without_scripts(
    serve: Serve, config: PoolConfig, browse: Callable[..., Awaitable[Page]]
) -> None:
    """All of it is there where no script runs."""
    client = await serve(config)
    await client.get("/metrics")
    page = await browse(client.make_url("/"), java_script_enabled=False)
    assert "--no-collector.vm" in await page.inner_text("main")


def _luminance(color: str) -> float:
    """Give how light `rgb(r, g, b)` is, 0 to 1."""
    red, green, blue = (int(part) / 255 for part in color[4:-1].split(","))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
