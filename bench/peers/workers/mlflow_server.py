"""MLflow's server on SQLite or PostgreSQL, by its own client: log_batch, synchronous, 1000 values a call (its limit)."""
import concurrent.futures
import contextlib
import io
import json
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import uuid

from worker import Budget, Opened, Rows, System, Tally, answers, end_process, filling, free_port, post_json, serve, start_process, table_run

# Of one call, by mlflow.utils.validation.
VALUES_A_CALL = 1000
CONNECTIONS = 8
# Runs of one question, points of a line: of its page.
RUNS_A_QUESTION = 100
PAGE_POINTS = 320


class Mlflow(System):
    library = "mlflow"
    postgres = None

    def start(self, folder, backend="sqlite", postgres=None):
        os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
        if not self.plain:
            # The queues of background jobs, seven processes more, are left off: the others have none.
            os.environ.update(MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING="false", MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
        self.folder = folder
        if backend == "postgresql":
            from postgresql import Postgres

            self.postgres = Postgres(folder, postgres)
            # SQLAlchemy would take another driver by the plain name.
            store = self.postgres.url.replace("postgresql:", "postgresql+psycopg2:")
        else:
            store = f"sqlite:///{folder}/mlflow.db"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--host", "127.0.0.1"]
        command += ["--port", str(port), "--default-artifact-root", f"{folder}/artifacts"]
        command += [] if self.plain else ["--workers", "2"]
        # A worker that is slow to come up on a busy machine would be killed and started again, for ever.
        command += ["--uvicorn-opts", "--timeout-worker-healthcheck 120"]
        self.command = command
        self.launch()
        from mlflow import MlflowClient

        self.client = MlflowClient(self.url)
        self.experiment = self.client.create_experiment("bench")
        self.ids = {}

    def launch(self):
        self.server = start_process(self.command, self.folder, lambda: answers(f"{self.url}/health"), cwd=self.folder)

    def attach(self, **connection):
        os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true")
        super().attach(**connection, ids={})
        from mlflow import MlflowClient

        self.client = MlflowClient(self.url)

    def servers(self):
        return super().servers() + ([self.postgres.process.pid] if self.postgres else [])

    def id_of(self, run):
        """Of a run that another process may have made."""
        if run not in self.ids:
            (found,) = self.client.search_runs([self.experiment], f"attributes.run_name = '{run}'")
            self.ids[run] = found.info.run_id
        return self.ids[run]

    def open(self, name):
        return self.open_fluent(name) if self.plain else self.open_with_client(name)

    def open_fluent(self, name):
        """As its guides do."""
        import mlflow

        mlflow.set_tracking_uri(self.url)
        mlflow.set_experiment("bench")
        run = mlflow.start_run(run_name=name)
        self.ids[name] = run.info.run_id
        return Opened(lambda row, step: mlflow.log_metrics(row, step=step), mlflow.end_run, run.info.run_id)

    def open_with_client(self, name):
        from mlflow.entities import Metric

        run_id = self.client.create_run(self.experiment, run_name=name).info.run_id
        self.ids[name] = run_id

        def log(row, step):
            now = int(time.time() * 1000)
            values = [Metric(key, value, now, step) for key, value in row.items()]
            for first in range(0, len(values), VALUES_A_CALL):
                self.client.log_batch(run_id, metrics=values[first : first + VALUES_A_CALL])

        return Opened(log, lambda: self.client.set_terminated(run_id), run_id)

    def log_image(self, opened, path, step):
        from PIL import Image

        self.client.log_image(opened.run, Image.open(path), key="image", step=step)

    def log_table(self, opened, at, columns, rows):
        self.client.log_table(opened.run, dict(zip(columns, map(list, zip(*rows)))), f"table_{at}.json")

    def files_of(self, run, path, ending):
        with tempfile.TemporaryDirectory() as folder:
            for file in self.client.list_artifacts(self.id_of(run), path):
                if file.path.endswith(ending):
                    yield pathlib.Path(self.client.download_artifacts(self.id_of(run), file.path, folder)).read_bytes()

    def images_of(self, run):
        """It keeps a smaller picture in another format beside each."""
        return self.files_of(run, "images", ".png")

    def tables_of(self, run):
        return [json.loads(body)["data"] for body in self.files_of(run, None, ".json")]

    def log_artifact(self, opened, name, folder):
        self.client.log_artifacts(opened.run, folder, name)

    def fetch_artifact(self, run, name, into):
        made = self.client.download_artifacts(self.id_of(run), name, into)
        shutil.copytree(made, into, dirs_exist_ok=True)
        shutil.rmtree(made)

    def last_step(self, run, at_least=0):
        with urllib.request.urlopen(f"{self.url}/api/2.0/mlflow/runs/get?run_id={self.id_of(run)}", timeout=900) as response:
            metrics = json.loads(response.read())["run"]["data"].get("metrics", [])
        return min((int(metric["step"]) for metric in metrics), default=-1)

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        from mlflow.entities import Metric

        given = Rows(pool, spike)
        for run in runs:
            self.ids[run] = self.client.create_run(self.experiment, run_name=run).info.run_id
        done = {run: 0 for run in runs}
        slice_rows = max(1, VALUES_A_CALL // len(given.keys))
        now = 1_763_900_000_000

        def send(at):
            for begin, end in Budget(rows, slice_rows, seconds):
                for run in runs[at::CONNECTIONS]:
                    values = [
                        Metric(key, value, now + 100 * step, step)
                        for step in range(begin, end)
                        for key, value in given.at(step).items()
                    ]
                    for first in range(0, len(values), VALUES_A_CALL):
                        self.client.log_batch(self.ids[run], metrics=values[first : first + VALUES_A_CALL])
                    done[run] = end

        began = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
            list(threads.map(send, range(min(CONNECTIONS, len(runs)))))
        return {"rows": [done[run] for run in runs], "seconds": time.perf_counter() - began}

    def read_back(self, runs):
        """From its database: its own answers are one a key."""
        read = {}
        with self.database() as connection:
            cursor = connection.cursor()
            for run in runs:
                tally = Tally()
                cursor.execute(f"SELECT key, step, value, is_nan FROM metrics WHERE run_uuid = '{self.id_of(run)}'")
                for key, step, value, nan in cursor.fetchall():
                    tally.add(key, step, float("nan") if nan else value)
                read[run] = tally.keys
        return read

    @contextlib.contextmanager
    def database(self):
        """A connection to its store, past its doors."""
        if self.postgres:
            import psycopg2

            with psycopg2.connect(self.postgres.url) as connection:
                yield connection
                # As its own vacuum would a minute later.
                connection.cursor().execute("ANALYZE")
            connection.close()
        else:
            connection = sqlite3.connect(f"{self.folder}/mlflow.db", timeout=60)
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -262144")
            with connection:
                yield connection
            connection.close()

    def insert(self, connection, table, names, rows):
        cursor = connection.cursor()
        if self.postgres:
            text = io.StringIO("".join("\t".join(map(str, row)) + "\n" for row in rows))
            cursor.copy_from(text, table, columns=names, null="None")
        else:
            marks = ", ".join("?" * len(names))
            cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        """Straight into its tables, which its own calls would take too long for."""
        given = Rows(pool, spike)
        now = 1_763_900_000_000
        names = ["key", "value", "timestamp", "run_uuid", "step", "is_nan"]
        for run in runs:
            self.ids[run] = self.client.create_run(self.experiment, run_name=run).info.run_id

        def values(run, begin, end):
            for step in range(begin, end):
                for key, value in given.at(step).items():
                    nan = value != value
                    yield key, 0 if nan else value, now + 100 * step, self.ids[run], step, nan

        with self.database() as connection:
            for begin, end in filling(rows, max(100, 20_000 // len(runs)), seconds):
                for run in runs:
                    self.insert(connection, "metrics", names, values(run, begin, end))
            for run in runs:
                self.insert(connection, "latest_metrics", names, values(run, rows - 1, rows))

    def open_page(self):
        return self.url

    def lines(self, runs, key, **more):
        query = [("run_ids", self.ids[run]) for run in runs[:RUNS_A_QUESTION]]
        query += [("metric_key", key), ("max_results", PAGE_POINTS), *more.items()]
        url = f"{self.url}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=900) as response:
            return response.read()

    def screen(self, runs, keys, buckets):
        """A request a chart, six at a time as a browser does."""
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            return list(threads.map(lambda key: self.lines(runs, key), keys))

    def seen_by_screen(self, bodies):
        points = [point for body in bodies for point in json.loads(body).get("metrics", [])]
        spikes = sum(point["value"] == 1000 for point in points)
        return {"points": len(points), "spikes": spikes}

    def zoom(self, runs, key, buckets, begin, end):
        return [self.lines(runs, key, start_step=begin, end_step=end)]

    seen_by_zoom = seen_by_screen

    def search(self, **more):
        body = {"experiment_ids": [self.experiment], "max_results": 100, "run_view_type": "ACTIVE_ONLY", **more}
        return post_json(f"{self.url}/ajax-api/2.0/mlflow/runs/search", body)

    def last(self, runs):
        return self.search()

    def scan(self, runs):
        return sum(
            len(self.client.get_metric_history(self.ids[run], key))
            for run in runs
            for key in self.client.get_run(self.ids[run]).data.metrics
        )

    def fill_runs(self, count, seconds):
        """Straight into its tables."""
        now = 1_763_900_000_000
        fields = ["run_uuid", "name", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage", "artifact_uri", "user_id", "source_type", "source_name", "entry_point_name", "source_version"]
        with self.database() as connection:
            for begin, end in filling(count, 10_000, seconds):
                made = [(number, uuid.uuid4().hex, table_run(number)) for number in range(begin, end)]
                self.insert(connection, "runs", fields, [
                    (at, run["name"], int(self.experiment), "FINISHED", now + number, now + number, "active", f"{self.folder}/artifacts/{at}", "bench", "LOCAL", "", "", "")
                    for number, at, run in made
                ])
                self.insert(connection, "params", ["key", "value", "run_uuid"], [
                    (key, str(value), at) for _, at, run in made for key, value in run["config"].items()
                ])
                self.insert(connection, "latest_metrics", ["key", "value", "timestamp", "run_uuid", "step", "is_nan"], [
                    (key, value, now, at, 99, False) for _, at, run in made for key, value in run["summary"].items()
                ])
                self.insert(connection, "tags", ["key", "value", "run_uuid"], [("mlflow.runName", run["name"], at) for _, at, run in made])

    def table(self):
        return self.search(order_by=["attributes.start_time DESC"])

    def sort(self):
        return self.search(order_by=["metrics.`loss` DESC"])

    def filter(self):
        return self.search(filter="params.model = 'model-3' AND metrics.accuracy > 0.9")

    def seen_by_table(self, body):
        return {"points": len(json.loads(body).get("runs", []))}

    seen_by_sort = seen_by_filter = seen_by_last = seen_by_table

    def settle(self):
        end_process(self.server)
        for path in pathlib.Path(self.folder).glob("*.db"):
            with sqlite3.connect(path) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if self.postgres:
            self.postgres.checkpoint()

    def stop(self):
        end_process(self.server)
        if self.postgres:
            self.postgres.stop()


if __name__ == "__main__":
    serve(Mlflow())
