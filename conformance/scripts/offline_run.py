"""An offline run of the official client with what such runs have; prints where its log is and what went into it."""

import json
import math
import os
import sys

import wandb

run = wandb.init(
    project="offline",
    id=sys.argv[1],
    mode="offline",
    config={"lr": 0.1, "nested": {"a": [1, {"b": None}]}, "text": "한글"},
    tags=["one", "two"],
    notes="noted",
    group="g",
    job_type="train",
    name="named",
)
run.define_metric("acc", summary="max")
rows = []
for step in range(200):
    row = {"loss": 1 / (step + 3), "acc": math.sin(step), "deep": {"a": step, "b": {"c": str(step)}}}
    if step == 7:
        row["odd"] = float("nan")
    run.log(row)
    rows.append(row)
run.config.update({"late": True})
run.summary["best"] = {"value": 3}
print("line one\nline two")
with open(os.path.join(run.dir, "own.txt"), "w") as out:
    out.write("content")
run.save(os.path.join(run.dir, "own.txt"), base_path=run.dir)
folder = os.path.dirname(run.dir)
run.finish(exit_code=3)
log = [name for name in os.listdir(folder) if name.endswith(".wandb")][0]
print("RESULT " + json.dumps({"log": os.path.join(folder, log), "rows": rows}))
