"""Trackio as `trackio.init()` has it: SQLite in the training process, a server of its own for the page."""
import contextlib
import json
import os
import pathlib
import sqlite3
import sys

from worker import NotThere, Opened, Rows, System, Tally, answers, end_process, filling, free_port, post_json, serve, start_process, table_run

# Runs of one question, by its server and its page.
RUNS_A_QUESTION = 64


class Trackio(System):
    project = "bench"
    library = "trackio"
    one_run = "its init() ends the run before: a process has one at a time"

    def start(self, folder):
        os.environ.update(TRACKIO_DIR=folder, HF_HUB_OFFLINE="1", GRADIO_ANALYTICS_ENABLED="False")
        self.folder = folder
        import trackio

        self.trackio = trackio

    def attach(self, folder):
        self.start(folder)

    def open(self, name):
        run = self.open_run(name)
        return Opened(lambda row, step: run.log(row, step=step), run.finish, run)

    def log_image(self, opened, path, step):
        opened.run.log({"image": self.trackio.Image(path)}, step=step)

    def log_table(self, opened, at, columns, rows):
        opened.run.log({"table": self.trackio.Table(columns=columns, data=rows)}, step=at)

    def images_of(self, run):
        from trackio.sqlite_storage import SQLiteStorage
        from trackio.utils import MEDIA_DIR

        for row in SQLiteStorage.get_logs(self.project, run):
            if "image" in row:
                yield (pathlib.Path(MEDIA_DIR) / row["image"]["file_path"]).read_bytes()

    def tables_of(self, run):
        from trackio.sqlite_storage import SQLiteStorage

        logs = SQLiteStorage.get_logs(self.project, run)
        return [[list(one.values()) for one in row["table"]["_value"]] for row in logs if "table" in row]

    def log_artifact(self, opened, name, folder):
        made = self.trackio.Artifact(name, type="dataset")
        made.add_dir(folder)
        opened.run.log_artifact(made)

    def fetch_artifact(self, run, name, into):
        opened = self.open(f"{run}-reader")
        opened.run.use_artifact(f"{name}:latest").download(into)
        opened.finish()

    def last_step(self, run, at_least=0):
        from trackio.sqlite_storage import SQLiteStorage

        with contextlib.closing(sqlite3.connect(SQLiteStorage.get_project_db_path(self.project))) as database:
            (last,) = database.execute("SELECT max(step) FROM metrics WHERE run_name = ?", [run]).fetchone()
        return -1 if last is None else last

    def open_run(self, name, config=None):
        quiet = {} if self.plain else {"auto_log_gpu": False, "auto_log_cpu": False}
        return self.trackio.init(project=self.project, name=name, config=config, embed=False, **quiet)

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        return self.write_one_by_one(Rows(pool, spike), runs, rows, seconds)

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        from trackio.sqlite_storage import SQLiteStorage

        given = Rows(pool, spike)
        for begin, end in filling(rows, max(100, 20_000 // len(runs)), seconds):
            steps = list(range(begin, end))
            for run in runs:
                SQLiteStorage.bulk_log(self.project, run, given.between(begin, end), steps=steps, run_id=run)

    def read_back(self, runs):
        from trackio.sqlite_storage import SQLiteStorage

        read = {}
        for run in runs:
            tally = Tally()
            for row in SQLiteStorage.get_logs(self.project, run):
                for key, value in row.items():
                    if key not in ("timestamp", "step"):
                        tally.add(key, row["step"], value if isinstance(value, (int, float)) else float("nan"))
            read[run] = tally.keys
        return read

    def open_page(self):
        if self.server:
            return
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        code = f"import trackio; trackio.show(project={self.project!r}, open_browser=False, block_thread=True, host='127.0.0.1', server_port={port})"
        self.server = start_process([sys.executable, "-c", code], self.folder, lambda: answers(f"{self.url}/version"))

    def call(self, name, body):
        return post_json(f"{self.url}/api/{name}", body)

    def screen(self, runs, keys, buckets):
        """Its page asks for all keys of its runs at once; the server picks 3000 points a run."""
        named = [{"run": run["name"], "run_id": run["id"]} for run in self.records()][: len(runs)]
        chunks = [named[at : at + RUNS_A_QUESTION] for at in range(0, len(named), RUNS_A_QUESTION)]
        return [
            self.call("get_logs_batch", {"project": self.project, "runs": chunk, "scalar_only": True}) for chunk in chunks
        ]

    def records(self):
        return json.loads(self.call("get_runs_for_project", {"project": self.project}))["data"]

    def seen_by_screen(self, bodies):
        logs = [run["logs"] for body in bodies for run in json.loads(body)["data"]]
        spikes = sum(any(row.get("metric_0") == 1000 for row in rows) for rows in logs)
        return {"points": sum(len(row) - 2 for rows in logs for row in rows), "spikes": spikes}

    def zoom(self, **_):
        raise NotThere("its page zooms into the points it has")

    def last(self, runs):
        return [self.call("get_run_summary", {"project": self.project, "run": run}) for run in runs]

    def scan(self, runs):
        from trackio.sqlite_storage import SQLiteStorage

        return sum(len(row) - 2 for run in runs for row in SQLiteStorage.get_logs(self.project, run))

    def fill_runs(self, count, seconds):
        from trackio.sqlite_storage import SQLiteStorage

        for number, _ in filling(count, 1, seconds):
            made = table_run(number)
            SQLiteStorage.bulk_log(self.project, made["name"], [made["summary"]], steps=[99], config=made["config"], run_id=made["name"])

    def table(self):
        records = self.call("get_runs_for_project", {"project": self.project})
        return records + self.call("get_run_configs", {"project": self.project})

    def sort(self):
        raise NotThere("its page asks for all runs and sorts by itself")

    filter = sort

    def settle(self):
        from trackio.sqlite_storage import SQLiteStorage

        end_process(self.server)
        with contextlib.closing(sqlite3.connect(SQLiteStorage.get_project_db_path(self.project))) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    serve(Trackio())
