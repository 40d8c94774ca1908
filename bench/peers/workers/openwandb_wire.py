"""OpenWandb, another server for the official client, by the same wire."""
import contextlib
import json
import os
import pathlib
import sqlite3
import sys

from wandb_wire import WandbWire
from worker import NotThere, Rows, Tally, answers, end_process, filling, free_port, post_json, serve, start_process, table_run


class OpenWandb(WandbWire):
    # What its documents say to use.
    key = "local0000000000000000000000000000000000000000"
    entity = "default"

    def start(self, folder, python=sys.executable):
        self.folder = folder
        self.python = python
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.launch()

    def launch(self):
        data = pathlib.Path(self.folder, "data")
        command = [self.python, "-m", "openwandb", "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--data-dir", str(data), "--log-level", "error"]
        environment = {**os.environ, "OPENWANDB_DATA_DIR": str(data)}
        self.server = start_process(command, self.folder, lambda: answers(f"{self.url}/login"), env=environment)

    def database(self):
        return sqlite3.connect(pathlib.Path(self.folder, "data", "openwandb.db"), timeout=60)

    def read_back(self, runs):
        """From its database: its own answers end after 10,000 rows of a key."""
        read = {run: Tally() for run in runs}
        with self.database() as database:
            for run, key, step, value in database.execute("SELECT run_id, key, step, value FROM metrics"):
                if run in read:
                    read[run].add(key, step, value)
        return {run: tally.keys for run, tally in read.items()}

    def last_step(self, run, at_least=0):
        with contextlib.closing(self.database()) as database:
            (last,) = database.execute("SELECT max(step) FROM metrics WHERE run_id = ? AND key = 'metric_0'", [run]).fetchone()
        return -1 if last is None else last

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        """Past its doors, into its database."""
        given = Rows(pool, spike)
        connection = self.connect()
        for run in runs:
            self.make_run(connection, run)
        with self.database() as database:
            for begin, end in filling(rows, max(100, 20_000 // len(runs)), seconds):
                for run in runs:
                    database.executemany(
                        "INSERT INTO metrics (run_id, key, step, value, wall_time) VALUES (?,?,?,?,?)",
                        ((run, key, step, value, 0.1 * step) for step in range(begin, end) for key, value in given.at(step).items()),
                    )
            database.execute("UPDATE runs SET summary_json = ?", [json.dumps(given.at(rows - 1))])

    def open_page(self):
        return self.url

    def screen(self, runs, keys, buckets):
        """Its page asks for a run's every key, the first 10,000 rows of each."""
        return [post_json(f"{self.url}/api/v2/runs/{run}/metrics", None) for run in runs]

    def seen_by_screen(self, bodies):
        runs = [json.loads(body)["metrics_by_key"] for body in bodies]
        spikes = sum(any(point["value"] == 1000 for point in run.get("metric_0", [])) for run in runs)
        return {"points": sum(len(points) for run in runs for points in run.values()), "spikes": spikes}

    def zoom(self, **_):
        raise NotThere("its page zooms into the points it has")

    def last(self, runs):
        return self.table()

    def scan(self, runs):
        raise NotThere("its answers end after 10,000 rows of a key")

    def fill_runs(self, count, seconds):
        """Past its doors, into its database; the last values are rows of its metrics."""
        now = "2026-01-01T00:00:00"
        connection = self.connect()
        self.make_run(connection, "first")
        with self.database() as database:
            (project,) = database.execute("SELECT project_id FROM runs").fetchone()
            for begin, end in filling(count, 10_000, seconds):
                made = [table_run(number) for number in range(begin, end)]
                database.executemany(
                    "INSERT INTO runs (project_id, run_id, display_name, state, config_json, summary_json, created_at, updated_at, heartbeat_at) VALUES (?,?,?,?,?,?,?,?,?)",
                    [(project, run["name"], run["name"], "finished", json.dumps(run["config"]), json.dumps(run["summary"]), now, now, now) for run in made],
                )
                database.executemany(
                    "INSERT INTO metrics (run_id, key, step, value, wall_time) VALUES (?,?,?,?,?)",
                    [(run["name"], key, 99, value, 0) for run in made for key, value in run["summary"].items()],
                )

    def table(self):
        return post_json(f"{self.url}/api/v2/projects/{self.entity}/{self.project}/runs?limit=100", None, {"authorization": self.authorization()})

    def seen_by_table(self, body):
        return {"points": len(json.loads(body)["runs"])}

    seen_by_last = seen_by_table

    def sort(self):
        raise NotThere("its page shows the newest 100 runs as they come")

    filter = sort

    def settle(self):
        end_process(self.server)
        with self.database() as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


if __name__ == "__main__":
    serve(OpenWandb())
