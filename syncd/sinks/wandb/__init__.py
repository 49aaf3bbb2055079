"""The sink for Weights & Biases.

    sink          the contract's methods, and by which means each is exactly once
    opening       one W&B run per run of ours
    translation   events to rows, config, summary and tags
    console       what was written to streams, as lines
    values, names what W&B writes otherwise
    records       config and tags of a run, with our cursor
    sending       a batch: rows and lines, then the record
    stream        requests of the file stream
    reading       rows, read back
    files         files to addresses that W&B gives out
    artifacts     versions of artifacts, each made once
    shelf         the calls about artifacts
    looking       what a check finds out
    api, queries  the calls, and their GraphQL

The `wandb` package is never imported; its server is spoken to over HTTP, as its client does it.
"""

from syncd.sinks.wandb.sink import WandbSink

__all__ = ["WandbSink"]
