"""The definitions and rows of `argv[2]` (JSON), as the official client takes them, for the run `argv[1]`."""
import json
import sys

import wandb

run = wandb.init(project="sdk", id=sys.argv[1])
calls = json.loads(sys.argv[2])
for call in calls:
    if "define" in call:
        run.define_metric(**call["define"])
    else:
        run.log({key: float("nan") if value == "NaN" else value for key, value in call["log"].items()})
run.finish()
