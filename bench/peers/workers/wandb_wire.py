"""The wire that the official client speaks, straight: GraphQL to make runs, file_stream to send their rows."""
import base64
import concurrent.futures
import http.client
import json
import time
import urllib.parse

from worker import Budget, Rows, System

CREATE = """mutation UpsertBucket($name: String, $project: String, $entity: String, $config: JSONString) {
  upsertBucket(input: {name: $name, modelName: $project, entityName: $entity, config: $config}) { bucket { id name } } }"""
CONNECTIONS = 8
ROWS_A_REQUEST = 1000


class WandbWire(System):
    """A server of that wire; subclasses start it and read back. `self.url`, `self.key` and `self.entity` are theirs."""

    project = "bench"
    url = key = entity = ""

    def connect(self):
        at = urllib.parse.urlparse(self.url)
        return http.client.HTTPConnection(at.hostname, at.port, timeout=600)

    def request(self, connection, method, path, body=None):
        headers = {"authorization": self.authorization(), "content-type": "application/json"}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {path} answered {response.status}: {text[:300]}")
        return text

    def authorization(self):
        return "Basic " + base64.b64encode(f"api:{self.key}".encode()).decode()

    def make_run(self, connection, name, config=None):
        body = {
            "query": CREATE,
            "variables": {
                "name": name,
                "project": self.project,
                "entity": self.entity,
                "config": json.dumps({key: {"value": value} for key, value in (config or {}).items()}),
            },
        }
        answer = json.loads(self.request(connection, "POST", "/graphql", json.dumps(body)))
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"])[:300])

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        given = Rows(pool, spike)
        connections = [self.connect() for _ in range(min(CONNECTIONS, len(runs)))]
        for run in runs:
            self.make_run(connections[0], run)
        done = {run: 0 for run in runs}
        # A client has a second of rows to send at a time, fewer of each run when there are many.
        slice_rows = max(10, min(ROWS_A_REQUEST, 20_000 // len(runs)))

        def send(at):
            connection = connections[at]
            for begin, end in Budget(rows, slice_rows, seconds):
                for run in runs[at :: len(connections)]:
                    self.stream(connection, run, given, begin, end)
                    done[run] = end

        began = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(len(connections)) as pool_of_threads:
            list(pool_of_threads.map(send, range(len(connections))))
        took = time.perf_counter() - began
        for connection in connections:
            connection.close()
        return {"rows": [done[run] for run in runs], "seconds": took}

    def stream(self, connection, run, given, begin, end):
        self.post_stream(connection, run, self.body(given, begin, end))

    def body(self, given, begin, end):
        """A request's body with those rows, as the client makes it."""
        now = 1_763_900_000
        lines = [
            json.dumps({**row, "_step": begin + at, "_runtime": 0.1 * (begin + at), "_timestamp": now + 0.1 * (begin + at)})
            for at, row in enumerate(given.between(begin, end))
        ]
        return json.dumps({"files": {"wandb-history.jsonl": {"offset": begin, "content": lines}}})

    def post_stream(self, connection, run, body):
        self.request(connection, "POST", f"/files/{self.entity}/{self.project}/{run}/file_stream", body)
