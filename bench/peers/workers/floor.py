"""The floor: a loop that appends rows as JSON to a buffered file. No tracker does less."""
import json
import os
import pathlib

from worker import Opened, System, Tally, serve


class Floor(System):
    durable_at_finish = True

    def start(self, folder):
        self.folder = folder

    def path(self, run):
        return pathlib.Path(self.folder, f"{run}.jsonl")

    def open(self, name):
        file = self.path(name).open("w")

        def log(row, step):
            file.write(f"{json.dumps(row)}\n")

        def finish():
            file.flush()
            os.fsync(file.fileno())
            file.close()

        return Opened(log, finish)

    def last_step(self, run, at_least=0):
        # The last line may be there in part.
        return self.path(run).read_bytes().count(b"\n") - 1

    def read_back(self, runs):
        read = {}
        for run in runs:
            tally = Tally()
            with self.path(run).open() as lines:
                for step, line in enumerate(lines):
                    for key, value in json.loads(line).items():
                        tally.add(key, step, value)
            read[run] = tally.keys
        return read


if __name__ == "__main__":
    serve(Floor())
