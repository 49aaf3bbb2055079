"""`tracker compare`: runs held against each other by a metric."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from tracker.cli import document, standing, table, terminal, wording
from tracker.cli.choice import chosen, compared_options
from tracker.cli.program import chosen_store, json_option, store_option
from tracker.errors import BadInput
from tracker.notice import shown
from tracker.query import Store
from tracker.query.comparison import Comparison

_ROWS = 40
_DIFFERENCES = 40
_METRICS = 4
_PLOT_HEIGHT = 18
_PLOT_WIDTH = 100
_LABEL = 12


@click.command()
@compared_options
@click.option(
    "--baseline",
    metavar="B",
    help="A run, or a tag that one run has, to hold the others against; else the first run.",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    metavar="KEY",
    help='Config key of the seed, again for each; else "seed" and the like.',
)
@click.option("--plot", is_flag=True, help="Draw the curves of the metric too.")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a report with curves, one file that opens without a network.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--markdown", is_flag=True, help="Print Markdown, for a pull request.")
@click.option("--all", "everything", is_flag=True, help=f"Every run, not only {_ROWS}.")
@json_option
@store_option
def compare(
    runs: tuple[str, ...], *, metric: str | None, mode: str | None, figure: str,
    project: str | None, tag: str | None, filter_: str | None, baseline: str | None,
    seeds: tuple[str, ...], plot: bool, html: Path | None, force: bool, markdown: bool,
    everything: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare runs by a metric: what differs, which is best, and how sure that is.

    RUN is an id, the beginning of one, or a name; without any, --project, --tag and --filter
    choose, and without these all runs are compared. A single RUN can be a query as --filter takes
    it (see tracker query --help).

    Runs with equal config but for the seed, equal code and equal data are repeats of one setting:
    their mean, standard deviation and number stand beside each, and NOISE says whether 0 is in
    the interval for the difference to the baseline (95 % for all together; see
    tracker/query/noise.py for the rule). With a single run on both sides the noise is not known.

    With --json: {"best_run": id or null, "metrics_delta": {metric: best run minus baseline},
    "recommendation": text, "confidence", "reasons", "weaknesses", "metric", "figure", "mode",
    "mode_source", "baseline", "contrast", "runs", "groups", "differences"}.
    """
    if markdown and as_json:
        raise BadInput("--markdown and --json are two ways to print; give one of them.")
    store = Store(chosen_store())
    found = store.compare(
        chosen(store, runs, project, tag, filter_),
        metric,
        baseline,
        mode=mode,
        figure=figure,
        seeds=seeds,
    )
    if html is not None:
        from tracker.cli import report  # noqa: PLC0415 - for those who use it

        report.write(found, html, force=force)
        click.echo(f"{shown(str(html))}: {standing.title(found)}", err=True)
    if as_json:
        document.print_document(found.to_dict())
    elif markdown:
        from tracker.cli import markdown as pages  # noqa: PLC0415 - for those who use it

        click.echo(pages.text(found))
    else:
        for line in _lines(found, plot=plot, everything=everything):
            click.echo(line)


def _lines(found: Comparison, *, plot: bool, everything: bool) -> Iterator[str]:
    yield terminal.styled(shown(standing.title(found)), bold=True)
    yield ""
    rows = standing.standings(found)
    kept = rows if everything else rows[:_ROWS]
    yield from table.lines(_columns(found, kept), terminal.width())
    if len(kept) < len(rows):
        yield f"and {len(rows) - len(kept)} more; all of them: --all"
    if plot:
        yield ""
        yield from _plot(found)
    yield from _differences(found, everything=everything)
    yield from _advice(found)


def _columns(found: Comparison, rows: list[standing.Standing]) -> list[table.Column]:
    column = table.Column
    columns = [
        column("#", [str(row.place) for row in rows], least=1, right=True),
        column("RUN", [shown(row.name) for row in rows], least=10),
        column("ID", [row.id for row in rows], least=len(rows[0].id)),
        column(
            terminal.cut(shown(found.metric).upper(), 16), [row.value for row in rows],
            least=7, right=True,
        ),
        column("VS BASE", [row.delta for row in rows], least=7, right=True),
        column("%", [row.share for row in rows], least=6, right=True),
        column("STATUS", [row.status for row in rows], least=8, is_status=True),
        column("REPEATS", [row.repeats for row in rows], least=12),
        column("NOISE", [row.noise for row in rows], least=7),
        column("NOTE", [shown(row.note) for row in rows], least=8),
    ]  # fmt: skip
    columns = [each for each in columns if any(each.cells) or each.heading == "#"]
    shown_runs = found.runs[: len(rows)]
    for key in standing.metric_names(found, _METRICS):
        cells = [wording.number(one.values[key]) if key in one.values else "" for one in shown_runs]
        columns.append(column(terminal.cut(shown(key), 16), cells, right=True, optional=True))
    return columns


def _plot(found: Comparison) -> list[str]:
    from tracker.cli.curve import braille_shown, curve  # noqa: PLC0415 - numpy
    from tracker.cli.curves import colours, drawn  # noqa: PLC0415 - numpy

    width = min(terminal.width(), _PLOT_WIDTH)
    series = [series for _, series in drawn(found)]
    paint = colours if terminal.colourful() else None
    return curve(series, width, _PLOT_HEIGHT, braille=braille_shown(), paint=paint)


def _differences(found: Comparison, *, everything: bool) -> Iterator[str]:
    yield ""
    told = standing.what_differs(found)
    if not told:
        yield terminal.styled("nothing that is recorded differs, but the metrics", bold=True)
        return
    yield terminal.styled("what differs: value, and which runs have it by #", bold=True)
    kept = told if everything else told[:_DIFFERENCES]
    kinds = max(len(each.kind) for each in kept)
    keys = min(30, max(terminal.columns(shown(each.key)) for each in kept))
    for each in kept:
        values = "; ".join(f"{value}: {places}" for value, places in each.values)
        head = f"  {each.kind.ljust(kinds)}  {terminal.fitted(shown(each.key), keys)}  "
        yield from terminal.wrapped(head, shown(values))
    if len(kept) < len(told):
        yield f"  and {len(told) - len(kept)} more; all of them: --all"


def _advice(found: Comparison) -> Iterator[str]:
    advice = found.advice
    yield ""
    yield terminal.styled("recommendation", bold=True)
    yield from terminal.wrapped("  ", shown(advice.text))
    yield f"  {'confidence'.ljust(_LABEL)}{advice.confidence}"
    for label, texts in (("because", advice.reasons), ("but", advice.weaknesses)):
        for number, text in enumerate(texts):
            head = label if number == 0 else ""
            yield from terminal.wrapped(f"  {head.ljust(_LABEL)}", shown(text))
