"""A comparison as one HTML page: no script, nothing fetched, everything recorded escaped.

The page says so itself to the browser: its content security policy allows the style in it and
nothing else, so that a name that got through unescaped could still not load or run anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from tracker.cli import curves, standing, svg, wording
from tracker.cli.curve import said
from tracker.cli.destination import replacing
from tracker.notice import shown
from tracker.query.comparison import Comparison

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--page:#fff;
--fill:#f6f8fa;--s0:#0060c0;--s1:#b35900;--s2:#7a3db8;--s3:#1a7f37;--s4:#c4304b;--s5:#00707a;--s6:#6b5d00;
--s7:#555}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--line:#3a424c;--page:#0f1419;
--fill:#171d24;--s0:#6cb2ff;--s1:#ffb266;--s2:#c9a0ff;--s3:#6fdd8b;--s4:#ff8fa3;--s5:#5fd7e0;
--s6:#e6d45c;--s7:#bbb}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);margin:0 auto;
max-width:1100px;padding:24px 16px}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:28px 0 8px}.soft{color:var(--soft)}
.advice{background:var(--fill);border:1px solid var(--line);border-radius:6px;padding:12px 16px}
.advice p{margin:0 0 6px;font-size:17px}.advice ul{margin:4px 0 0;padding-left:20px}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:4px 10px 4px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--soft);white-space:nowrap}td{overflow-wrap:anywhere}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.best td{font-weight:600;background:var(--fill)}
svg{width:100%;height:auto;font:12px system-ui,sans-serif}svg text{fill:var(--soft)}
svg.sample{width:36px;height:10px;margin-right:6px}polyline{fill:none;stroke:currentColor;
stroke-width:1.6}circle{fill:currentColor}.grid{stroke:var(--line)}.axis{stroke:var(--soft)}
svg g text{fill:currentColor;font-weight:700}.legend{display:flex;flex-wrap:wrap;gap:4px 20px}
""" + "".join(f".s{n}{{color:var(--s{n})}}" for n in range(svg.COLOURS))

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_HEADS = (
    ("#", True), ("run", False), ("id", False), ("", True), ("vs baseline", True), ("%", True),
    ("status", False), ("repeats", False), ("noise", False), ("note", False),
)  # fmt: skip
"""Headings of the runs' table and which columns are figures; the metric's own stands fourth."""


def write(comparison: Comparison, path: Path, *, force: bool) -> None:
    """Write the report; it appears when it is whole.

    Raises:
        BadInput: the file is there and `force` is not given.
        TrackerError: it cannot be written.
    """
    with replacing(path, force=force) as fresh:
        fresh.write_text(page(comparison), encoding="utf-8")


def page(comparison: Comparison) -> str:
    """The report's HTML."""
    title = _text(f"{comparison.metric}: {wording.counted(len(comparison.runs), 'run')} compared")
    return "\n".join([
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body>",
        f'<h1>{title}</h1><div class="soft">{_text(standing.title(comparison))}</div>',
        *_advice(comparison),
        *_runs(comparison),
        *_curves(comparison),
        *_differences(comparison),
        "</body></html>\n",
    ])  # fmt: skip


def _text(text: str) -> str:
    return escape(shown(text))


def _advice(comparison: Comparison) -> Iterator[str]:
    advice = comparison.advice
    yield f'<h2>Recommendation</h2><div class="advice"><p>{_text(advice.text)}</p>'
    yield f"<div>Confidence: <b>{_text(advice.confidence)}</b></div><ul>"
    yield from (f"<li>{_text(reason)}</li>" for reason in advice.reasons)
    yield from (f"<li>but: {_text(weakness)}</li>" for weakness in advice.weaknesses)
    yield "</ul></div>"


def _runs(comparison: Comparison) -> Iterator[str]:
    yield '<h2>Runs</h2><div class="wide"><table>'
    heads = [head or comparison.metric for head, _ in _HEADS]
    yield _row([(head, figure) for head, (_, figure) in zip(heads, _HEADS, strict=True)], "th")
    for row in standing.standings(comparison):
        cells = (
            str(row.place), row.name, row.id, row.value, row.delta, row.share, row.status,
            row.repeats, row.noise, row.note,
        )  # fmt: skip
        figures = [(cell, figure) for cell, (_, figure) in zip(cells, _HEADS, strict=True)]
        yield _row(figures, "td", "best" if row.best else "")
    yield "</table></div>"


def _row(cells: Sequence[tuple[str, bool]], tag: str, kind: str = "") -> str:
    inner = "".join(
        f"<{tag}{' class=n' if figure else ''}>{_text(cell)}</{tag}>" for cell, figure in cells
    )
    return f'<tr class="{kind}">{inner}</tr>'


def _curves(comparison: Comparison) -> Iterator[str]:
    series = [one for _, one in curves.drawn(comparison)]
    having = sum(comparison.metric in one.values for one in comparison.runs)
    yield "<h2>Curves</h2>"
    yield svg.curves(series, "step", comparison.metric)
    yield '<div class="legend">'
    for place, one in enumerate(series):
        yield f"<div>{svg.sample(place)}{svg.mark(place)} {escape(said(one))}</div>"
    yield "</div>"
    if len(series) < having:
        yield f'<div class="soft">{len(series)} of {having} runs are drawn</div>'


def _differences(comparison: Comparison) -> Iterator[str]:
    told = standing.what_differs(comparison)
    if not told:
        yield "<h2>What differs</h2><p>Nothing that is recorded, but the metrics.</p>"
        return
    yield '<h2>What differs</h2><div class="wide"><table>'
    yield _row([("kind", False), ("key", False), ("value: which runs have it, by #", False)], "th")
    for each in told:
        values = "; ".join(f"{value}: {places}" for value, places in each.values)
        yield _row([(each.kind, False), (each.key, False), (values, False)], "td")
    yield "</table></div>"
