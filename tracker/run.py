"""A run being recorded: `tracker.init` makes one, `log` and `finish` are its life."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tracker import ending, events, pending, values
from tracker.errors import ArtifactError, BadInput, StoreError
from tracker.events import ARTIFACT, CONFIG, CONSOLE, LOG, MEDIA, SUMMARY, SYSTEM, TAGS
from tracker.fields import Fields, Tags, TagsGiven
from tracker.notice import Notice
from tracker.recording import KINDS, Recording
from tracker.resume import Past
from tracker.settings import Settings
from tracker.store import StoreFolder, nearly_full

if TYPE_CHECKING:
    from tracker.extras import Content, Extras

_FIRST, _LAST = -(2**63), 2**63 - 1
_MOST_SAID = 10
"""Problems of one call that are told one by one."""


class Run:
    """One execution being recorded. Made by `tracker.init`; safe to use from threads.

    Nothing here raises, blocks or slows for storage trouble unless `strict`: what could not
    be kept is counted and said when the run finishes. In a forked child the same object goes
    on with a journal of its own.

    Attributes:
        id: the run's id.
        name: its name.
        project: its project.
        config: settings of the run; every change is recorded.
        summary: final or best values; every change is recorded.
        before_end: called with the status right before the run's end is recorded, whatever ends
            it; for who has last values to give. Not in forked children.
    """

    before_end: Callable[[str], object] | None = None

    def __init__(
        self, store: StoreFolder | None, run_id: str, head: dict[str, Any], past: Past,
        settings: Settings,
    ) -> None:  # fmt: skip
        self.id = run_id
        self.name: str = head["name"]
        self.project: str = head["project"]
        self.store = store
        self.notice = Notice(silent=settings.silent)
        self._settings = settings
        self._last_step = past.next_step - 1
        self._step_lock = threading.RLock()
        self._finishing = False
        self._finish_lock = threading.RLock()
        self._recording = Recording(store, run_id, head, settings, self.notice, past=past)
        self.config = self._fields(CONFIG, past.config)
        self.summary = self._fields(SUMMARY, past.summary)
        self._tags = Tags(
            self._keep_tags, past.tags,
            lambda problems, lost: self._say_left_out("tag", problems, lost),
        )  # fmt: skip
        if store is not None:
            ending.watch(self, sigterm=settings.handle_sigterm)

    def __repr__(self) -> str:
        return f"<Run {self.name} ({self.id}) of project {self.project}>"

    # -- recording -------------------------------------------------------------------------

    def log(self, data: dict[str, Any], step: int | None = None) -> None:
        """Record values at a step.

        Args:
            data: names to values. Numbers (anything with `__float__`) become metric points,
                strings text values; nested dicts are flattened with "/". What is neither is
                warned of by its key, and the rest is kept.
            step: 64-bit integer, any order, repeats too; without it the one after the last.

        When the call returns, the values survive the death of the process.

        Raises:
            BadInput: only if `strict`, after the rest of the call was recorded.
            StoreError: only if `strict`; the call could not be kept.
        """
        if step is None:
            step = self._next_step()
        elif type(step) is int and _FIRST <= step <= _LAST:
            self._last_step = step
        else:
            self._log_at_odd_step(data, step)
            return
        kept = None
        try:  # noqa: SIM105 - each microsecond here is paid by every step of every training
            kept = self._recording.log(step, data)
        except Exception:  # noqa: BLE001, S110 - whatever it is, the careful way finds and says it
            pass
        if kept is None:
            self._log_carefully(data, step, [])
        elif not kept:
            self._recording.say_trouble()

    @property
    def next_step(self) -> int:
        """The step that the next `log` call without one is recorded at."""
        return min(self._last_step + 1, _LAST)

    @property
    def tags(self) -> Tags:
        """Tags, names to values ("" for a plain tag); every change is recorded."""
        return self._tags

    @tags.setter
    def tags(self, tags: TagsGiven) -> None:
        if tags is not self._tags:
            self._tags.replace(tags)

    def log_artifact(
        self,
        path: str | os.PathLike[str],
        name: str | None = None,
        type: str = "file",  # noqa: A002 - the field's word
    ) -> str | None:
        """Keep a file or a folder as a version of the artifact `name`.

        The content is copied into the store and synced before this returns, so it takes as
        long as the disk takes. `name` defaults to the file's own.

        Returns:
            The digest that names this version, or None if it could not be kept, which is
            said and leaves the run as it is.

        Raises:
            ArtifactError, BadInput, StoreError: only if `strict`.
        """
        from tracker.artifacts import Blobs, keep  # noqa: PLC0415 - hashlib for those who use it

        if self.store is None:
            return None
        try:
            if name is None:
                name = os.path.basename(os.path.abspath(path))  # noqa: PTH100, PTH119 - no link followed
            spare_bytes = self._settings.storage_low_bytes
            kept = keep(Blobs(self.store.blobs), path, name, spare_bytes)
        except (ArtifactError, BadInput, OSError, TypeError, ValueError) as error:
            self._recording.count_dropped(KINDS[ARTIFACT])
            self.notice.warn(f"artifact {name or str(path)!r}: {error}")
            if self._settings.strict:
                raise ArtifactError(str(error)) from error
            return None
        about = (name, values.text_of(type), kept.manifest, kept.files, kept.size)
        return kept.manifest if self._recording.record(ARTIFACT, *about) else None

    def log_system(self, data: Mapping[str, Any]) -> None:
        """Record measures of the machine, such as {"cpu": 12.5}, at this moment; they have no step.

        Nested dicts are flattened with "/"; what is no number is said and left out. On a disk
        that is nearly full these, console and media are the first that is not kept.

        Raises:
            BadInput, StoreError: only if `strict`.
        """
        self._log_extra(SYSTEM, lambda extras: extras.system(data))

    def log_console(self, text: str, stream: str = "stdout") -> None:
        """Record what the process wrote to `stream`, "stdout" or "stderr", with its line ends.

        Raises:
            BadInput, StoreError: only if `strict`.
        """
        self._log_extra(CONSOLE, lambda extras: extras.console(text, stream))

    def log_media(
        self, key: str, form: str, files: Sequence[tuple[str, Content]] = (),
        about: Mapping[str, Any] | None = None, step: int | None = None,
    ) -> None:  # fmt: skip
        """Record files under `key` at a step.

        Args:
            key: as a metric's; what is logged under it again belongs together.
            form: what they are, such as "image", "audio", "table", "histogram" (see `Media`).
            files: names without folders, and bytes or the path of a file, which is read before
                this returns. Up to 256 KiB it goes into a pack file, else into a blob, which
                takes as long as the disk takes. One that cannot be kept is said and left out.
            about: what belongs to them (captions, sizes), in terms of JSON.
            step: as for `log`.

        Raises:
            BadInput, StoreError: only if `strict`.
        """
        whole = self._next_step() if step is None else values.whole(step)
        if whole is None:
            self._refuse([f"log_media: step {values.brief(step)} is no whole number of 64 bits"])
            return
        self._last_step = whole
        self._log_extra(MEDIA, lambda extras: extras.media(whole, key, form, files, about))

    def _log_extra(self, kind: int, record: Callable[[Extras], list[str]]) -> None:
        if self.store is None:
            return
        from tracker.extras import Extras  # noqa: PLC0415 - hashlib and blobs for those who use it

        try:
            problems = record(Extras(self.store, self._recording, self._settings))
        except StoreError:  # only if strict
            raise
        except Exception as error:  # noqa: BLE001 - a stranger's mapping or path may raise anything
            self._recording.count_dropped(KINDS[kind])
            problems = [f"{KINDS[kind]} was not kept: {values.brief(error)}"]
        if problems:
            self._refuse(problems)

    def rewind(self, step: int) -> None:
        """Go back to `step`: what was logged there and later becomes an older branch.

        For a training that loads a checkpoint of its own in mid-run. A resumed run does this by
        itself where its first logged step is one that an earlier attempt had reached. The older
        branch is kept and delivered; reading shows the newest one unless asked otherwise. Calls
        without a step count on from `step`.

        Raises:
            BadInput: only if `strict`: `step` is no whole number of 64 bits.
            StoreError: only if `strict`; it could not be recorded.
        """
        whole = values.whole(step)
        if whole is None:
            self._refuse([f"rewind: step {values.brief(step)} is no whole number of 64 bits"])
            return
        self._last_step = max(whole, _FIRST + 1) - 1
        if self.store is not None:
            self._recording.rewind(whole)

    def save_state(self, folder: str | os.PathLike[str]) -> bool:
        """Say beside a checkpoint which run it belongs to, and at which step that was.

        Writes the small file `tracker.json` into `folder` (made if absent), all of it or
        nothing, after what was recorded was synced. `tracker.init(resume_from=folder)` goes on
        with this run from there.

        Returns:
            False if it could not be written, which is said and leaves the run as it is.

        Raises:
            StoreError: only if `strict`.
        """
        from tracker import state  # noqa: PLC0415 - for those who use it

        if self.store is None:
            return False
        self.flush()
        try:
            state.write(folder, state.State(self.id, self._last_step))
        except OSError as error:
            text = f"run {self.name}: its state could not be saved beside the checkpoint: {error}"
            self.notice.warn(text)
            if self._settings.strict:
                raise StoreError(text) from error
            return False
        return True

    def flush(self) -> bool:
        """Return once all that was recorded survives power loss; False if it may not.

        In a signal handler that interrupted this run it returns False at once.
        """
        return self._recording.sync()

    # -- ending ----------------------------------------------------------------------------

    def finish(
        self, exit_code: int = 0, *, status: str | None = None, error: str | None = None
    ) -> None:
        """End the run: `status` is "finished" for exit code 0, else "failed". Safe to repeat.

        In a signal handler that interrupted this run, it ends right after the interrupted call.

        Raises:
            BadInput: `status` is none of finished, failed, killed.
            StoreError: only if `strict`; the end could not be recorded.
        """
        if status not in (None, "finished", "failed", "killed"):
            raise BadInput(f"status={status!r} cannot be used; it is finished, failed or killed.")
        code = values.whole(exit_code)
        code = int(bool(exit_code)) if code is None else code
        status = status or ("failed" if code else "finished")
        text = None if error is None else values.text_of(error)[:4000]
        self._recording.when_free(lambda: self._finish(status, code, text))

    def _finish(self, status: str, code: int, error: str | None) -> None:
        with self._finish_lock:
            if self._finishing:
                return  # a signal handler interrupted it
            self._finishing = True
            try:
                if self.store is not None and not self._recording.finished:
                    self._end(status, code, error)
            finally:
                self._finishing = False
                ending.forget(self)

    def _end(self, status: str, code: int, error: str | None) -> None:
        recording = self._recording
        try:
            if recording.parent is None:
                if self.before_end is not None:
                    self.before_end(status)
                recording.finish(status, code, error, self._put_off())
        finally:
            synced = recording.close()
            if recording.parent is None:
                self._say_finished(status, synced=synced)
            if self._settings.pack == "finish" and status != "killed":  # which is in a hurry
                recording.pack()

    def _put_off(self) -> dict[int, dict[str, events.Json]]:
        """The last values of config and summary that could not be kept so far."""
        fields = {SUMMARY: self.summary, CONFIG: self.config}
        keys = self._recording.put_off
        return {kind: {key: held[key] for key in keys[kind]} for kind, held in fields.items()}

    def end_by_signal(self, number: int) -> None:
        """Finish as killed, as soon as the interrupted call is whole."""

        def end() -> None:
            with contextlib.suppress(StoreError):  # there is nobody left to tell
                self._finish("killed", 128 + number, f"signal {number}")

        self._recording.when_free(end)

    def after_fork(self) -> None:
        """In a forked child: the next call opens a journal of the child's own."""
        self._finish_lock = threading.RLock()  # another thread of the parent may have held it
        self._step_lock = threading.RLock()
        self._finishing = False
        self._recording.after_fork()

    def __enter__(self) -> Run:  # noqa: PYI034 - nobody derives from Run
        """Use the run as a context: it finishes at the end, failed if an exception ends it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish; an exception is recorded and raised on."""
        if kind is None:
            self.finish()
        else:
            status, code, text = ending.outcome(kind, error)
            self.finish(code, status=status, error=None if status == "finished" else text)

    # -- the careful way -------------------------------------------------------------------

    def _log_at_odd_step(self, data: Any, step: Any) -> None:
        """Log at whatever was given for a step, or the next one where that is no number."""
        whole = values.whole(step)
        if whole is not None:
            self.log(data, whole)
            return
        whole = self._next_step()
        problem = (
            f"log: step {values.brief(step)} is no whole number of 64 bits; recorded at step "
            f"{whole}. Give an integer, or no step to count calls."
        )
        self._log_carefully(data, whole, [problem])

    def _next_step(self) -> int:
        """The step after the last one; two threads never get the same."""
        with self._step_lock:
            self._last_step = step = min(self._last_step + 1, _LAST)
            return step

    def _log_carefully(self, data: Any, step: int, problems: list[str]) -> None:
        if self.store is None:
            return
        parts: list[dict[str, events.Value]] = [{}]
        try:
            if not hasattr(data, "items"):
                problems.append(f"log takes a dict of names to values, not {type(data).__name__}")
            else:
                self._sort_out(data, parts, problems)
        except Exception as error:  # noqa: BLE001 - a stranger's mapping may raise anything
            problems.append(
                f"log: {type(data).__name__} cannot be read: {values.brief(error)}; what was read "
                "before is recorded"
            )
        for part in parts:
            if part:
                self._record_parts(step, part, problems)
        if problems:
            self._refuse(problems)

    def _sort_out(
        self, data: Any, parts: list[dict[str, events.Value]], problems: list[str]
    ) -> None:
        """Spread a call's good values over as few records as have no key twice."""
        for key, value, problem in values.flatten(data):
            number = None if value is values.NOTHING else values.logged(value)
            if problem:
                problems.append(f"log: {problem}")
            if number is None and value is not values.NOTHING:
                problems.append(
                    f"log: {key[:80]!r} is of type {type(value).__name__}, neither number nor text,"
                    " and was left out; the rest was recorded. Files belong into run.log_artifact."
                )
            if number is None:
                self._recording.count_dropped("values")
            else:
                if key in parts[-1]:
                    parts.append({})
                parts[-1][key] = number

    def _record_parts(self, step: int, data: dict[str, events.Value], problems: list[str]) -> None:
        """Record a call; one too large for a record in halves."""
        for key in self._too_large(data, lambda part: self._recording.record(LOG, step, part)):
            self._recording.count_dropped("values")
            problems.append(f"log: the value of {key[:80]!r} is too large; use run.log_artifact")

    def _too_large(
        self, data: dict[str, Any], record: Callable[[dict[str, Any]], object]
    ) -> list[str]:
        """Record a mapping, in halves where it is too large; returns keys too large alone."""
        try:
            record(data)
        except ValueError:
            keys = list(data)
            if len(keys) == 1:
                return keys
            half = len(keys) // 2
            first, rest = ({k: data[k] for k in part} for part in (keys[:half], keys[half:]))
            return self._too_large(first, record) + self._too_large(rest, record)
        return []

    def _refuse(self, problems: list[str]) -> None:
        for problem in problems[:_MOST_SAID]:
            self.notice.warn(problem, once=problem)
        if self._settings.strict:
            raise BadInput("; ".join(problems[:_MOST_SAID]))

    def _fields(self, kind: int, start: dict[str, events.Json]) -> Fields:
        """Config or summary, whose changes are recorded as events of this kind."""
        what = KINDS[kind]

        def keep(changed: dict[str, events.Json]) -> None:
            lost = self._too_large(changed, lambda part: self._recording.record(kind, part))
            if lost:
                texts = [f"{key[:80]!r} is too large; use run.log_artifact" for key in lost]
                self._say_left_out(what, texts, len(lost))

        return Fields(keep, start, lambda texts, lost: self._say_left_out(what, texts, lost))

    def _keep_tags(self, new: dict[str, str], gone: list[str]) -> None:
        try:
            self._recording.record(TAGS, new, gone)
        except ValueError as error:
            self._say_left_out("tag", [f"{error}; keep long texts in notes or an artifact"], 1)

    def _say_left_out(self, what: str, problems: list[str], lost: int) -> None:
        if self.store is None:
            return
        if lost:
            self._recording.count_dropped(f"{what} values", lost)
        self._refuse([f"{what}: {problem}" for problem in problems])

    # -- saying ----------------------------------------------------------------------------

    def say_started(self) -> None:
        """Print where the data is, how to look at it, and what is pending."""
        if self.store is None:
            return
        self.notice.say(f"run {self.name} ({self.id}) is recorded in {self.store.root}")
        me = self._reference
        self.notice.say(f"look at it: tracker show {me}   follow it: tracker tail {me}")
        self.notice.say(pending.line(self.store, self._settings))

    @property
    def _reference(self) -> str:
        """What to type for this run: its id, as other runs may have its name."""
        return f"-- {self.id}" if self.id.startswith("-") else self.id

    def _say_finished(self, status: str, *, synced: bool) -> None:
        kept, lost = self._recording.kept, self._recording.dropped
        self.notice.say(
            f"run {self.name} is {status}; {kept:,} events recorded. tracker show {self._reference}"
        )
        if lost:
            parts = ", ".join(f"{number:,} {kind}" for kind, number in sorted(lost.items()))
            self.notice.warn(f"not kept: {parts}")
        if self.store and nearly_full(self.store.free_bytes(), self._settings.storage_low_bytes):
            self.notice.warn(
                f"the disk of {self.store.root} is nearly full (degradation level 3): until there "
                "is room again, artifacts, media, system measures and console are not kept; all "
                "else is"
            )
        if not synced:
            self.notice.warn(
                "the disk refused to sync some events; they may not outlive a power cut"
            )
