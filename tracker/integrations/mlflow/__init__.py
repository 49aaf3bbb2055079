"""MLflow: its local stores, read without the mlflow package and never written.

`stores` opens a path; `database` reads an SQLite file and `folder` a folder `mlruns`, both as
`described` has it. `translation` says what was found as events, `files` keeps artifacts, `taking`
appends what is new of a run, and `imports` does so for all.

A run keeps its id, which is unique the world over; its experiment's name is its project.
"""
