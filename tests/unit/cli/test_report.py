"""Reports of a comparison: whole, readable without a network, and safe whatever names there are."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from tests.unit.query.trained import trained
from tracker.cli import markdown, report, svg
from tracker.cli.curve import Series
from tracker.cli.curves import MOST, chosen
from tracker.errors import BadInput

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title></svg><b>", "&lt;i&gt;",
    "' style='x", "\x1b[31m\x00", "](http://evil.example)", "a|b", "`c`", "@everyone #12",
    "![x](y)", "http://evil.example", "www.evil.example", "<!--", "$x$", "-->", "\u202eabc",
)  # fmt: skip
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "div", "p", "b", "ul", "li",
    "table", "tr", "th", "td", "svg", "g", "line", "text", "polyline", "circle",
}  # fmt: skip


class Page(HTMLParser):
    """Everything that a browser would see in a page."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(content)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


@pytest.fixture
def hostile(folder, store):
    """Every name in every place that a report shows."""
    for number, name in enumerate(HOSTILE):
        trained(
            folder, name, [float(number)], metric="<b>loss",
            config={name: name, "k": name}, about={"git_commit": name, name: 1},
            used={name: name}, tags={name: name}, status=("finished", "failed")[number % 2],
        )  # fmt: skip
    return store.compare(store.runs(), "<b>loss")


def test_a_page_has_no_element_that_a_name_made(hostile):
    page = Page(report.page(hostile))
    assert page.open == []
    assert set(page.tags) <= ALLOWED
    whole = "".join(page.texts)
    for name in HOSTILE:
        if name.isprintable():
            assert name in whole, "it is shown as it is"


def test_a_page_fetches_and_runs_nothing(hostile):
    content = report.page(hostile)
    page = Page(content)
    names = {name for _, name, _ in page.attributes}
    assert not names & {"src", "href", "xlink:href", "srcset", "action", "data", "style"}
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in content
    assert "@import" not in content
    (policy,) = [value for _, name, value in page.attributes
                 if name == "content" and "default-src" in value]  # fmt: skip
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_control_characters_do_not_reach_a_page(hostile):
    for content in (report.page(hostile), markdown.text(hostile)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", content)


def test_markdown_takes_names_literally(hostile):
    content = markdown.text(hostile)
    for line in content.splitlines():
        bare = re.sub(r"\\.", "", line.replace("<!-- -->", ""))
        cells = bare.strip("|").split("|") if line.startswith("|") else [bare]
        assert not re.search(r"[<>`\[\]|]", " ".join(cells)), line
        assert "http://" not in line
        assert "www." not in line
        assert not re.search(r"[@#]\w", line), line
    widths = {len(re.sub(r"\\.", "", line).split("|")) for line in content.splitlines()
              if line.startswith("|")}  # fmt: skip
    assert widths == {12, 5}, "no name made a cell"


def test_a_page_tells_what_the_comparison_found(folder, store):
    base = trained(folder, "base", [3.0, 2.0, math.nan, 2.5])
    good = trained(folder, "good", [3.0, 1.0, 0.5, 0.25], status=None)
    found = store.compare([base, good], "loss")
    for text in ("".join(Page(report.page(found)).texts), markdown.text(found)):
        assert found.recommendation in text
        for said in ("good", "base", "0.25", "-2.25", "crashed", "best", "baseline"):
            assert said in text
    assert "not drawn: NaN" in report.page(found)


def test_a_file_that_is_there_is_replaced_only_by_force(folder, store, tmp_path):
    runs = [trained(folder, name, [0.1]) for name in "ab"]
    found = store.compare(runs, "loss")
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(BadInput, match="--force"):
        report.write(found, path, force=False)
    assert path.read_text() == "mine"
    report.write(found, path, force=True)
    assert path.read_text().startswith("<!DOCTYPE html>")


def test_of_many_runs_the_baseline_and_the_best_of_each_setting_are_drawn(folder, store):
    runs = [
        trained(folder, f"{lr}-{seed}", [lr + seed / 100], config={"lr": lr, "seed": seed})
        for lr in range(4) for seed in range(5)
    ]  # fmt: skip
    found = store.compare(runs, "loss", runs[-1])
    drawn = {one.run.name for one in chosen(found)}
    assert len(drawn) == MOST
    assert {"3-4", "0-0", "1-0", "2-0", "3-0"} <= drawn


def points(ys, xs=None):
    at = np.arange(len(ys)) if xs is None else np.array(xs)
    return Series("one", at, np.array(ys, dtype=np.float64))


def test_a_value_that_is_not_finite_breaks_the_line():
    ys = [1.0, 2.0, math.nan, 3.0, 4.0, math.inf, 5.0, 6.0]
    assert len(re.findall("<polyline", svg.curves([points(ys)], "step", "loss"))) == 3


@pytest.mark.parametrize(
    ("ys", "xs"),
    [([], None), ([math.nan], None), ([1.0], None), ([5e-324, 0.0], None),
     ([-1.7e308, 1.7e308], [-(2**62), 2**62]), ([1.0, 1.0], None), ([1.0, 2.0], [3, 3])],
)  # fmt: skip
def test_odd_series_are_drawn_with_finite_places(ys, xs):
    drawn = svg.curves([points(ys, xs)], "step", "loss")
    for numbers in re.findall(r' (?:points|x|y|x1|y1|cx|cy)="([^"]*)"', drawn):
        assert all(math.isfinite(float(number)) for number in re.split("[ ,]", numbers))
