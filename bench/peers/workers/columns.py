"""Stores without a tracker around them: rows of a run as columns. ClickHouse (chdb), DuckDB, Parquet files."""
import os
import pathlib
import sys
import time

from worker import Budget, NotThere, Rows, System, Tally, filling, serve

ROWS_A_BATCH = 10_000


class Columns(System):
    """One wide table `points`: run, step, a column a key. Subclasses insert a table of Arrow and answer SQL."""

    bucket = "CAST(floor((step - {begin}) * {buckets} / {width}) AS BIGINT)"
    first_last = "arg_min(m, step), arg_max(m, step)"

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        given = Rows(pool, spike)
        self.create(given.keys)
        done = 0
        began = time.perf_counter()
        for begin, end in Budget(rows, max(100, ROWS_A_BATCH // len(runs)), seconds):
            columns = self.columns(given, begin, end)
            self.insert([(run, columns) for run in runs])
            done = end
        self.finish()
        return {"rows": [done] * len(runs), "seconds": time.perf_counter() - began}

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        given = Rows(pool, spike)
        self.create(given.keys)
        for begin, end in filling(rows, max(100, 200_000 // len(runs)), seconds):
            columns = self.columns(given, begin, end)
            self.insert([(run, columns) for run in runs])
        self.finish()

    def columns(self, given, begin, end):
        import pyarrow

        rows = given.between(begin, end)
        return {
            "step": pyarrow.array(range(begin, end), pyarrow.int64()),
            **{key: pyarrow.array([row[key] for row in rows], pyarrow.float64(), from_pandas=False) for key in given.keys},
        }

    def table(self, parts):
        """One Arrow table of those columns, with the run before them."""
        import pyarrow

        tables = []
        for run, columns in parts:
            size = len(columns["step"])
            tables.append(pyarrow.table({"run": pyarrow.array([run] * size), **columns}))
        return pyarrow.concat_tables(tables)

    def finish(self):
        pass

    def read_back(self, runs):
        read = {run: Tally() for run in runs}
        names, rows = self.select("SELECT * FROM points")
        at_run, at_step = names.index("run"), names.index("step")
        for row in rows:
            tally = read[row[at_run]]
            for name, value in zip(names, row):
                if name.startswith("metric_"):
                    tally.add(name, row[at_step], value)
        return {run: tally.keys for run, tally in read.items()}

    def line(self, key, buckets, begin, end, picked="TRUE"):
        """What our chart draws, asked as SQL: first, last, smallest, largest of each bucket."""
        where = self.bucket.format(begin=begin, buckets=buckets, width=end - begin)
        sql = (
            f"SELECT run, {where} AS bucket, {self.first_last.replace('m,', key + ',')}, min({key}), max({key}) "
            f"FROM points WHERE step >= {begin} AND step < {end} AND {self.is_number(key)} AND {picked} GROUP BY run, bucket ORDER BY run, bucket"
        )
        return self.select(sql)[1]

    def screen(self, runs, keys, buckets):
        return [self.line(key, buckets, 0, self.rows_of_a_run()) for key in keys]

    def chart(self, runs, key, buckets):
        picked = ", ".join(f"'{run}'" for run in runs)
        return [self.line(key, buckets, 0, self.rows_of_a_run(), f"run IN ({picked})")]

    def seen_by_screen(self, charts):
        spikes = len({row[0] for row in charts[0] if 1000.0 in row[2:]})
        return {"points": sum(len(rows) for rows in charts), "spikes": spikes}

    def zoom(self, runs, key, buckets, begin, end):
        return [self.line(key, buckets, begin, end)]

    seen_by_zoom = seen_by_screen

    def rows_of_a_run(self):
        return self.select("SELECT max(step) + 1 FROM points")[1][0][0]

    def last(self, runs):
        keys = [name for name in self.select("SELECT * FROM points LIMIT 0")[0] if name.startswith("metric_")]
        picked = ", ".join(self.first_last.split("), ")[1].replace("m,", f"{key},") for key in keys)
        return self.select(f"SELECT run, {picked} FROM points GROUP BY run")[1]

    def scan(self, runs):
        return sum(len(row) - 2 for row in self.select("SELECT * FROM points")[1])

    def fill_runs(self, count, seconds):
        raise NotThere("a store, no tracker")

    def is_number(self, key):
        return f"NOT isnan({key})"


class DuckDb(Columns):
    def start(self, folder):
        import duckdb
        import pyarrow  # noqa: F401 – before any clock runs

        self.path = pathlib.Path(folder, "points.duckdb")
        self.database = duckdb.connect(str(self.path))
        self.database.execute("SET threads = 2")

    def create(self, keys):
        columns = ", ".join(f"{key} DOUBLE" for key in keys)
        self.database.execute(f"CREATE TABLE points (run VARCHAR, step BIGINT, {columns})")

    def insert(self, parts):
        batch = self.table(parts)
        self.database.register("batch", batch)
        self.database.execute("INSERT INTO points SELECT * FROM batch")
        self.database.unregister("batch")

    def select(self, sql):
        answer = self.database.execute(sql)
        return [column[0] for column in answer.description], answer.fetchall()

    def settle(self):
        self.database.execute("CHECKPOINT")

    def stop(self):
        self.database.close()


class ClickHouse(Columns):
    bucket = "intDiv((step - {begin}) * {buckets}, {width})"
    first_last = "argMin(m, step), argMax(m, step)"

    def start(self, folder):
        import pyarrow.ipc  # noqa: F401 – before any clock runs
        from chdb.session import Session

        self.session = Session(str(pathlib.Path(folder, "clickhouse")))
        self.session.query("CREATE DATABASE IF NOT EXISTS bench ENGINE = Atomic")

    def create(self, keys):
        columns = ", ".join(f"{key} Float64" for key in keys)
        self.session.query(
            f"CREATE TABLE bench.points (run LowCardinality(String), step Int64, {columns}) ENGINE = MergeTree ORDER BY (run, step) "
            "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
        )

    def insert(self, parts):
        import chdb

        batch = self.table(parts)  # noqa: F841 – named in the question
        self.session.query("INSERT INTO bench.points SELECT * FROM Python(batch)")

    def select(self, sql):
        import pyarrow

        answer = self.session.query(sql.replace("FROM points", "FROM bench.points"), "ArrowStream").bytes()
        table = pyarrow.ipc.open_stream(answer).read_all()
        values = [[text(value) for value in column.to_pylist()] for column in table.columns]
        return table.column_names, list(zip(*values))

    def settle(self):
        self.session.query("OPTIMIZE TABLE bench.points FINAL")
        self.session.close()

    def is_number(self, key):
        return f"NOT isNaN({key})"

    def stop(self):
        self.session.close()


def text(value):
    return value.decode() if isinstance(value, bytes) else value


class Parquet(DuckDb):
    """A file a run, zstd; DuckDB only reads them."""

    def start(self, folder):
        import duckdb
        import pyarrow.parquet  # noqa: F401 – before any clock runs

        self.folder = pathlib.Path(folder, "parquet")
        self.folder.mkdir()
        self.database = duckdb.connect()
        self.database.execute("SET threads = 2")
        self.writers = {}

    def create(self, keys):
        pass

    def insert(self, parts):
        import pyarrow.parquet

        for part in parts:
            table = self.table([part])
            writer = self.writers.get(part[0])
            if writer is None:
                path = self.folder / f"{part[0]}.parquet"
                writer = self.writers[part[0]] = pyarrow.parquet.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)

    def finish(self):
        for writer in self.writers.values():
            writer.close()
        for path in self.folder.iterdir():
            with path.open("rb+") as file:
                os.fsync(file.fileno())

    def select(self, sql):
        return super().select(sql.replace("FROM points", f"FROM '{self.folder}/*.parquet'"))

    def settle(self):
        pass


if __name__ == "__main__":
    serve({"duckdb": DuckDb, "chdb": ClickHouse, "parquet": Parquet}[sys.argv[1]]())
