"""Print what the official client's own reader finds in a .wandb log: rows, other kinds, exit code, run."""
import json
import sys

from wandb.proto import wandb_internal_pb2 as pb
from wandb.sdk.internal import datastore

store = datastore.DataStore()
store.open_for_scan(sys.argv[1])
rows = []
kinds = []
code = None
run = None
while True:
    data = store.scan_data()
    if data is None:
        break
    record = pb.Record()
    record.ParseFromString(data)
    kind = record.WhichOneof("record_type")
    if kind == "history":
        rows.append([record.history.step.num, {item.key or item.nested_key[0]: item.value_json for item in record.history.item}])
    else:
        kinds.append(kind)
    if kind == "exit":
        code = record.exit.exit_code
    if kind == "run":
        config = {(item.key or item.nested_key[0]): item.value_json for item in record.run.config.update}
        run = [record.run.run_id, record.run.project, list(record.run.tags), config]
print(json.dumps({"rows": rows, "kinds": kinds, "code": code, "run": run}))
