"""What every worker of a system stands on: the rows, and a loop that answers the bench's questions.

A worker reads one JSON object a line from standard input, {"op": name, ...arguments}, calls the method of that name and
writes {"ok": answer} or {"error": text} to the descriptor that was standard output; whatever libraries print goes to
standard error. Times are seconds of time.perf_counter.
"""
import collections
import functools
import json
import math
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import traceback
import typing
import urllib.error
import urllib.request

# Of filling, before its pace says what all of it takes.
SURE_AFTER_SECONDS = 3
# No further answer to the same question is waited for.
ASKED_FOR_MS = 8_000


class Rows:
    """The rows every system is given: step s of each run is line s modulo the pool's length; one planted spike."""

    def __init__(self, pool, spike=-1):
        with open(pool) as lines:
            self.pool = [json.loads(line) for line in lines]
        self.keys = list(self.pool[0])
        self.spike = spike

    def at(self, step):
        row = self.pool[step % len(self.pool)]
        return {**row, self.keys[0]: 1000.0} if step == self.spike else row

    def between(self, begin, end):
        return [self.at(step) for step in range(begin, end)]


def table_run(number):
    """A run of the table's questions: three settings, and three last values that are no round numbers."""
    mixed = (number * 2_654_435_761) % 2**32 / 2**32
    return {
        "name": f"run-{number:07d}",
        "config": {"lr": round(10 ** (-1 - 4 * mixed), 8), "model": f"model-{number % 7}", "seed": number},
        "summary": {"loss": round(4 * (mixed * 7 % 1), 6), "accuracy": round(mixed * 13 % 1, 6), "epoch": number % 100},
    }


class NotThere(Exception):
    """The system has no such question; the text says what it does instead."""


class Fails(Exception):
    """The system says that it can, and does not; the text says what happens."""


class TooLong(Exception):
    """Filling would take longer than it may; the text says how long."""


class Tally:
    """Count, sum, NaNs, smallest, largest and last step of each key of a run, as it was read back."""

    def __init__(self):
        self.keys = {}

    def add(self, key, step, value):
        tally = self.keys.get(key)
        if tally is None:
            tally = self.keys[key] = [0, 0.0, 0, math.inf, -math.inf, -1]
        tally[0] += 1
        if value is None or value != value:
            tally[2] += 1
        else:
            tally[1] += value
            if value < tally[3]:
                tally[3] = value
            if value > tally[4]:
                tally[4] = value
        if step > tally[5]:
            tally[5] = step


class Opened(typing.NamedTuple):
    """A run that a workload logs to: `log(row, step)`, `finish()` until it is written, and what the library calls the run."""

    log: typing.Callable
    finish: typing.Callable
    run: object = None


class System:
    """A tracker, or a store, under test. Methods answer plain JSON."""

    server = None
    # Nothing but its files has the rows, and they are there when finish() returns.
    durable_at_finish = False
    # Why a process has one run at a time, where that is so.
    one_run = None
    # What a program imports to use it.
    library = None
    # What others lack, or would wait for, is on, as it comes out of the box.
    plain = False

    def as_it_comes(self):
        """Before `start`: leave everything as its user finds it."""
        self.plain = True

    def start(self, folder, **options):
        """Begin on an empty folder."""

    def attach(self, **connection):
        """Be another process of the same system, in place of `start`."""
        self.__dict__.update(connection)

    def connection(self):
        """What another process needs to be one of this system's."""
        return {name: value for name, value in vars(self).items() if isinstance(value, (str, int))}

    def servers(self):
        """Process ids of its servers; the worker and its other children are the client."""
        return [self.server.pid] if self.server else []

    def open(self, name):
        """An Opened run."""
        raise NotThere("it has no client")

    def last_step(self, run, at_least=0):
        """The last step of the run that its own reader answers, -1 when none is there from `at_least` on."""
        raise NotThere("nothing reads it while it is written")

    def write(self, pool, runs, rows, spike=-1, seconds=600):
        """Log `rows` rows of every run, all runs at once; answers {"rows": acknowledged of each run, "seconds"}."""
        raise NotImplementedError

    def write_one_by_one(self, given, runs, rows, seconds):
        """`write` of a system of which a process has one run at a time: one run after the other."""
        calls, done = [], []
        began = time.perf_counter()
        for run in runs:
            done.append(0)
            if time.perf_counter() - began > seconds:
                continue
            opened = self.open(run)
            share = time.perf_counter() + seconds / len(runs)
            for step in range(rows):
                at = time.perf_counter()
                opened.log(given.at(step), step)
                calls.append(time.perf_counter() - at)
                done[-1] = step + 1
                if step % 1000 == 999 and at > share:
                    break
            opened.finish()
        return {"rows": done, "seconds": time.perf_counter() - began, "calls": calls_of(calls)}

    def read_back(self, runs):
        """Everything: {run: {key: tally}}."""
        raise NotImplementedError

    def after_finish(self):
        """What has to be done once before runs that are finished can be read."""

    def open_console(self, name):
        """An Opened run that records what the program prints."""
        raise NotThere("it records no console lines")

    def log_image(self, opened, path, step):
        raise NotThere("it has no pictures")

    def log_table(self, opened, at, columns, rows):
        raise NotThere("it has no tables")

    def log_artifact(self, opened, name, folder):
        raise NotThere("it has no artifacts")

    def load(self):
        """Import what `open` uses."""

    def fill(self, pool, runs, rows, spike=-1, seconds=600):
        """As `write`, by the fastest way there is and all of it: for the questions asked afterwards, not for its own time."""
        raise NotThere("it cannot be filled")

    def open_page(self):
        """Start what serves the page, when nothing does yet."""

    def page(self):
        """{"url", "path" of the page of charts when it is not always the same, "key"}."""
        self.open_page()
        return {"url": self.url, "key": getattr(self, "key", "")}

    def ask(self, question, times, **given):
        """
        Ask `times` times after one warm-up, fewer when they take long; answers the milliseconds and what `seen_by` says of
        the last answer. The warm-up counts when nothing came after it.
        """
        method = getattr(self, question, None)
        if method is None:
            raise NotThere("no such question")
        milliseconds = []
        while len(milliseconds) <= times and sum(milliseconds) < ASKED_FOR_MS:
            began = time.perf_counter()
            answer = method(**given)
            milliseconds.append((time.perf_counter() - began) * 1000)
        return {"ms": milliseconds[1:] or milliseconds, **self.seen_by(question, answer)}

    def chart(self, runs, key, buckets):
        """A screen of one chart."""
        return self.screen(runs, [key], buckets)

    def seen_by_chart(self, answer):
        return self.seen_by_screen(answer)

    def seen_by(self, question, answer):
        """{"points": values in the answer, "spikes": lines that have the planted spike}, as far as it is known."""
        return getattr(self, f"seen_by_{question}", lambda _: {})(answer)

    def settle(self):
        """Let what is due be written, as a stop does, so that bytes at rest can be counted."""

    def stop(self):
        end_process(self.server)


class Budget:
    """Rows in slices of all runs, until they are all given or the time is over."""

    def __init__(self, rows, slice_rows, seconds):
        self.rows, self.slice_rows, self.until = rows, slice_rows, time.perf_counter() + seconds

    def __iter__(self):
        for begin in range(0, self.rows, self.slice_rows):
            if begin > 0 and time.perf_counter() > self.until:
                return
            yield begin, min(self.rows, begin + self.slice_rows)


def filling(total, slice_size, seconds):
    """(begin, end) of slices, all of them; raises TooLong as soon as it shows that they would take far longer than `seconds`."""
    began = time.perf_counter()
    marks = collections.deque()
    for begin in range(0, total, max(1, slice_size)):
        took = time.perf_counter() - began
        marks.append((took, begin))
        # The pace of the latter half: a server that has just started is slow, and some are slower the more there is.
        while marks[0][0] < took / 2:
            marks.popleft()
        at, done = marks[0]
        expected = took + ((total - begin) * (took - at) / (begin - done) if begin > done else 0)
        if took > SURE_AFTER_SECONDS and expected > seconds * 1.25:
            words = f"{expected / 60:.0f} min" if expected >= 120 else f"{expected:.0f} s"
            raise TooLong(f"filling would take about {words}")
        yield begin, min(total, begin + slice_size)


def post_json(url, body, headers=None):
    """The bytes of the answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=900) as response:
        return response.read()


def calls_of(seconds):
    """Of the single calls, the first hundred left out: microseconds."""
    ordered = sorted(seconds[100:] or seconds)
    return {"p50": ordered[len(ordered) // 2] * 1e6, "p99": ordered[int(len(ordered) * 0.99)] * 1e6}


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start_process(command, folder, ready, timeout=300, **more):
    """Start a server and wait until `ready()` is true; its output goes to a file of the folder."""
    log = pathlib.Path(folder, "server.log")
    process = subprocess.Popen(command, stdout=log.open("ab"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
    until = time.monotonic() + timeout
    while not ready():
        if process.poll() is not None or time.monotonic() > until:
            end_process(process)
            raise RuntimeError(f"{command[0]} did not become ready: {log.read_text()[-600:]}")
        time.sleep(0.05)
    return process


def end_process(process):
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status < 500
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def finite(answer):
    """JSON has no word for infinities and NaN."""
    if isinstance(answer, dict):
        return {key: finite(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [finite(value) for value in answer]
    return None if isinstance(answer, float) and not math.isfinite(answer) else answer


def serve(system):
    # Which stand on this module.
    import files
    import workloads

    operations = workloads.OPERATIONS | files.OPERATIONS
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            name = question.pop("op")
            method = getattr(system, name, None) or functools.partial(operations[name], system)
            answer = {"ok": method(**question)}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:600]}
        print(json.dumps(finite(answer)), file=out)
    system.stop()
