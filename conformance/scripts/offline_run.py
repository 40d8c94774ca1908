"""An offline run of the official client with what such runs have; prints where its log is and what went into it."""

import hashlib
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
# Media: what each type makes of a file, and of values.
here = os.path.abspath("media-source")
os.makedirs(here)


def made(name, content):
    path = os.path.join(here, name)
    with open(path, "w") as out:
        out.write(content)
    return path


run.log(
    {
        "table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2.5, "한글"], [None, "z"]]),
        "page": wandb.Html("<b>bold</b>"),
        "shape": wandb.Object3D(open(made("cube.obj", "v 0 0 0\n"))),
        "clip": wandb.Video(made("clip.mp4", "no real video")),
        "molecule": wandb.Molecule(made("water.pdb", "HETATM    1  O\n")),
    }
)
# Artifacts: files, a folder, a reference, several versions, code.
artifacts = {}
for version in range(2):
    made("data.txt", "data of version %d" % version)
    os.makedirs(os.path.join(here, "deep"), exist_ok=True)
    made("deep/part.txt", "part")
    artifact = wandb.Artifact("set-" + run.id, type="dataset", description="words", metadata={"rows": 3})
    artifact.add_file(os.path.join(here, "data.txt"))
    artifact.add_dir(os.path.join(here, "deep"), name="inside")
    artifact.add_reference("https://example.invalid/x", name="elsewhere", checksum=False)
    run.log_artifact(artifact, aliases=["latest", "round-%d" % version])
    artifacts["set-%s:v%d" % (run.id, version)] = {
        "data.txt": "data of version %d" % version,
        "inside/part.txt": "part",
    }
os.makedirs("code")
with open("code/train.py", "w") as out:
    out.write("print('train')\n")
run.log_code("code", name="code-" + run.id)
artifacts["code-%s:v0" % run.id] = {"train.py": "print('train')\n"}
folder = os.path.dirname(run.dir)
run.finish(exit_code=3)
files = {}
for at, _, names in os.walk(os.path.join(folder, "files")):
    for name in names:
        path = os.path.join(at, name)
        with open(path, "rb") as saved:
            files[os.path.relpath(path, os.path.join(folder, "files"))] = hashlib.sha256(saved.read()).hexdigest()
log = [name for name in os.listdir(folder) if name.endswith(".wandb")][0]
print("RESULT " + json.dumps({"log": os.path.join(folder, log), "rows": rows, "files": files, "artifacts": artifacts}))
