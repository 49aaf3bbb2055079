"""Weights & Biases: its transaction logs and the run folders around them.

From a file to a journal: `framing` finds entries, `source` numbers their records, `beginning`,
`rows`, `media` and `artifacts` read them, `translation` makes events of them, `taking` appends
those once, and `imports` does so for many files. `known` asks the store how far that is.

From journals to a folder: `merge` orders their events, `history`, `typed` and `versions` say rows,
media and artifacts in W&B's terms, and `giving` writes them as `transactions`.

For both, for `tracker.wandb` and for the delivery by syncd: `naming` has names, `clock` when a row
is, `private` what stands in W&B's config, `typed` media.
"""
