"""`tracker export`: a run for other programs, in a file or a folder."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tracker.cli import layout, wording
from tracker.cli.calls import Calls
from tracker.cli.destination import replacing, replacing_folder
from tracker.cli.program import chosen_store, store_option
from tracker.errors import BadInput
from tracker.notice import shown
from tracker.query import RunView, Store


class _Terminal:
    """Standard output where a person sees it: texts cannot steer the terminal."""

    def write(self, text: str, /) -> None:
        click.echo(shown(text.removesuffix("\n")))


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl", "parquet", "wandb"]),
    required=True,
    help='csv, jsonl, parquet or wandb; the last two need pip install "tracker-syncd[parquet]", '
    '"tracker-syncd[wandb]".',
)
@click.option(
    "--what",
    type=click.Choice(["log", "system", "console"]),
    default="log",
    show_default=True,
    help="Log calls, measures of the machine, or what the process wrote.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where to write; without it csv and jsonl go to standard output. Of wandb the folder that "
    "gets the run folder (./wandb).",
)
@click.option("--force", is_flag=True, help="Replace FILE or the run folder if it is there.")
@click.option("--project", metavar="NAME", help="All runs of a project, as a dataset.")
@click.option("--all", "every", is_flag=True, help="All runs of the store, as a dataset.")
@click.option("--dataset", is_flag=True, help="A folder of tables also for one RUN.")
@click.option("--entity", metavar="NAME", help="wandb: the user or team there that it is for.")
@store_option
def export(
    runs: tuple[str, ...], *, form: str, what: str, output: Path | None, force: bool,
    project: str | None, every: bool, dataset: bool, entity: str | None,
) -> None:  # fmt: skip
    """Write every log call of RUN to CSV, JSON lines or Parquet, or all of RUN for W&B.

    Several RUNs, a project or all of them become a dataset: a folder of tables in the format,
    partitioned by project and run as Hive has it. README says which tables.

    \b
    csv      a row a call: _step, _time (UTC), _writer, a column for each key;
             NaN, inf and -inf; empty where the call did not log the key
    jsonl    a document a call: {"step", "time", "writer", "metrics", "texts"};
             "NaN", "Infinity" and "-Infinity" as strings
    parquet  as csv with types: doubles (NaN and infinities as such) and
             strings, null where the call did not log the key
    wandb    an offline run folder, for `wandb sync` and `wandb leet`: config,
             history, summary, tags, console, system metrics, media, artifacts

    With --what system or console the same for these: the step is whole seconds since the first
    of its writer; a measure is a metric by its name, what was written a text by its stream.

    Calls stand in the order of each writer. A column whose name is taken gets "_" behind it. File
    and folder appear under their names when they are complete. What a running run logs while it
    is written is left out.
    """  # noqa: D301 - \b is click's mark for a paragraph that is not wrapped
    if entity is not None and form != "wandb":
        raise BadInput(f"--entity is for --format wandb; {form} has no place for it.")
    if what != "log" and form == "wandb":
        raise BadInput(f"--what {what} is for other formats; wandb's run folder holds everything.")
    store = Store(chosen_store())
    if dataset or every or project is not None or len(runs) > 1:
        if what != "log" or form == "wandb":
            raise BadInput("a dataset holds all of its runs, as csv, jsonl or parquet.")
        _dataset(store, _chosen(store, runs, project, every=every), form, output, force=force)
        return
    if not runs:
        raise BadInput("name a RUN, or --project NAME, or --all. tracker ls lists the runs.")
    view = store.run(runs[0])
    if form == "wandb":
        from tracker.cli import runfolder  # noqa: PLC0415 - for those who use it

        runfolder.write(store.folder, view, output or Path("wandb"), force=force, entity=entity)
    elif form == "parquet":
        _parquet(view, what, output, force=force)
    elif output is None:
        target = _Terminal() if sys.stdout.isatty() else sys.stdout
        _write(Calls(view, what), form, target)
    else:
        with replacing(output, force=force) as fresh:
            calls = Calls(view, what)
            with fresh.open("w", encoding="utf-8", newline="") as file:
                _write(calls, form, file)
        _say(calls, what, output)


def _chosen(
    store: Store, refs: tuple[str, ...], project: str | None, *, every: bool
) -> list[RunView]:
    if bool(refs) + (project is not None) + every != 1:
        raise BadInput("name RUNs, or --project NAME, or --all; one of the three.")
    found = [store.run(ref) for ref in refs] or list(store.runs(project))
    if not found:
        where = f"the project {project!r}" if project is not None else "the store"
        raise BadInput(f"{where} has no runs. tracker ls lists all there are.")
    return list({run.id: run for run in found}.values())


def _dataset(
    store: Store, runs: list[RunView], form: str, output: Path | None, *, force: bool
) -> None:
    from tracker.cli import dataset, files  # noqa: PLC0415 - numpy, for those who use it

    if form == "parquet":
        from tracker.cli import parquet  # noqa: PLC0415 - as above

        parquet.check_installed()
    if output is None:
        raise BadInput("a dataset is a folder: name it with --output.")
    dataset.check_replaceable(output)
    with replacing_folder(output, force=force) as fresh:
        points = dataset.write(store, runs, fresh, files.opening(form))
    click.echo(
        f"{shown(str(output))}: {wording.counted(len(runs), 'run')}, "
        f"{wording.counted(points, 'point')}", err=True,
    )  # fmt: skip


def _write(calls: Calls, form: str, target: layout.Target) -> None:
    if form == "csv":
        layout.write_csv(calls, target)
    else:
        layout.write_jsonl(calls, target)


def _parquet(view: RunView, what: str, output: Path | None, *, force: bool) -> None:
    from tracker.cli import parquet  # noqa: PLC0415 - for those who use it

    parquet.check_installed()
    if output is None:
        raise BadInput(f"Parquet goes into a file: add --output {view.id[:13]}.parquet")
    with replacing(output, force=force) as fresh:
        calls = Calls(view, what)
        parquet.write_parquet(calls, view, fresh)
    _say(calls, what, output)


def _say(calls: Calls, what: str, output: Path) -> None:
    count = wording.counted(len(calls), f"{what} call")
    click.echo(f"{shown(str(output))}: {count}", err=True)
