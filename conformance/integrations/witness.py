"""Run somebody's training script unchanged and report what it handed to the official client.

    python witness.py SCRIPT [ARGUMENT …]        a file of this folder, or an installed module (no .py at its end)

The last line of output is WITNESSED and, as JSON, for each run: the rows as the client was about to send them (values
are JSON text, so that NaN and wide integers survive), its configuration and summary, and the artifacts it logged.
"""
import atexit
import json
import os
import runpy
import sys

runs = {}  # path → the run, its rows, its artifacts
event_folders = {}  # path → folders of TensorBoard event files that the client reads by itself


@atexit.register  # before the client's own, so that it is called after them: every run has ended by then
def report():
    from wandb.util import json_dumps_safer_history as text

    for path, folders in event_folders.items():
        runs[path][1].extend(row for folder in folders for row in event_rows(folder))
    seen = [
        {
            "path": run.path,
            "startingStep": run.starting_step,
            "rows": rows,
            "config": text({key: value for key, value in run.config._items.items() if key != "_wandb"}),
            # Known only of runs that were finished by a call, not of those that ended with their process.
            "summary": run._final_summary
            and [[list(item.nested_key) or [item.key], item.value_json] for item in run._final_summary.item],
            "artifacts": [
                {
                    "type": artifact.type,
                    "digest": artifact.digest,
                    "files": {path: entry.digest for path, entry in artifact.manifest.entries.items()},
                }
                for artifact in artifacts
            ],
        }
        for run, rows, artifacts in runs.values()
    ]
    print("WITNESSED", json.dumps(seen), flush=True)


def of(run):
    return runs.setdefault(run.path, (run, [], []))


def witness_rows():
    from wandb.sdk.interface import interface as outgoing
    from wandb.util import json_dumps_safer_history as text

    publish, encode = outgoing.InterfaceBase.publish_partial_history, outgoing.history_dict_to_json
    encoded = {}

    def encode_and_keep(*args, **named):
        encoded["row"] = encode(*args, **named)
        return encoded["row"]

    def publish_and_keep(self, run, data, user_step, step=None, flush=None, publish_step=True):
        publish(self, run, data, user_step, step, flush, publish_step)
        values = {key: text(value) for key, value in encoded["row"].items() if not key.startswith("_")}
        of(run)[1].append({"step": step if publish_step else None, "flush": flush, "values": values})

    outgoing.history_dict_to_json = encode_and_keep
    outgoing.InterfaceBase.publish_partial_history = publish_and_keep


def event_rows(folder):
    """What a folder of TensorBoard event files holds: a row for each step of its writer."""
    import numpy
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(folder, size_guidance={"scalars": 0}).Reload()
    rows = {}
    for tag in events.Tags()["scalars"]:
        for event in events.Scalars(tag):
            rows.setdefault(event.step, {"global_step": json.dumps(event.step)})[tag] = str(numpy.float32(event.value))
    return [{"step": None, "flush": True, "values": rows[step]} for step in sorted(rows)]


def witness_runs():
    from wandb.sdk.wandb_run import Run

    start, log, follow = Run._on_start, Run._log_artifact, Run._tensorboard_callback

    def start_and_keep(self):
        of(self)
        return start(self)

    def follow_and_keep(self, logdir, *args, **named):
        event_folders.setdefault(self.path, []).append(os.path.abspath(logdir))
        return follow(self, logdir, *args, **named)

    def log_and_keep(self, *args, **named):
        artifact = log(self, *args, **named)
        of(self)[2].append(artifact)
        return artifact

    Run._on_start, Run._log_artifact, Run._tensorboard_callback = start_and_keep, log_and_keep, follow_and_keep


if __name__ == "__main__":
    witness_rows()
    witness_runs()
    sys.argv = sys.argv[1:]
    if sys.argv[0].endswith(".py"):
        sys.argv[0] = os.path.join(os.path.dirname(os.path.abspath(__file__)), sys.argv[0])
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        sys.path[0] = os.getcwd()
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
