"""The official client, unmodified, with one of the servers of its wire: steelyard or openwandb."""
import concurrent.futures
import os
import pathlib
import shutil
import sys
import time

from openwandb_wire import OpenWandb
from steelyard import Steelyard
from worker import Budget, Rows, calls_of, serve


class OfficialClient:
    """What it does besides rows is off: system metrics, console, git, code."""

    def settings(self):
        import wandb

        return wandb.Settings(
            console="off", silent=True, disable_git=True, save_code=False, x_disable_stats=True, x_disable_meta=True
        )

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        self.client_folder = pathlib.Path(self.folder, "client")
        self.client_folder.mkdir()
        os.environ.update(
            WANDB_BASE_URL=self.url, WANDB_API_KEY=self.key, WANDB_DIR=str(self.client_folder), WANDB_ERROR_REPORTING="false"
        )
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

    def settle(self):
        shutil.rmtree(self.client_folder)
        super().settle()


class ToSteelyard(OfficialClient, Steelyard):
    pass


class ToOpenWandb(OfficialClient, OpenWandb):
    pass


if __name__ == "__main__":
    serve({"steelyard": ToSteelyard, "openwandb": ToOpenWandb}[sys.argv[1]]())
