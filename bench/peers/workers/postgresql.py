"""A PostgreSQL cluster of its own in a folder, with Debian's defaults (fsync on), on a local port."""
import os
import pathlib
import shutil
import subprocess

from worker import end_process, free_port, start_process


class Postgres:
    def __init__(self, folder, binaries):
        self.binaries = binaries
        self.data = pathlib.Path(folder, "postgresql")
        self.data.mkdir()
        # PostgreSQL refuses to run as root.
        self.user = {}
        if os.getuid() == 0:
            shutil.chown(self.data, "postgres", "postgres")
            for parent in [pathlib.Path(folder), *pathlib.Path(folder).parents][:2]:
                parent.chmod(parent.stat().st_mode | 0o111)
            self.user = {"user": "postgres", "group": "postgres"}
        self.port = free_port()
        where = {"cwd": self.data, **self.user}
        subprocess.run(
            [f"{binaries}/initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "-E", "UTF8"],
            check=True, stdout=subprocess.DEVNULL, **where,
        )
        self.process = start_process(
            [f"{binaries}/postgres", "-D", str(self.data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.data)],
            folder, self.ready, **where,
        )
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def ready(self):
        command = [f"{self.binaries}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def checkpoint(self):
        command = [f"{self.binaries}/psql", "-q", self.url, "-c", "CHECKPOINT"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        end_process(self.process)
