"""Steelyard, by the wire."""
import array
import concurrent.futures
import json
import pathlib
import struct
import time

from wandb_wire import WandbWire
from worker import Budget, Rows, Tally, answers, free_port, post_json, serve, start_process, table_run

# The page's own, of its runs table.
TABLE = """query TableRuns($entity: String, $project: String, $filters: JSONString, $order: String, $first: Int) {
  project(name: $project, entityName: $entity) { runCount(filters: $filters) runs(filters: $filters, order: $order, first: $first) {
    edges { node { id name displayName state createdAt config summaryMetrics } } pageInfo { endCursor hasNextPage } } } }"""


def read_series(body):
    """[(header, its numbers)] of an answer of /api/v1/series: see packages/protocol/src/series."""
    (length,) = struct.unpack_from("<I", body)
    headers = json.loads(body[4 : 4 + length])["series"]
    numbers = array.array("d", body[(4 + length + 7) & ~7 :])
    columns = len(numbers) // max(1, sum(header["length"] for header in headers))
    lines = []
    at = 0
    for header in headers:
        lines.append((header, numbers[at : at + columns * header["length"]]))
        at += columns * header["length"]
    return lines


class Steelyard(WandbWire):
    entity = "admin"

    def start(self, folder, node, main):
        data = pathlib.Path(folder, "data")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.command = [node, main, "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(data), "--log-level", "error"]
        self.folder = folder
        self.launch()
        self.key = (data / "admin-api-key").read_text().strip()

    def launch(self):
        self.server = start_process(self.command, self.folder, lambda: answers(f"{self.url}/readyz"))

    def authorization(self):
        return f"Bearer {self.key}"

    def read_back(self, runs):
        connection = self.connect()
        read = {}
        for run in runs:
            path = f"/api/v1/export?entity={self.entity}&project={self.project}&run={run}&format=jsonl"
            tally = Tally()
            for line in self.request(connection, "GET", path).splitlines():
                row = json.loads(line)
                step = row["_step"]
                for key, value in row.items():
                    if not key.startswith("_"):
                        # The dialect of the wire: JSON has no word for NaN.
                        tally.add(key, step, float("nan") if value == "NaN" else value)
            read[run] = tally.keys
        return read

    def last_step(self, run, at_least=0):
        path = f"/api/v1/export?entity={self.entity}&project={self.project}&run={run}&format=jsonl&minStep={at_least}"
        lines = self.request(self.connect(), "GET", path).splitlines()
        return json.loads(lines[-1])["_step"] if lines else -1

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        """The same lines for every run, made once."""
        given = Rows(pool, spike)
        connections = [self.connect() for _ in range(min(4, len(runs)))]
        for run in runs:
            self.make_run(connections[0], run)
        done = 0
        began = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(len(connections)) as threads:
            for begin, end in Budget(rows, 2000, seconds):
                body = self.body(given, begin, end)

                def send(at, body=body):
                    for run in runs[at :: len(connections)]:
                        self.post_stream(connections[at], run, body)

                list(threads.map(send, range(len(connections))))
                done = end
        return {"rows": [done] * len(runs), "seconds": time.perf_counter() - began}

    def open_page(self):
        return self.url

    def series(self, runs, keys, buckets, begin=None, end=None):
        question = {"entity": self.entity, "project": self.project, "runs": runs, "keys": keys, "buckets": buckets}
        if begin is not None:
            question |= {"min": begin, "max": end}
        return post_json(f"{self.url}/api/v1/series", question, {"authorization": self.authorization()})

    def screen(self, runs, keys, buckets):
        """As the page: one request a chart when there are a hundred runs, four at a time; all keys of few runs at once."""
        at_once = max(1, min(24, 100 // len(runs)))
        groups = [keys[at : at + at_once] for at in range(0, len(keys), at_once)]
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            return list(threads.map(lambda group: self.series(runs, group, buckets), groups))

    def seen_by_screen(self, bodies):
        columns = [read_series(body) for body in bodies]
        lines = [(header, line) for group in columns for header, line in group]
        spikes = sum(header["key"] == "metric_0" and 1000.0 in line for header, line in lines)
        return {"points": sum(header["length"] for header, _ in lines), "spikes": spikes}

    def zoom(self, runs, key, buckets, begin, end):
        return [self.series(runs, [key], buckets, begin, end)]

    seen_by_zoom = seen_by_screen

    def last(self, runs):
        """The runs of a project with their summaries: what the runs table shows."""
        return self.table()

    def scan(self, runs):
        path = "/api/v1/export?entity={}&project={}&run={}&format=jsonl"
        connection = self.connect()
        return sum(
            len(json.loads(line)) - 3
            for run in runs
            for line in self.request(connection, "GET", path.format(self.entity, self.project, run)).splitlines()
        )

    def fill_runs(self, count, seconds):
        began = time.perf_counter()
        threads = 8
        done = [0] * threads

        def make(at):
            connection = self.connect()
            for number in range(at, count, threads):
                if time.perf_counter() - began > seconds:
                    return
                run = table_run(number)
                self.make_run(connection, run["name"], run["config"])
                body = {"files": {"wandb-summary.json": {"offset": 0, "content": [json.dumps(run["summary"])]}}, "complete": True, "exitcode": 0}
                self.post_stream(connection, run["name"], json.dumps(body))
                done[at] += 1

        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(make, range(threads)))
        return sum(done)

    def table(self, filters="{}", order="-created_at"):
        variables = {"entity": self.entity, "project": self.project, "filters": filters, "order": order, "first": 50}
        return post_json(f"{self.url}/graphql", {"query": TABLE, "variables": variables}, {"authorization": self.authorization()})

    def seen_by_table(self, body):
        return {"points": len(json.loads(body)["data"]["project"]["runs"]["edges"])}

    def sort(self):
        return self.table(order="-summary_metrics.loss")

    def filter(self):
        return self.table('{"$and":[{"config.model":"model-3"},{"summary_metrics.accuracy":{"$gt":0.9}}]}')

    seen_by_sort = seen_by_filter = seen_by_last = seen_by_table

    def settle(self):
        """The background turns the journal into columns: wait until no file changes, then stop, which checkpoints."""
        before = None
        for _ in range(60):
            now = sorted((str(path), path.stat().st_size, path.stat().st_mtime) for path in pathlib.Path(self.folder).rglob("*") if path.is_file())
            if now == before:
                break
            before = now
            time.sleep(1)
        self.stop()


if __name__ == "__main__":
    serve(Steelyard())
