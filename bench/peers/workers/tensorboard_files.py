"""TensorBoard: event files by its writer, read by its own loader."""
import json
import os
import pathlib
import shutil
import sys
import time
import urllib.parse
import urllib.request

from worker import Budget, NotThere, Opened, Rows, System, Tally, answers, filling, free_port, serve, start_process


class Tensorboard(System):
    durable_at_finish = True
    library = "tensorboardX"

    def load(self):
        import tensorboardX  # noqa: F401

    def start(self, folder):
        self.folder = pathlib.Path(folder, "logs")
        self.events = {}

    def connection(self):
        return {"folder": str(self.folder.parent)}

    def attach(self, folder):
        self.start(folder)

    def open(self, name):
        from tensorboardX import SummaryWriter

        writer = SummaryWriter(str(self.folder / name))

        def log(row, step):
            for key, value in row.items():
                writer.add_scalar(key, value, step)

        def finish():
            writer.close()
            # Its close leaves the bytes to the system's cache; the others have theirs on the disk.
            for path in [] if self.plain else (self.folder / name).rglob("events.*"):
                with path.open("rb+") as file:
                    os.fsync(file.fileno())

        return Opened(log, finish, writer)

    def log_image(self, opened, path, step):
        import numpy
        from PIL import Image

        opened.run.add_image("image", numpy.asarray(Image.open(path)), step, dataformats="HWC")

    def images_of(self, run):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(self.folder / run), size_guidance={"images": 0, "tensors": 0})
        events.Reload()
        for tag in events.Tags()["images"]:
            yield from (event.encoded_image_string for event in events.Images(tag))
        for tag in events.Tags()["tensors"]:
            # Width, height, then the picture.
            yield from (event.tensor_proto.string_val[2] for event in events.Tensors(tag))

    def last_step(self, run, at_least=0):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = self.events.setdefault(run, EventAccumulator(str(self.folder / run), size_guidance={"scalars": 1, "tensors": 1}))
        events.Reload()
        tags = events.Tags()
        last = [events.Scalars(tag)[-1].step for tag in tags["scalars"]] + [events.Tensors(tag)[-1].step for tag in tags["tensors"]]
        return min(last, default=-1)

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        from tensorboardX import SummaryWriter

        given = Rows(pool, spike)
        writers = [SummaryWriter(str(self.folder / run)) for run in runs]
        done = 0
        began = time.perf_counter()
        for begin, end in Budget(rows, max(10, 10_000 // len(runs)), seconds):
            for writer in writers:
                for step in range(begin, end):
                    for key, value in given.at(step).items():
                        writer.add_scalar(key, value, step)
            done = end
        for writer in writers:
            writer.flush()
            writer.close()
        # Its flush leaves the bytes to the system's cache; the others have theirs on the disk.
        for path in self.folder.rglob("events.*"):
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        return {"rows": [done] * len(runs), "seconds": time.perf_counter() - began}

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        """All runs have the same rows, and nothing in a file says whose it is: written once, copied."""
        from tensorboardX import SummaryWriter

        given = Rows(pool, spike)
        first = self.folder / runs[0]
        writer = SummaryWriter(str(first))
        for begin, end in filling(rows, 100, seconds):
            for step in range(begin, end):
                for key, value in given.at(step).items():
                    writer.add_scalar(key, value, step)
        writer.close()
        for run in runs[1:]:
            shutil.copytree(first, self.folder / run)

    def read_back(self, runs):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        read = {}
        for run in runs:
            tally = Tally()
            # 0 = all of them; its default keeps 10,000.
            events = EventAccumulator(str(self.folder / run), size_guidance={"scalars": 0, "tensors": 0})
            events.Reload()
            for tag in events.Tags()["scalars"]:
                for event in events.Scalars(tag):
                    tally.add(tag, event.step, event.value)
            for tag in events.Tags()["tensors"]:
                for event in events.Tensors(tag):
                    tally.add(tag, event.step, (event.tensor_proto.float_val or [float("nan")])[0])
            read[run] = tally.keys
        return read

    def open_page(self):
        """As people start it; waits until it has read every run."""
        if self.server:
            return self.url
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(self.folder), "--host", "127.0.0.1", "--port", str(port)]
        began = time.perf_counter()
        self.server = start_process(command, str(self.folder), lambda: answers(f"{self.url}/data/runs"))
        runs = sum(path.is_dir() for path in self.folder.iterdir())
        while len(self.get("/data/runs")) < runs or not self.all_read():
            if time.perf_counter() - began > 600:
                break
            time.sleep(0.2)
        return self.url

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}{path}", timeout=600) as response:
            return json.loads(response.read())

    def all_read(self):
        """Every run has had its last step read: the loader goes through the runs again and again."""
        tags = self.get("/data/plugin/timeseries/tags")["scalars"]["runTagInfo"]
        before = getattr(self, "seen", None)
        answer = self.series(list(tags), ["metric_0"]) if tags else b""
        self.seen = answer
        return bool(tags) and answer == before

    def series(self, runs, keys):
        requests = [{"plugin": "scalars", "tag": key} for key in keys]
        data = urllib.parse.urlencode({"requests": json.dumps(requests)}).encode()
        with urllib.request.urlopen(f"{self.url}/experiment/defaultExperimentId/data/plugin/timeseries/timeSeries", data, 600) as response:
            return response.read()

    def screen(self, runs, keys, buckets):
        return self.series(runs, keys)

    def seen_by_screen(self, body):
        answer = json.loads(body)
        lines = [(card["tag"], line) for card in answer for line in card.get("runToSeries", {}).values()]
        spikes = sum(tag == "metric_0" and any(point["value"] == 1000 for point in line) for tag, line in lines)
        return {"points": sum(len(line) for _, line in lines), "spikes": spikes}

    def zoom(self, **_):
        raise NotThere("its page zooms into the points it has")

    def last(self, runs):
        raise NotThere("it has no table of last values")

    def scan(self, runs):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        values = 0
        for run in runs:
            events = EventAccumulator(str(self.folder / run), size_guidance={"scalars": 0, "tensors": 0})
            events.Reload()
            tags = events.Tags()
            values += sum(len(events.Scalars(tag)) for tag in tags["scalars"])
            values += sum(len(events.Tensors(tag)) for tag in tags["tensors"])
        return values

    def fill_runs(self, count, seconds):
        raise NotThere("it has no table of runs")


if __name__ == "__main__":
    serve(Tensorboard())
