#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares results of run.py with goals.csv, which says what share of its ceiling each case is asked for.

    goals.py <results.csv> [--record] [--table] [--readme README.md]

A case fails where its share is more than 15 % below what is asked, or, where that is missed, below what goals.csv
records for this build. Exits with 1 then; a case without a result fails too. --record writes the shares of the cases
that miss into goals.csv, which keeps the cause of each; --table prints all of one run, and --readme writes the table of
the cases that goals.csv marks for it between the lines <!-- goals.py --> and <!-- end -->.
"""
import argparse
import csv
import os
import sys

GOALS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goals.csv")
COLUMNS = ["row", "case", "goal", "baseline", "native", "readme", "cause"]
BUILDS = ("baseline", "native")
TOLERANCE = 0.85


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def judge(goal, result, build):
    """The verdict of one build of a case, and the share that is held against."""
    share = float(result["share"])
    if share >= float(goal["goal"]):
        return "met", True
    recorded = goal[build]
    bound = min(float(recorded), float(goal["goal"])) if recorded else float(goal["goal"])
    return ("missed" if recorded else "below"), share >= TOLERANCE * bound


def check(goals, results):
    good = True
    for goal in goals:
        for build in BUILDS:
            result = results.get((goal["case"], build))
            if result is None:
                print(f"FAILED  {goal['case']:56s} {build:9s} has no result")
                good = False
                continue
            verdict, fine = judge(goal, result, build)
            good = good and fine
            recorded = f", recorded {goal[build]}" if goal[build] else ""
            print(f"{verdict if fine else 'FAILED':7s} {goal['case']:56s} {build:9s} {result['share']} of {goal['goal']} asked{recorded}")
    return good


def record(goals, results):
    for goal in goals:
        for build in BUILDS:
            result = results.get((goal["case"], build))
            if result is not None:
                goal[build] = "" if float(result["share"]) >= float(goal["goal"]) else f"{float(result['share']):.2f}"
    with open(GOALS, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(goals)


def table(goals, results):
    """A line for each row of goals that has results, its cases in order."""
    rows = {}
    lines = ["| share of the ceiling | -O2, any x86-64 | -O3 -march=native |", "|---|---|---|"]
    for goal in goals:
        rows.setdefault(goal["row"], []).append(goal)
    for name, cases in rows.items():
        def shares(build):
            found = [results.get((case["case"], build)) for case in cases]
            return " / ".join("-" if one is None else f"{float(one['share']):.2f}" for one in found)

        if any((case["case"], build) in results for case in cases for build in BUILDS):
            lines.append(f"| {name} | {shares('baseline')} | {shares('native')} |")
    return "\n".join(lines) + "\n"


def write_readme(path, text):
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split("<!-- goals.py -->\n")
    after = rest.split("<!-- end -->\n")[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- goals.py -->\n\n{text}\n<!-- end -->\n{after}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--readme")
    given = parser.parse_args()
    if not os.path.exists(given.results):
        sys.exit(f"{given.results} is missing: the target `bench` writes it")
    goals = read(GOALS)
    results = {(row["case"], row["build"]): row for row in read(given.results)}
    if given.record:
        record(goals, results)
    if given.readme:
        write_readme(given.readme, table([goal for goal in goals if goal["readme"]], results))
    elif given.table:
        print(table(goals, results), end="")
    elif not check(goals, results):
        sys.exit(1)


if __name__ == "__main__":
    main()
