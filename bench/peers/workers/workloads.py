"""The workloads of bench/peers-workloads.ts, the same for every system: what a worker answers to them.

A system takes part by `open(name)`: an Opened run, whose `log(row, step)` and `finish()` are what its user calls.
"""
import concurrent.futures
import threading
import time

from worker import NotThere, Rows

# Between two looks at whether the last row can be read.
POLL_SECONDS = 0.02
# Of waiting for rows that do not come.
DURABLE_SECONDS = 30


def log_rows(system, pool, run, rows, seconds):
    """`rows` rows as fast as log() takes them: W1, W2, W3, W6, and in each process of W5."""
    given = Rows(pool).pool
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
    if system.durable_at_finish:
        return finished - began, finished - logged
    looker.join(DURABLE_SECONDS)
    return finished - began, reached[0] - logged if reached else None


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


def clock(_system):
    """Microseconds of a pair of looks at the clock, which is in every call's time."""
    taken = []
    for _ in range(20_000):
        at = time.perf_counter()
        taken.append(time.perf_counter() - at)
    return sorted(taken)[10_000] * 1e6


OPERATIONS = {each.__name__: each for each in (log_rows, clock)}
