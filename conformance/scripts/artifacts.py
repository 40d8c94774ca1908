"""Artifacts as the official client makes them, lists them and reads them; one JSON value on standard output."""

import hashlib
import json
import os
import sys

import wandb
from wandb.sdk.artifacts.artifact_file_cache import get_artifact_file_cache

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

elif asked == "digest":
    # What the client makes of these: a file, a folder, or an address.
    digests = []
    for path in words:
        artifact = wandb.Artifact("compared", type="dataset")
        if os.path.isdir(path):
            artifact.add_dir(path)
        elif os.path.isfile(path):
            artifact.add_file(path)
        else:
            artifact.add_reference(path)
        digests.append(artifact.digest)
    print(json.dumps(digests))

elif asked == "read":
    # All of each version: what it is, who made it, the files as they come, and which of them the cache had before.
    found = {}
    for name in words:
        artifact = wandb.Api().artifact(name)
        entries = artifact.manifest.entries
        cached = [
            path
            for path, entry in entries.items()
            if not entry.ref
            and get_artifact_file_cache().check_digest_obj_path(entry.digest, entry.size)[1]
        ]
        run = artifact.logged_by()
        folder = artifact.download(root=os.path.join(os.getcwd(), "read", name))
        files = {}
        for root, _, names in os.walk(folder):
            for one in names:
                path = os.path.join(root, one)
                with open(path, "rb") as file:
                    files[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
        found[name] = {
            "name": f"{artifact.name.split(':')[0]}:{artifact.version}",
            "type": artifact.type,
            "description": artifact.description,
            "aliases": sorted(artifact.aliases),
            "digest": artifact.digest,
            "files": files,
            "references": {path: entry.ref for path, entry in entries.items() if entry.ref},
            "cached": sorted(cached),
            "run": {"id": run.id, "job": run.job_type, "state": run.state, "config": dict(run.config)},
        }
    print(json.dumps(found))

elif asked == "put":
    # What `wandb artifact put` is in a program.
    path, project, name = words
    with wandb.init(project=project, settings=wandb.Settings(silent=True)) as run:
        artifact = wandb.Artifact(name, type="dataset")
        artifact.add_dir(path)
        run.log_artifact(artifact).wait()
    print(json.dumps(artifact.name))
