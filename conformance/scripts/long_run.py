"""Logs rows for a while; the test meanwhile kills the server, or asks the run to stop. Prints RUN, ROWS (as logged) and END."""
import json
import sys
import time

import wandb

seconds = float(sys.argv[1])
run = wandb.init(project="lives")
print("RUN", run.id, flush=True)
rows = 0
deadline = time.time() + seconds
try:
    while time.time() < deadline:
        run.log({"index": rows, "third": rows / 3, "nested": {"text": f"줄 {rows}"}})
        rows += 1
        time.sleep(0.002)
    end = "time"
except KeyboardInterrupt:
    end = "stopped"
run.finish(exit_code=0 if end == "time" else 255)
print("ROWS", json.dumps(rows), flush=True)
print("END", end, flush=True)
