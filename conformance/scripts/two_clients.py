"""One of two clients on one run: two_clients.py RUN NAME ROWS GATE. Prints READY, logs when the file GATE is there."""
import os
import sys
import time

import wandb

run_id, name, rows, gate = sys.argv[1:]
run = wandb.init(project="lives", id=run_id, resume="allow")
print("READY", flush=True)
while not os.path.exists(gate):
    time.sleep(0.02)
for row in range(int(rows)):
    run.log({"who": name, "row": row})
run.finish()
