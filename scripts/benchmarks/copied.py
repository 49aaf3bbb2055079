"""Give MLflow on SQLite what a store holds: copied FOLDER. A process of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from tracker.query import Store

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.create_experiment("bench", artifact_location=str(folder / "files"))
    for run in Store(folder / "store").runs("bench"):
        made = client.create_run(experiment, run_name=run.name).info.run_id
        params = [Param(key, str(value)) for key, value in run.config.items()]
        now = int(time.time() * 1000)
        points = [
            Metric(row_key, float(value), now, row.step)
            for row in run.rows()
            for row_key, value in row.values.items()
        ]
        for at in range(0, len(points), 1000):
            client.log_batch(made, metrics=points[at : at + 1000], params=params)
            params = []
        client.set_terminated(made)
    print('{"copied": true}')
