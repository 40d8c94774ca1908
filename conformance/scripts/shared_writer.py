"""One of several writers of a run (its fourth argument may be `primary`): logs ROWS rows, then waits for the file GO before it ends."""

import pathlib
import sys
import time

import wandb

name, rows, go = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
primary = sys.argv[4:] == ["primary"]
settings = wandb.Settings(
    x_primary=primary, x_label="python", x_update_finish_state=primary, x_stats_sampling_interval=0.1
)
run = wandb.init(mode="shared", id=name, project="sdk", config={"python": True}, settings=settings)
print("from python")
for n in range(rows):
    run.log({"from": "python", "n": n})
print("LOGGED", flush=True)
while not go.exists():
    time.sleep(0.05)
# Its log has the label in system metrics alone, of which the first come by now.
time.sleep(1)
run.finish()
