"""What syncd lets others see of its work: logs, metrics, traces, and how well it is off.

    observer   the one seam: the engine tells an `Observer` what happened, and knows no more
    passage    the words of a lane for it: started, acknowledged, parked, put, delayed
    telemetry  the observer of a process: hands on what it is told to those below
    logs       JSON lines in sync/syncd.log; warnings on standard error
    metrics    counters and histograms of the process, gauges of the moment; the endpoint
    traces     OpenTelemetry spans of batches and requests (extra "otel")
    level      0 all well ... 3 storage nearly full
    standing   how the remotes stand now: what gauges and level are made from

What is told, at which level it stands in the log, and where it comes from:

    event                  level   told when
    run_started            INFO    a run was opened at a remote that held nothing of it
    metrics_logged         INFO    a batch was acknowledged: counts, ms
    artifact_cached        INFO    the event of an artifact was acknowledged: its files wait here
    artifact_uploaded      DEBUG   one file of an artifact was put: bytes, ms
    sync_delayed           WARN    a lane failed after its quick attempts: slow schedule
    degradation_changed    WARN    the level rose; INFO where it fell
    auth_failed            ERROR   the credentials were refused: the remote stops; once a stop
    upload_failed          ERROR   something was refused for good and parked
    tracking_unavailable   ERROR   the breaker opened: a remote does not answer
    tracking_unavailable   FATAL   nothing can be delivered: no remote can be used as it is
                                   configured, or syncd.db cannot be written

Each has, as far as it is about them, the fields `experiment_id` (the project), `run_id`,
`platform` (the remote's kind) and `remote` (its name), and always `degradation_level`.
Warnings of the program itself stand between them, their text as `event`.

Nobody who listens can harm delivery: what goes wrong with a log, a scrape or a collector
stays there. Nothing here holds a secret, as `syncd.sinks.http` has blotted them out before.
"""

from syncd.telemetry.observer import NOBODY, Observer, What, Where, observing

__all__ = ["NOBODY", "Observer", "What", "Where", "observing"]
