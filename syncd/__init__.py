"""syncd delivers what `tracker` recorded, to any number of remotes, exactly once in effect.

The way of an event through this package:

    tail      the synced events of a run's journals, from a cursor on
    batch     a numbered share of them, frozen in syncd.db before its first send
    lane      decides what a run needs next on its way to one remote; no I/O, no clock
    visit     carries the decisions out: calls the sink, keeps cursors and receipts
    delivery  what came of each visit, and when the lane may be tried again
    outlet    all lanes of one remote: a schedule, a few workers, a breaker
    daemon    all remotes of one store, woken by `watch`; one per store, see `owner` and `lease`
    stores    several stores in one process
    telemetry what others may see of all this; the engine knows its `Observer` and no more
    pauses    remotes that get nothing for a while, as a person wants it
    service   syncd as a service of the machine, and what it tells systemd
    clock     what time it is, and waiting: simulations have their own
    sinks     one module per platform; `syncd.sinks` is the contract

syncd.db is the `ledger`: `cursors` and `receipts` are its rows, `database` its file.

And the way back:

    verify        reads a run back and compares it with what is `recorded`; `points` are compared
                  by digest, and what is whole is marked as `verified`
    receipt       all that is known of a run at a remote, as a document
    removal       frees the disk of what was verified: to the `trash`, with the blobs that are
                  `unreferenced` then; what was `removed` stays known

The command line is `syncd.cli`: one module a command.
"""
