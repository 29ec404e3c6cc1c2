"""The way of somebody who sees the dashboard for the first time, click by click."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, expect

from tests.browser_kit import Visit

# Where on the page the longest row of the ladder lies, so many rows below the best bid.
LADDER_ROW = """
(rows) => {
    const view = [...Bokeh.index.all_views()].find(view => view.model.name === "depth-ladder")
    const {price, buy} = view.model.renderers[0].data_source.data
    const best = Math.max(...[...price].filter((_, k) => buy[k] > 0))
    const step = price[1] - price[0]
    const behind = [...price.keys()].filter(k => {
        const below = (best - price[k]) / step
        return rows[0] <= below && below <= rows[1]
    })
    const row = behind.reduce((a, b) => buy[b] > buy[a] ? b : a)
    const {left, top} = view.canvas_view.el.getBoundingClientRect()
    const {bbox, y_scale} = view.frame
    return [left + bbox.left + bbox.width / 2, top + y_scale.compute(price[row])]
}
"""
LADDER_SHOWS = """
() => {
    const view = [...Bokeh.index.all_views()].find(view => view.model.name === "depth-ladder")
    return view?.canvas_view.el.getBoundingClientRect().width > 40
}
"""
ROWS_BELOW = (5, 12)

Look = Callable[[str], None]


@dataclass
class Walk:
    """Counts the clicks of a visitor; `look(name)` is called where there is something to see."""

    visit: Visit
    look: Look = lambda name: None
    clicks: int = 0

    def click(self, target: Locator) -> None:
        """One click."""
        target.click()
        self.clicks += 1

    def click_at(self, x: float, y: float) -> None:
        """One click on a place."""
        self.visit.page.mouse.click(x, y)
        self.clicks += 1

    def run_a_market(self) -> None:
        """The page opens on one."""
        self.visit.page.locator(".chip", has_text="running").wait_for()
        self.look("start")

    def change_latency(self) -> None:
        """A click on the right end of the slider of how long most orders travel."""
        label = self.visit.page.get_by_text("Latency one way, retail, ms").last
        label.scroll_into_view_if_needed()
        rail = self.visit.page.locator(".MuiSlider-root").filter(has=self.visit.page.get_by_role("slider"))
        below = label.bounding_box()
        assert below is not None, "the slider is on the page"
        boxes = [box for box in (rail.nth(k).bounding_box() for k in range(rail.count())) if box]
        box = min((box for box in boxes if box["y"] > below["y"]), key=lambda box: box["y"])
        self.click_at(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2)
        self.visit.page.wait_for_function("location.search.includes('set.latency-retail=500')")
        self.visit.page.locator(".chip", has_text="running").wait_for()
        self.look("latency")

    def find_who_profits(self) -> str:
        """The kind of agents with the highest profit, from the table."""
        self.click(self.visit.button("Agents and class"))
        rows = self.visit.page.locator("tr.group")
        expect(rows.filter(has_text="500ms").first).to_be_visible()
        self.look("profit")
        cells = rows.evaluate_all("rows => rows.map(row => [row.cells[0].innerText, row.cells[2].innerText])")
        profits = {name.strip(): float(text.replace(",", "").replace("−", "-")) for name, text in cells}
        return max(profits, key=lambda name: profits[name])

    def place_an_order(self) -> float:
        """A bid behind others, some rows below the best one; the size that waits before it, in base units."""
        self.click(self.visit.page.get_by_role("button", name="Market", exact=True))
        self.visit.page.wait_for_function(LADDER_SHOWS)
        # The ladder of a page that was out of sight is from before.
        self.visit.until_painted(self.visit.pictures() + 4)
        self.click_at(*self.visit.page.evaluate(LADDER_ROW, ROWS_BELOW))
        price = self.visit.page.get_by_label("Price, USD", exact=False)
        expect(price).not_to_have_value("")
        self.click(self.visit.page.get_by_role("button", name="Buy", exact=True))
        row = self.visit.page.locator("tr.own").first
        row.wait_for()
        cells = row.evaluate("row => [...row.cells].map(cell => cell.innerText)")
        self.look("queue")
        return float(cells[5].replace(",", ""))

    def share_the_link(self) -> str:
        """The link for a class."""
        self.click(self.visit.button("Agents and class"))
        self.click(self.visit.button("Share this market"))
        link = self.visit.page.get_by_label("Link for everybody")
        link.wait_for()
        self.look("share")
        return link.input_value()
