"""The sink for MLflow servers.

    sink          the contract's methods, and by which means each is exactly once
    opening       one MLflow run per run of ours
    translation   events to metric points, params and tags
    names         names that MLflow takes
    sending       a batch in requests, split where one is refused
    files         files through the artifact proxy
    rest          the REST calls

The `mlflow` package is never imported; its server is spoken to over HTTP.
"""

from syncd.sinks.mlflow.sink import MlflowSink

__all__ = ["MlflowSink"]
