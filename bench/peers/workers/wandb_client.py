"""The official client, unmodified, with one of the servers of its wire, steelyard or openwandb, or offline."""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import sys
import tempfile
import time

from openwandb_wire import OpenWandb
from steelyard import Steelyard
from worker import Budget, Fails, NotThere, Opened, Rows, System, calls_of, serve


class OfficialClient:
    """What it does besides rows is off: system metrics, console, git, code."""

    mode = "online"

    def settings(self, **more):
        import wandb

        if self.plain:
            return wandb.Settings(silent=True, **more)
        return wandb.Settings(
            **{"console": "off", "silent": True, "disable_git": True, "save_code": False, "x_disable_stats": True, "x_disable_meta": True, **more}
        )

    def open(self, name, **settings):
        self.set_environment(self.url)
        import wandb

        run = wandb.init(
            entity=self.entity, project=self.project, id=name, mode=self.mode, reinit="create_new", settings=self.settings(**settings)
        )
        return Opened(lambda row, step: run.log(row, step=step), run.finish, run)

    library = "wandb"

    def load(self):
        import wandb  # noqa: F401

    def open_console(self, name):
        return self.open(name, console="wrap")

    def log_image(self, opened, path, step):
        import wandb

        opened.run.log({"image": wandb.Image(path)}, step=step)

    def log_table(self, opened, at, columns, rows):
        import wandb

        opened.run.log({"table": wandb.Table(columns=columns, data=rows)}, step=at)

    def files_of(self, run, beginning):
        """Bodies of the run's files that are so named, by the client's own API."""
        import wandb

        with tempfile.TemporaryDirectory() as folder:
            for file in wandb.Api().run(f"{self.entity}/{self.project}/{run}").files():
                if file.name.startswith(beginning):
                    with file.download(root=folder, replace=True):
                        yield pathlib.Path(folder, file.name).read_bytes()

    def images_of(self, run):
        return self.files_of(run, "media/images/")

    def tables_of(self, run):
        return [json.loads(body)["data"] for body in self.files_of(run, "media/table/")]

    def log_artifact(self, opened, name, folder):
        import wandb

        made = wandb.Artifact(name, type="dataset")
        made.add_dir(folder)
        opened.run.log_artifact(made).wait()

    def fetch_artifact(self, run, name, into):
        import wandb

        wandb.Api().artifact(f"{self.entity}/{self.project}/{name}:latest").download(root=into)

    def set_environment(self, url):
        self.client_folder = pathlib.Path(self.folder, "client")
        self.client_folder.mkdir(exist_ok=True)
        os.environ.update(
            WANDB_BASE_URL=url, WANDB_API_KEY=self.key, WANDB_DIR=str(self.client_folder), WANDB_ERROR_REPORTING="false"
        )

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        self.set_environment(self.url)
        import wandb

        given = Rows(pool, spike)
        opened = [
            wandb.init(entity=self.entity, project=self.project, id=run, reinit="create_new", settings=self.settings())
            for run in runs
        ]
        calls = []
        done = 0
        began = time.perf_counter()
        for begin, end in Budget(rows, max(10, 2000 // len(runs)), seconds):
            for run in opened:
                for step in range(begin, end):
                    at = time.perf_counter()
                    run.log(given.at(step), step=step)
                    calls.append(time.perf_counter() - at)
            done = end
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda run: run.finish(), opened))
        took = time.perf_counter() - began
        wandb.teardown()
        return {"rows": [done] * len(runs), "seconds": took, "calls": calls_of(calls)}

    def address(self):
        return self.url

    def paced(self, pool, run, rows, rows_a_second, proxy, kill_at=None):
        """Log at a pace through `proxy`; at row `kill_at` the server is killed with -9 and started again."""
        given = Rows(pool)
        self.set_environment(proxy)
        import wandb

        # A request a second in place of one in fifteen: more of them for faults to strike.
        settings = self.settings(x_file_stream_transmit_interval=1)
        logged = wandb.init(entity=self.entity, project=self.project, id=run, reinit="create_new", settings=settings)
        began = time.perf_counter()
        for step in range(rows):
            if step == kill_at:
                self.server.kill()
                self.server.wait()
                self.launch()
                began = time.perf_counter() - step / rows_a_second
            logged.log(given.at(step), step=step)
            ahead = began + step / rows_a_second - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
        logged.finish()
        wandb.teardown()
        return rows

    def settle(self):
        shutil.rmtree(self.client_folder)
        super().settle()


class ToSteelyard(OfficialClient, Steelyard):
    def console_of(self, run):
        path = f"/api/v1/console/download?entity={self.entity}&project={self.project}&run={run}"
        return self.request(self.connect(), "GET", path).decode()


class ToOpenWandb(OfficialClient, OpenWandb):
    def log_artifact(self, opened, name, folder):
        """It answers that every artifact is there already, so that the client sends no file, and knows none of its questions."""
        try:
            super().log_artifact(opened, name, folder)
        except Exception as error:
            given = {digest(path) for path in pathlib.Path(folder).rglob("*") if path.is_file()}
            kept = {digest(path) for path in pathlib.Path(self.folder, "data").rglob("*") if path.is_file()}
            raise Fails(f"{len(given & kept):,} of {len(given):,} files are kept; the client's question for it is answered {error}")

    def files_of(self, run, beginning):
        """From its folder: it does not know the questions of the client's API."""
        for path in pathlib.Path(self.folder, "data").rglob("*"):
            if path.is_file() and run in path.parts and beginning in path.as_posix():
                yield path.read_bytes()

    def console_of(self, run):
        """As it is kept."""
        (path,) = [path for path in pathlib.Path(self.folder, "data").rglob("output.log") if run in path.parts]
        return path.read_text()


class Offline(OfficialClient, System):
    """Into its own log alone, which the bench reads."""

    mode = "offline"
    durable_at_finish = True
    url, key, entity, project = "http://127.0.0.1:1", "x" * 40, None, "bench"

    def start(self, folder):
        self.folder = folder

    def files_of(self, run, beginning):
        for path in pathlib.Path(self.client_folder).glob(f"wandb/offline-run-*-{run}/files/{beginning}*"):
            yield path.read_bytes()

    def log_artifact(self, opened, name, folder):
        raise NotThere("it is made when the log is sent")

    def settle(self):
        pass


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    serve({"steelyard": ToSteelyard, "openwandb": ToOpenWandb, "offline": Offline}[sys.argv[1]]())
