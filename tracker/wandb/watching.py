"""`wandb.watch`: histograms of gradients and parameters of a torch model while it trains."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tracker.wandb.histogram import Histogram
from tracker.wandb.said import unsupported

Log = Callable[[dict[str, Any]], None]
"""Records values at the current step, which goes on."""


class Watching:
    """Hooks into models, each of which logs every `log_freq`-th time."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._hooks: list[tuple[Any, Any]] = []
        self._models = 0

    def watch(self, models: Any, log: str | None, log_freq: int) -> None:
        """Log "gradients", "parameters" or "all" of one model or several.

        Where torch is not loaded there is nothing to hook into, which is said.
        """
        torch: Any = sys.modules.get("torch")
        if torch is None:
            unsupported("watch", "It needs a model of torch.")
            return
        for model in models if isinstance(models, (list, tuple)) else [models]:
            prefix = f"graph_{self._models}" if self._models else ""
            self._models += 1
            if log in ("gradients", "all"):
                self._watch_gradients(model, prefix, log_freq)
            if log in ("parameters", "all"):
                self._watch_parameters(model, prefix, log_freq)

    def unwatch(self, models: Any = None) -> None:
        """Take the hooks out of these models, or of all."""
        gone = models if models is None or isinstance(models, (list, tuple)) else [models]
        kept = []
        for model, hook in self._hooks:
            if gone is None or any(model is each for each in gone):
                hook.remove()
            else:
                kept.append((model, hook))
        self._hooks = kept

    def _watch_gradients(self, model: Any, prefix: str, log_freq: int) -> None:
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                every = _Every(log_freq, f"gradients/{prefix}{name}", self._log)
                self._hooks.append((model, parameter.register_hook(every)))

    def _watch_parameters(self, model: Any, prefix: str, log_freq: int) -> None:
        turn = _Turn(log_freq)

        def after_forward(module: Any, *passed: Any) -> None:
            del passed
            if turn():
                self._log({
                    f"parameters/{prefix}{name}": Histogram(parameter.data)
                    for name, parameter in module.named_parameters()
                })  # fmt: skip

        self._hooks.append((model, model.register_forward_hook(after_forward)))


class _Turn:
    """Tells whether it is the `log_freq`-th time."""

    def __init__(self, log_freq: int) -> None:
        self._log_freq = max(log_freq, 1)
        self._times = 0

    def __call__(self) -> bool:
        self._times = (self._times + 1) % self._log_freq
        return self._times == 0


class _Every:
    """A hook of one parameter's gradient."""

    def __init__(self, log_freq: int, key: str, log: Log) -> None:
        self._turn = _Turn(log_freq)
        self._key = key
        self._log = log

    def __call__(self, gradient: Any) -> None:
        if self._turn():
            self._log({self._key: Histogram(gradient)})
