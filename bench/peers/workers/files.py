"""W8, W9 and W10 of bench/peers-workloads.ts: pictures, tables, console lines, artifacts, and what the system has of them."""
import contextlib
import hashlib
import io
import os
import re
import time

LINE_BYTES = 120
# Between two looks at the clock.
LINES_A_LOOK = 100
COLUMNS = ["table", "row", "half", "text", "even"]


def log_each(opened, count, log, seconds):
    """`log(at)` so many times, then finish; what is not begun in `seconds` is not given."""
    began = time.perf_counter()
    done = 0
    try:
        while done < count and time.perf_counter() - began < seconds:
            log(done)
            done += 1
    finally:
        logged = time.perf_counter()
        opened.finish()
    return {"given": done, "loop": logged - began, "finish": time.perf_counter() - logged}


def log_images(system, run, paths, seconds):
    opened = system.open(run)
    return log_each(opened, len(paths), lambda at: system.log_image(opened, paths[at], at), seconds)


def log_tables(system, run, tables, rows, seconds):
    made = [[[table, row, row * 0.5, f"text-{row}", row % 2 == 0] for row in range(rows)] for table in range(tables)]
    opened = system.open(run)
    return log_each(opened, tables, lambda at: system.log_table(opened, at, COLUMNS, made[at]), seconds)


def read_images(system, run):
    """[[digest of the bytes, digest of the pixels]] of every picture."""
    from PIL import Image

    digests = []
    for body in system.images_of(run):
        with Image.open(io.BytesIO(body)) as image:
            pixels = image.convert("RGB").tobytes()
        digests.append([hashlib.sha256(body).hexdigest(), hashlib.sha256(pixels).hexdigest()])
    return digests


def read_tables(system, run):
    """[[rows, sum of their second and third cells]] of every table."""
    return [[len(rows), sum(row[1] + row[2] for row in rows)] for rows in system.tables_of(run)]


def console(system, run, lines, seconds):
    """Lines of a program that prints, with the cost of each beside that of the same loop without a run; ends after `seconds`."""
    texts = [f"line {number:08d} ".ljust(LINE_BYTES - 1, ".") for number in range(lines)]
    with quiet():
        _, alone = print_until(texts, seconds)
        opened = system.open_console(run)
        given, loop = print_until(texts, seconds)
        logged = time.perf_counter()
        opened.finish()
        return {"given": given, "alone": alone, "loop": loop, "finish": time.perf_counter() - logged}


def print_until(texts, seconds):
    """(Lines printed, seconds it took)."""
    began = time.perf_counter()
    done = 0
    for text in texts:
        print(text)
        done += 1
        if done % LINES_A_LOOK == 0 and time.perf_counter() - began > seconds:
            break
    return done, time.perf_counter() - began


def read_console(system, run):
    """Numbers of the lines that are there."""
    return [int(number) for number in re.findall(r"line (\d{8}) ", system.console_of(run))]


@contextlib.contextmanager
def quiet():
    """What is printed goes nowhere: a terminal, or who reads the worker's words, would be measured too."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def artifact(system, run, name, folder):
    """Seconds until an artifact of that folder is kept."""
    opened = system.open(run)
    began = time.perf_counter()
    system.log_artifact(opened, name, folder)
    took = time.perf_counter() - began
    opened.finish()
    return took


def read_artifact(system, run, name, into):
    system.fetch_artifact(run, name, into)


OPERATIONS = {
    each.__name__: each
    for each in (log_images, log_tables, read_images, read_tables, console, read_console, artifact, read_artifact)
}
