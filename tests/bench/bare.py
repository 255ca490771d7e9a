"""The bare pipeline between two pages: what cobrowse is measured beside."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

from .bench import Bench


@dataclass(frozen=True)
class BarePair:
    sender: Page
    viewer: Page

    def share(self) -> None:
        self.sender.evaluate("sender.share()")
        self.viewer.evaluate("receiver.firstPaint")

    def close(self) -> None:
        self.sender.context.close()
        self.viewer.context.close()


def recorded_page(bench: Bench, rows: int, bundle: str) -> Page:
    """A page without a session, with a bundle in it."""
    page = bench.desk.context().new_page()
    page.goto(bench.plain_page(rows))
    page.add_script_tag(path=bench.folder / f"{bundle}.js")
    return page


def connected(bench: Bench, rows: int) -> BarePair:
    """Two pages with a data channel between them, on which nothing was sent yet."""
    sender = recorded_page(bench, rows, "bare_sender")
    viewer = bench.desk.context().new_page()
    viewer.goto(f"{bench.plain}/bare.html")
    answer = viewer.evaluate("(sdp) => receiver.answer(sdp)", sender.evaluate("sender.offer()"))
    sender.evaluate("(sdp) => sender.answered(sdp)", answer)
    viewer.evaluate("receiver.opened()")
    return BarePair(sender, viewer)
