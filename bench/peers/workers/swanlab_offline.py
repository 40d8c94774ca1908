"""SwanLab offline: its client's own log in a folder. Its server is a cloud with accounts, or a cluster of containers."""
import pathlib
import re

from worker import Opened, Rows, System, Tally, serve


class SwanLab(System):
    durable_at_finish = True
    library = "swanlab"
    one_run = "a process has one run at a time"

    def start(self, folder):
        import swanlab

        self.swanlab, self.folder = swanlab, folder

    attach = start

    def open(self, name, console=False):
        """What the others lack is off: machine, packages, git, system metrics."""
        kept = self.swanlab.Settings
        settings = kept(interactive=False) if self.plain else kept(
            interactive=False,
            probe=kept.Probe(hardware=False, runtime=False, requirements=False, conda=False, git=False, monitor=False, swanlab=False),
            terminal=kept.Terminal(proxy_type="all" if console else "none"),
        )
        run = self.swanlab.init(project="bench", id=name, name=name, mode="offline", log_dir=self.folder, settings=settings)
        return Opened(lambda row, step: self.swanlab.log(row, step=step), self.swanlab.finish, run)

    def open_console(self, name):
        return self.open(name, console=True)

    def console_of(self, run):
        return "\n".join(record.log.line for record in self.records(run) if record.HasField("log"))

    def log_image(self, opened, path, step):
        self.swanlab.log({"image": self.swanlab.Image(path)}, step=step)

    def images_of(self, run):
        for path in self.log_of(run).parent.glob("media/**/*.png"):
            yield path.read_bytes()

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        return self.write_one_by_one(Rows(pool, spike), runs, rows, seconds)

    def log_of(self, run):
        """None of a run that was not begun."""
        # Its ids have no other signs.
        name = re.sub(r"[^0-9A-Za-z_]", "_", run)
        return next(pathlib.Path(self.folder).glob(f"run-*/run-{name}.swanlab"), None)

    def records(self, run):
        """What its log has."""
        from swanlab.proto.swanlab.record.v1.record_pb2 import Record
        from swanlab.sdk.internal.core_python.store import DataStoreReader

        reader = DataStoreReader()
        reader.open(self.log_of(run))
        for body in reader:
            record = Record()
            record.ParseFromString(body)
            yield record
        reader.close()

    def read_back(self, runs):
        read = {}
        for run in runs:
            tally = Tally()
            for record in self.records(run) if self.log_of(run) else ():
                if record.HasField("scalar"):
                    tally.add(record.scalar.key, record.scalar.step, record.scalar.value.number)
            read[run] = tally.keys
        return read


if __name__ == "__main__":
    serve(SwanLab())
