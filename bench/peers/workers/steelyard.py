"""Steelyard, by the wire."""
import concurrent.futures
import json
import pathlib
import struct
import time

from wandb_wire import WandbWire
from worker import Rows, Tally, answers, filling, free_port, post_json, serve, start_process, table_run

# The page's own, of its runs table.
TABLE = """query TableRuns($entity: String, $project: String, $filters: JSONString, $order: String, $first: Int) {
  project(name: $project, entityName: $entity) { runCount(filters: $filters) runs(filters: $filters, order: $order, first: $first) {
    edges { node { id name displayName state createdAt config summaryMetrics } } pageInfo { endCursor hasNextPage } } } }"""


# Of the page's lines: packages/web/src/workspace/series.ts.
COLUMNS = ["xFirst", "xLast", "min", "max", "last", "count", "nonFinite"]

# Making runs waits for the disk, and who waits together shares its turn: enough of them that the server is what bounds it.
FILL_CONNECTIONS = 32


def read_series(body):
    """[[(key, {column: numbers})]] by question, of an answer of /api/v1/series: docs/formats/series.md."""
    _, _, length, _ = struct.unpack_from("<4I", body)
    header = json.loads(body[16 : 16 + length])
    start = (16 + length + 7) & ~7
    return [
        [(line["key"], read_columns(body, start, question["columns"], line)) for line in question["series"]]
        for question in header["questions"]
    ]


def read_columns(body, start, names, line):
    columns = []
    for kind, *where in line["places"]:
        if kind == "=":
            columns.append(columns[where[0]])
        elif kind == "s":
            first, stride = where
            columns.append([first + at * stride for at in range(line["length"])])
        else:
            columns.append(struct.unpack_from(f"<{line['length']}{kind}", body, start + where[0]))
    return dict(zip(names, columns))


def half_line(row):
    """A row of a request's body, to which its step is to be added: a text in JSON, of an object in JSON."""
    return json.dumps(json.dumps(row)[:-1])[:-1]


def body_of(lines, given, begin, end):
    """As the client makes it, of rows that are JSON already."""
    now = 1_763_900_000

    def line(step):
        half = half_line(given.at(step)) if step == given.spike else lines[step % len(lines)]
        at = 0.1 * step
        return f'{half}, \\"_step\\": {step}, \\"_runtime\\": {at}, \\"_timestamp\\": {now + at}}}"'

    content = ", ".join(map(line, range(begin, end)))
    return f'{{"files": {{"wandb-history.jsonl": {{"offset": {begin}, "content": [{content}]}}}}}}'.encode()


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
        """The same lines for every run, made once: most of the time is the server's."""
        given = Rows(pool, spike)
        connections = [self.connect() for _ in range(min(4, len(runs)))]
        for run in runs:
            self.make_run(connections[0], run)
        with concurrent.futures.ThreadPoolExecutor(len(connections)) as threads:
            lines = [half_line(row) for row in given.pool]
            for begin, end in filling(rows, 2000, seconds):
                body = body_of(lines, given, begin, end)

                def send(at, body=body):
                    for run in runs[at :: len(connections)]:
                        self.post_stream(connections[at], run, body)

                list(threads.map(send, range(len(connections))))

    def open_page(self):
        return self.url

    def series(self, runs, keys, buckets, **window):
        questions = [{"keys": [key], "buckets": buckets, "columns": COLUMNS, **window} for key in keys]
        body = {"entity": self.entity, "project": self.project, "runs": runs, "questions": questions}
        return post_json(f"{self.url}/api/v1/series", body, {"authorization": self.authorization()})

    def screen(self, runs, keys, buckets):
        """As the page: one request for all charts."""
        return self.series(runs, keys, buckets)

    def seen_by_screen(self, body):
        lines = [line for question in read_series(body) for line in question]
        spikes = sum(key == "metric_0" and 1000.0 in columns["max"] for key, columns in lines)
        return {"points": sum(len(columns["max"]) for _, columns in lines), "spikes": spikes}

    def zoom(self, runs, key, buckets, begin, end):
        return self.series(runs, [key], buckets, min=begin, max=end)

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
        connections = [self.connect() for _ in range(FILL_CONNECTIONS)]

        def make(at, begin, end):
            for number in range(begin + at, end, len(connections)):
                run = table_run(number)
                self.make_run(connections[at], run["name"], run["config"])
                body = {"files": {"wandb-summary.json": {"offset": 0, "content": [json.dumps(run["summary"])]}}, "complete": True, "exitcode": 0}
                self.post_stream(connections[at], run["name"], json.dumps(body))

        with concurrent.futures.ThreadPoolExecutor(len(connections)) as threads:
            for begin, end in filling(count, 1000, seconds):
                list(threads.map(lambda at, begin=begin, end=end: make(at, begin, end), range(len(connections))))

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
