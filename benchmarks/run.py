#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmarks of both builds and writes one file of results. The target `bench` calls it.

    run.py <results.csv> <program>... [--processes 5] [--only TEXT]

`bench_x` is compiled for this machine and `bench_x_baseline`, where it lies beside it, with -O2 for any x86-64. They run
in turn. A case that goals.csv names and that is beyond the second-level cache runs in five processes, all others in one;
the naive loop runs only in the first. `share` is the ceiling's time over the case's, both of one process for the native build; for the baseline the
ceiling is that of the native process just before, since a ceiling compiled for any machine is none. Columns:

    case, build, bytes, processes, seconds, ceiling_seconds, share, share_low, share_high, times_naive

with the medians of the processes, and the lowest and highest share.
"""
import argparse
import csv
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

COLUMNS = ["case", "build", "bytes", "processes", "seconds", "ceiling_seconds", "share", "share_low", "share_high", "times_naive"]


def second_level_bytes():
    try:
        return os.sysconf("SC_LEVEL2_CACHE_SIZE") or 1 << 21
    except (ValueError, OSError):
        return 1 << 21


def names_with_goals():
    path = pathlib.Path(__file__).with_name("goals.csv")
    with open(path, newline="", encoding="utf-8") as file:
        return {row["case"] for row in csv.DictReader(file)}


def run_once(program, again, only, folder):
    """The lines of one process, by case, in order. `again` names the cases to repeat; None: all, with naive loops."""
    results = os.path.join(folder, "lines.csv")
    if os.path.exists(results):
        os.remove(results)
    environment = dict(os.environ, POSENC_BENCH_RESULTS=results, POSENC_BENCH_ONLY=only)
    if again is not None:
        names = os.path.join(folder, "names.txt")
        pathlib.Path(names).write_text("".join(name + "\n" for name in again), encoding="utf-8")
        environment["POSENC_BENCH_NAMES"] = names
    if again is not None or program.endswith("_baseline"):
        environment["POSENC_BENCH_WITHOUT_NAIVE"] = "1"
    done = subprocess.run([program, "~shown by Catch2"], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{program} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    if not os.path.exists(results):
        return {}
    with open(results, newline="", encoding="utf-8") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def run_program(program, processes, only, folder):
    """What the processes of both builds measured: (case, build) -> list of (row, share)."""
    baseline = program + "_baseline"
    measured = {}
    again = None
    for _ in range(processes):
        native = run_once(program, again, only, folder)
        for case, row in native.items():
            share = float(row["ceiling_seconds"]) / float(row["seconds"])
            measured.setdefault((case, "native"), []).append((row, share))
        if os.path.exists(baseline):
            for case, row in run_once(baseline, again, only, folder).items():
                row["ceiling_seconds"] = native[case]["ceiling_seconds"]
                share = float(row["ceiling_seconds"]) / float(row["seconds"])
                measured.setdefault((case, "baseline"), []).append((row, share))
        if again is None:
            # In place, twice the bytes of x are moved: a case is beyond the cache where x is.
            beyond = 2 * second_level_bytes()
            again = [case for case, row in native.items() if float(row["bytes"]) >= beyond and case in names_with_goals()]
        if not again:
            break
    return measured


def summary(case, build, lines):
    def median(column):
        return statistics.median(float(row[column]) for row, _ in lines)

    shares = [share for _, share in lines]
    return {
        "case": case,
        "build": build,
        "bytes": lines[0][0]["bytes"],
        "processes": len(lines),
        "seconds": f"{median('seconds'):.4g}",
        "ceiling_seconds": f"{median('ceiling_seconds'):.4g}",
        "share": f"{statistics.median(shares):.3f}",
        "share_low": f"{min(shares):.3f}",
        "share_high": f"{max(shares):.3f}",
        "times_naive": lines[0][0]["times_naive"] if build == "native" else "",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results")
    parser.add_argument("programs", nargs="+")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    given = parser.parse_args()
    start = time.time()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for program in given.programs:
            for (case, build), lines in run_program(program, given.processes, given.only, folder).items():
                rows.append(summary(case, build, lines))
                row = rows[-1]
                print(f"{case:56s} {build:9s} {float(row['seconds']) * 1e6:11.2f} us  {row['share']} of the ceiling"
                      f"  [{row['share_low']}, {row['share_high']}] {row['processes']}", flush=True)
    pathlib.Path(given.results).parent.mkdir(parents=True, exist_ok=True)
    with open(given.results, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} results in {time.time() - start:.0f} s: {given.results}")


if __name__ == "__main__":
    main()
