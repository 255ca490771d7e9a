"""Makes the picture of the README: `python -m tests.e2e.shots` (`make shots`).

The demo shop as the visitor sees it, and the same page as an agent sees it, at the same moment.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, sync_playwright

from .rig import CHROMIUM_ARGS, ROOT, Desk, Server, Watching, chromium, serving, until

OUT: Final = ROOT / "docs" / "images" / "side-by-side.png"
SIZE: Final = {"width": 1280, "height": 800}
SCALE: Final = 0.6
MOST_BYTES: Final = 500_000

# The shop's prices rest, so that both pictures show the same.
PAUSE_PRICES: Final = "sessionStorage.setItem('oddkiln-prices', JSON.stringify({ paused: true }));"
JOINED: Final = """<!doctype html><meta charset="utf-8"><style>
  body {{ margin: 0; padding: 28px; display: flex; gap: 28px; width: max-content;
    background: #e9edf2; color: #33414f; font: 600 17px/1.3 system-ui, sans-serif; }}
  figure {{ margin: 0; }}
  figcaption {{ padding: 0 2px 10px; }}
  img {{ display: block; width: {width}px; border-radius: 10px; box-shadow: 0 6px 28px rgba(20, 35, 55, .22); }}
</style>
<figure><figcaption>The visitor&rsquo;s page</figcaption><img src="{left}"></figure>
<figure><figcaption>The same page, live, in the agent&rsquo;s browser</figcaption><img src="{right}"></figure>"""


def picture(page: Page) -> str:
    """A screenshot as a data: URL."""
    return "data:image/png;base64," + base64.b64encode(page.screenshot()).decode()


def take(browser: Browser, server: Server) -> tuple[str, str]:
    """The visitor's and the agent's page, with a line of chat each and the agent's pointer on the page."""
    desk = Desk(browser, server)
    context = desk.context(viewport=SIZE)
    context.add_init_script(PAUSE_PRICES)
    options = "{ consent: 'granted', capabilities: ['view', 'pointer', 'chat'] }"
    visit = desk.visit_in(context, f"{server.url}/demo/product.html", options)
    desk_context = desk.context(viewport=SIZE)
    visitor, agent = visit.page, desk_context.new_page()
    agent.goto(server.login)  # so that the visitor sees an agent's name
    agent.wait_for_url("**/join")
    agent.goto(visit.link)
    watching = Watching(agent, desk_context)
    visitor.wait_for_load_state("networkidle")
    watching.goes("direct")
    visitor.evaluate("Cobrowse.session.say('Will the glaze look like the picture?')")
    agent.locator("text=Will the glaze look like").wait_for()
    agent.locator("input[name=line]").fill("Very nearly. Here is what differs from pot to pot.")
    agent.locator("input[name=line]").press("Enter")
    until(visitor, "Cobrowse.session.chat.length === 2")
    visitor.locator("cobrowse-widget [data-action=chat]").click()
    until(agent, "viewer.stats().lagMs !== null")
    box = agent.locator(".layer").bounding_box()
    assert box is not None
    visitor.mouse.move(900, 250, steps=4)
    agent.mouse.move(box["x"] + box["width"] * 0.60, box["y"] + box["height"] * 0.38)
    until(agent, "!document.querySelector('.visitor-pointer').hidden")
    until(agent, "viewer.stats().lagMs < 10")  # what was said when the page was built anew is over
    return picture(visitor), picture(agent)


def join(browser: Browser, left: str, right: str, out: Path) -> None:
    """Both pictures beside each other, as one."""
    page = browser.new_page(viewport={"width": 1800, "height": 700})
    page.set_content(JOINED.format(left=left, right=right, width=int(SIZE["width"] * SCALE)))
    page.evaluate("Promise.all(Array.from(document.images, (image) => image.decode()))")
    out.parent.mkdir(parents=True, exist_ok=True)
    page.locator("body").screenshot(path=out)
    page.close()


def main() -> None:
    with serving() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        join(browser, *take(browser, server), OUT)
        browser.close()
    size = OUT.stat().st_size
    print(f"{OUT.relative_to(ROOT)}: {size // 1_000} KB")
    if size > MOST_BYTES:
        raise SystemExit(f"over {MOST_BYTES // 1_000} KB: make the picture smaller")


if __name__ == "__main__":
    main()
