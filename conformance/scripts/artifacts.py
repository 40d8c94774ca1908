"""Artifacts as the official client makes them, lists them and reads them; one JSON value on standard output."""

import hashlib
import json
import os
import sys

import wandb

asked, *words = sys.argv[1:]

if asked == "log":
    # Two collections of one type, one with two versions, and a type longer than its column.
    (project,) = words
    with wandb.init(project=project, settings=wandb.Settings(silent=True)) as run:
        for name, kind, text in (
            ("numbers", "dataset", "1 2 3"),
            ("numbers", "dataset", "1 2 3 4"),
            ("gone", "dataset", "-"),
            ("net", "a-type-longer-than-its-column", "w" * 2000),
        ):
            artifact = wandb.Artifact(name, type=kind)
            with artifact.new_file("data.txt") as file:
                file.write(text)
            run.log_artifact(artifact).wait()
    wandb.Api().artifact(f"{project}/gone:v0").delete(delete_aliases=True)
    print(json.dumps(True))
