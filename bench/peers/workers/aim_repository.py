"""Aim: a repository of RocksDB containers in a folder, written in the training process; its own server for the page."""
import multiprocessing
import pathlib
import sys
import time
import urllib.parse
import urllib.request

from worker import Budget, NotThere, Opened, Rows, System, Tally, answers, calls_of, filling, free_port, serve, start_process, table_run

# Points a line of its page's default.
PAGE_POINTS = 500


class Aim(System):
    durable_at_finish = True
    library = "aim"
    attached = False

    def start(self, folder):
        import aim

        self.aim = aim
        self.folder = str(pathlib.Path(folder, "repository"))
        pathlib.Path(self.folder).mkdir()
        self.repo = aim.Repo(self.folder, init=True)
        self.indexed = set()

    def attach(self, folder):
        import aim

        self.aim, self.folder, self.repo, self.attached = aim, folder, aim.Repo(folder), True

    def open(self, name, console=False):
        run = self.open_run(name, console)
        return Opened(lambda row, step: run.track(row, step=step), run.close, run)

    def after_finish(self):
        """One process at a time can: of several, the one that reads."""
        if not self.attached:
            self.index()

    def open_console(self, name):
        return self.open(name, console=True)

    def console_of(self, run):
        logs = self.named(run).get_terminal_logs()
        return "\n".join(value.data for _, (value, *_) in logs.data.items())

    def named(self, name):
        """The run of that name, to read."""
        self.index()
        (found,) = [run for run in self.aim.Repo(self.folder).iter_runs() if run.name == name]
        return found

    def log_image(self, opened, path, step):
        opened.run.track(self.aim.Image(path), name="image", step=step)

    def images_of(self, run):
        from aim.storage.context import Context

        for _, (value, *_) in self.named(run).get_image_sequence("image", Context({})).data.items():
            yield bytes(value.storage["data"])

    def log_artifact(self, opened, name, folder):
        kept = pathlib.Path(self.folder, "kept")
        kept.mkdir(exist_ok=True)
        opened.run.set_artifacts_uri(f"file://{kept}")
        opened.run.log_artifacts(folder, name, block=True)

    def fetch_artifact(self, run, name, into):
        for artifact in self.named(run).artifacts.values():
            place = pathlib.Path(into, pathlib.Path(artifact.name).relative_to(name)).parent
            place.mkdir(parents=True, exist_ok=True)
            artifact.download(str(place))

    def open_run(self, name, console=False):
        quiet = {"system_tracking_interval": None, "log_system_params": False, "capture_terminal_logs": console}
        run = self.aim.Run(repo=self.repo, **({} if self.plain else quiet))
        run.name = name
        return run

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        given = Rows(pool, spike)
        opened = [self.open_run(run) for run in runs]
        calls = []
        done = 0
        began = time.perf_counter()
        for begin, end in Budget(rows, max(10, 2000 // len(runs)), seconds):
            for run in opened:
                for step in range(begin, end):
                    at = time.perf_counter()
                    run.track(given.at(step), step=step)
                    calls.append(time.perf_counter() - at)
            done = end
        for run in opened:
            run.close()
        self.index()
        return {"rows": [done] * len(runs), "seconds": time.perf_counter() - began, "calls": calls_of(calls)}

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        """As `write`, by two processes."""
        with multiprocessing.get_context("spawn").Pool(2) as processes:
            list(processes.imap_unordered(fill_some, [(self.folder, pool, runs[at::2], rows, spike, seconds) for at in range(2)]))
        self.index()

    def index(self):
        """Nothing can be read of a run before it is in the index, which its server makes in the background."""
        from aim.sdk.index_manager import RepoIndexManager

        manager = RepoIndexManager(self.aim.Repo(self.folder))
        for run in manager.repo.list_all_runs():
            if run not in self.indexed:
                manager.index(run)
                self.indexed.add(run)

    def read_back(self, runs):
        self.index()
        wanted = set(runs)
        read = {}
        for run in self.aim.Repo(self.folder).iter_runs():
            if run.name not in wanted:
                continue
            tally = Tally()
            for metric in run.metrics():
                steps, (values, *_) = metric.data.numpy()
                for step, value in zip(steps, values):
                    tally.add(metric.name, int(step), float(value))
            read[run.name] = tally.keys
        return read

    def open_page(self):
        if self.server:
            return self.url
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        aim = str(pathlib.Path(sys.prefix, "bin", "aim"))
        command = [aim, "up", "--repo", self.folder, "--host", "127.0.0.1", "--port", str(port), "-y"]
        self.server = start_process(command, self.folder, lambda: answers(f"{self.url}/api/projects/"), cwd=self.folder)
        return self.url

    def page(self):
        self.open_page()
        (first, *_) = self.aim.Repo(self.folder).list_all_runs()
        return {"url": self.url, "path": f"/runs/{first}/metrics", "key": ""}

    def get(self, path, **query):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(query)}", timeout=900) as response:
            return response.read()

    def screen(self, runs, keys, buckets):
        return self.get("/api/runs/search/metric/", q="metric.name.startswith('metric_')", p=PAGE_POINTS, report_progress="false")

    def chart(self, runs, key, buckets):
        return self.get("/api/runs/search/metric/", q=f"metric.name == {key!r} and run.name in {runs!r}", p=PAGE_POINTS, report_progress="false")

    def seen_by_screen(self, body):
        import struct

        # Values, steps, epochs, times of each line are arrays of doubles in the answer.
        return {"points": len(body) // 32, "spikes": body.count(struct.pack("<d", 1000.0))}

    def zoom(self, **_):
        raise NotThere("its page zooms into the points it has")

    def last(self, runs):
        return self.table()

    def scan(self, runs):
        return sum(
            len(metric.data.numpy()[0]) for run in self.aim.Repo(self.folder).iter_runs() for metric in run.metrics()
        )

    def fill_runs(self, count, seconds):
        for number, _ in filling(count, 1, seconds):
            made = table_run(number)
            run = self.open_run(made["name"])
            run["hparams"] = made["config"]
            run.track(made["summary"], step=99)
            run.close()
        self.index()

    def table(self):
        return self.get("/api/runs/search/run/", limit=45, exclude_params="false", exclude_traces="false", report_progress="false")

    def sort(self):
        raise NotThere("its page sorts what it has loaded")

    def filter(self):
        return self.get(
            "/api/runs/search/run/", q='run.hparams.model == "model-3" and run.metrics["accuracy", {}].last > 0.9',
            limit=45, report_progress="false",
        )


def fill_some(given):
    """In a process of its own."""
    import aim

    folder, pool, runs, rows, spike, seconds = given
    system = Aim()
    system.aim, system.repo = aim, aim.Repo(folder)
    lines = Rows(pool, spike)
    opened = [system.open_run(run) for run in runs]
    for begin, end in filling(rows, 10, seconds):
        for run in opened:
            for step in range(begin, end):
                run.track(lines.at(step), step=step)
    for run in opened:
        run.close()


if __name__ == "__main__":
    serve(Aim())
