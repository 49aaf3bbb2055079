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
    clock     what time it is, and waiting: simulations have their own
    sinks     one module per platform; `syncd.sinks` is the contract

syncd.db is the `ledger`: `cursors` and `receipts` are its rows, `database` its file.
The command line is `syncd.cli`: one module a command.
"""
