"""Histories as Parquet files, through the official client. Prints a JSON line per scan and download."""
import glob
import json
import os

import wandb

PROJECT = "history-exports"
ROWS = 1500


def say(what, **more):
    print(json.dumps({"what": what, **more}), flush=True)


def cached():
    return len(glob.glob(os.path.join(os.environ["WANDB_CACHE_DIR"], "**", "*.runhistory.parquet"), recursive=True))


def logged(step):
    return {"loss": 1 / (1 + step), "epoch": step // 100, "mixed": step / 2, "phase": "warm" if step < 10 else "train", "best": step % 7 == 0}


def scan(what, identity, **options):
    found = wandb.Api().run(f"admin/{PROJECT}/{identity}")
    rows = list(found.scan_history(**options))
    say(what, cached=cached(), rows=len(rows), first=rows[:1], last=rows[-1:], kinds={k: type(v).__name__ for k, v in (rows[2] if len(rows) > 2 else {}).items()})
    return found


def download(what, run, **options):
    try:
        result = run.download_history_exports(os.path.join(os.getcwd(), what), **options)
        say(what, files=[os.path.getsize(path) for path in result.paths], live=result.contains_live_data)
    except Exception as error:
        say(what, error=type(error).__name__)


run = wandb.init(project=PROJECT, id="dense")
for step in range(ROWS):
    run.log(logged(step))
run.finish()
scan("keys of a file at an address", "dense", keys=["loss", "epoch"], use_cache=False)
dense = scan("whole", "dense")
scan("part of a cached file", "dense", keys=["loss"], min_step=700, max_step=1300)
download("complete", dense)

run = wandb.init(project=PROJECT, id="sparse")
for step in range(5):
    run.log({"loss": step} if step % 2 else {"nested": {"acc": step}})
run.finish()
sparse = scan("sparse", "sparse")
scan("sparse by key", "sparse", keys=["loss"])
download("incomplete", sparse)
download("nothing", sparse, require_complete_history=False)

run = wandb.init(project=PROJECT, id="dense", resume="must")
run.log(logged(ROWS))
run.finish()
scan("gone on", "dense")
scan("gone on by key", "dense", keys=["loss"], min_step=ROWS - 1)
