"""The workloads of bench/peers-workloads.ts, the same for every system: what a worker answers to them.

A system takes part by `open(name)`: an Opened run, whose `log(row, step)` and `finish()` are what its user calls.
"""
import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from worker import NotThere, Rows

# Between two looks at whether the last row can be read.
POLL_SECONDS = 0.02
# The same, of what watches while it is logged.
WATCH_SECONDS = 0.05
# A call that takes longer holds the loop up.
BLOCKED_SECONDS = 0.01
# Of waiting for rows that do not come.
DURABLE_SECONDS = 30


def log_rows(system, pool, run, rows, seconds):
    """`rows` rows as fast as log() takes them: W1, W2, W3, W6, and in each process of W5."""
    given = Rows(pool).pool
    system.load()
    began = time.perf_counter()
    opened = system.open(run)
    ready = time.perf_counter()
    calls, began_at = [], time.time()
    done = 0
    for done in range(1, rows + 1):
        row = given[(done - 1) % len(given)]
        at = time.perf_counter()
        opened.log(row, done - 1)
        now = time.perf_counter()
        calls.append(now - at)
        if now - ready > seconds:
            break
    ended_at, logged = time.time(), time.perf_counter()
    finish, durable = finish_durably(system, run, opened, done - 1, logged)
    return {
        "rows": done, "init": ready - began, "loop": logged - ready, "finish": finish, "durable": durable,
        "began_at": began_at * 1000, "ended_at": ended_at * 1000, "calls": call_times(calls),
    }


def finish_durably(system, run, opened, last, logged):
    """(seconds of finish, seconds from the last log() until the system's own reader has the last row)."""
    reached = []

    def look():
        while time.perf_counter() - logged < DURABLE_SECONDS:
            if is_there(system, run, last):
                reached.append(time.perf_counter())
                return
            time.sleep(POLL_SECONDS)

    looker = threading.Thread(target=look, daemon=True)
    if not system.durable_at_finish:
        looker.start()
    began = time.perf_counter()
    opened.finish()
    finished = time.perf_counter()
    system.after_finish()
    if system.durable_at_finish:
        return finished - began, time.perf_counter() - logged
    looker.join(DURABLE_SECONDS)
    return finished - began, reached[0] - logged if reached else None


def many_runs(system, pool, runs, rows, seconds, at_once):
    """W4: short runs, one after the other, or so many of this process at a time."""
    if at_once > 1 and system.one_run:
        raise NotThere(system.one_run)
    given = Rows(pool).pool
    system.load()
    inits, finishes = [], []
    done = 0
    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for first in range(0, len(runs), at_once):
            if time.perf_counter() - began > seconds:
                break
            names = runs[first : first + at_once]
            opened = [timed(inits, system.open, name) for name in names]
            for step in range(rows):
                for one in opened:
                    one.log(given[step % len(given)], step)
            # Some finish in the program's own thread alone.
            if at_once == 1:
                timed(finishes, opened[0].finish)
            else:
                list(threads.map(lambda one: timed(finishes, one.finish), opened))
            done = first + len(names)
    system.after_finish()
    while not system.durable_at_finish and time.perf_counter() - began < seconds + DURABLE_SECONDS:
        if is_there(system, runs[done - 1], rows - 1):
            break
        time.sleep(POLL_SECONDS)
    return {"runs": done, "seconds": time.perf_counter() - began, "init": median(inits), "finish": median(finishes)}


def timed(taken, call, *given):
    began = time.perf_counter()
    answer = call(*given)
    taken.append(time.perf_counter() - began)
    return answer


def median(values):
    return sorted(values)[len(values) // 2]


def kernel():
    """Some ten microseconds of a training."""
    total = 0.0
    for number in range(200):
        total += number * 0.5
    return total


def kernel_seconds():
    """Of the fastest thousand: whoever else is at work must not make the steps longer."""
    batches = []
    for _ in range(6):
        at = time.perf_counter()
        for _ in range(1000):
            kernel()
        batches.append((time.perf_counter() - at) / 1000)
    return min(batches)


def train(seconds, spins, log):
    """Steps of `spins` kernels and a log() each; answers the steps a second, the calls' seconds and when each began."""
    calls, began_at = [], []
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(spins):
            kernel()
        if log:
            began_at.append(time.time() * 1000)
            at = time.perf_counter()
            log(len(calls))
            calls.append(time.perf_counter() - at)
        else:
            calls.append(0)
    return len(calls) / (time.perf_counter() - began), calls, began_at


def training(system, pool, run, seconds):
    """W7: a training of a hundred steps a second without log(), with it, and without again."""
    given = Rows(pool).pool
    spins = int(0.01 / kernel_seconds())
    before, _, _ = train(seconds / 8, spins, None)
    opened = system.open(run)
    rate, calls, began_at = train(seconds, spins, lambda step: opened.log(given[step % len(given)], step))
    at = time.perf_counter()
    opened.finish()
    finish = time.perf_counter() - at
    after, _, _ = train(seconds / 8, spins, None)
    return {
        "rows": len(calls), "without": [before, after], "with": rate, "began_at": began_at, "finish": finish,
        "calls": call_times(calls),
    }


def watch(system, run, seconds):
    """[[milliseconds since 1970, last step that the system's reader answers]], at each change; another process than the client."""
    seen, last = [], -1
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        try:
            now = system.last_step(run, last + 1)
        except NotThere:
            raise
        except Exception:
            now = -1
        if now > last:
            last = now
            seen.append([time.time() * 1000, last])
        time.sleep(WATCH_SECONDS)
    return seen


def outage(system, pool, run, seconds, away):
    """W11: a hundred rows a second; the server is killed with -9, is away, and is started again on what it has."""
    given = Rows(pool).pool
    opened = system.open(run)
    calls, story = [], {"failed": 0}
    began = time.perf_counter()

    def strike():
        time.sleep(seconds / 5)
        kill_server(system.server)
        time.sleep(away)
        system.launch()
        back = time.perf_counter()
        wanted = len(calls) - 1
        while time.perf_counter() - back < DURABLE_SECONDS:
            if is_there(system, run, wanted):
                story["caught_up"] = time.perf_counter() - back
                return
            time.sleep(POLL_SECONDS)

    striker = threading.Thread(target=strike, daemon=True)
    striker.start()
    rows = int(seconds * 100)
    while len(calls) < rows and time.perf_counter() - began < 3 * seconds:
        ahead = began + len(calls) / 100 - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        at = time.perf_counter()
        step = len(calls)
        try:
            opened.log(given[step % len(given)], step)
        except Exception as error:
            story["failed"] += 1
            story["error"] = f"{type(error).__name__}: {error}"[:200]
        calls.append(time.perf_counter() - at)
    at = time.perf_counter()
    opened.finish()
    story["finish"] = time.perf_counter() - at
    striker.join(DURABLE_SECONDS + away)
    for _ in range(200):
        if is_there(system, run, len(calls) - 1):
            break
        time.sleep(0.05)
    return {"rows": len(calls), "blocked": sum(call for call in calls if call > BLOCKED_SECONDS), **story}


def kill_server(process):
    """And what it has started, which would go on answering."""
    tree = [process.pid]
    for pid in tree:
        for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            tree.extend(int(child) for child in children.read_text().split())
    for pid in tree:
        os.kill(pid, signal.SIGKILL)
    process.wait()


def is_there(system, run, last):
    try:
        return system.last_step(run, last) >= last
    except NotThere:
        raise
    except Exception:
        # The run is not known yet, or the server is away.
        return False


def call_times(seconds):
    """Microseconds; the first hundred calls, or the first tenth when there are few, left out."""
    ordered = sorted(seconds[min(100, len(seconds) // 10):])
    return {
        "p50": ordered[len(ordered) // 2] * 1e6,
        "p99": ordered[int(len(ordered) * 0.99)] * 1e6,
        "longest": ordered[-1] * 1e6,
    }


def import_seconds(system):
    """Of its library, in a new process."""
    if system.library is None:
        return 0
    code = f"import time; began = time.perf_counter(); import {system.library}; print(time.perf_counter() - began)"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()[-1])


def clock(_system):
    """Microseconds of a pair of looks at the clock, which is in every call's time."""
    taken = []
    for _ in range(20_000):
        at = time.perf_counter()
        taken.append(time.perf_counter() - at)
    return sorted(taken)[10_000] * 1e6


OPERATIONS = {each.__name__: each for each in (log_rows, many_runs, training, watch, outage, import_seconds, clock)}
