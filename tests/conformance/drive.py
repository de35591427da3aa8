"""Drives hosts through the recorded cases at two levels, and has the table of the outcome written.

Cases of one kind share a host. API cases get one each: recorded on fresh names, they were given
the same ones here, and would meet each other's state machines.

Usage: drive.py FOLDER_OF_THE_RECORDINGS SLUICE
"""
import concurrent.futures
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import write

LEVELS = ("path", "full")


@contextlib.contextmanager
def host(sluice, folder, mock=None):
    """A development host of its own; gives the path of its ready file."""
    ready, log = folder / "ready.json", open(folder / "log", "w")
    command = [sluice, "dev", "--data", folder / "data", "--listen", "127.0.0.1:0", "--ready-file", ready]
    command += ["--mock-config", mock] if mock else []
    environment = {**os.environ, "SLUICE__AWS__ACCOUNT": "111111111111"}
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(600):
            if ready.exists() and ready.stat().st_size:
                break
            if process.poll() is not None:
                sys.exit((folder / "log").read_text())
            time.sleep(0.05)
        yield ready
    finally:
        process.terminate()
        process.wait()


def run(recordings, ready, level, report, cases):
    """One run of the recordings' own runner; gives its report and its line on what it set aside."""
    command = [sys.executable, recordings / "run.py", "run", "--ready", ready, "--level", level]
    command += ["--jobs", "6", "--show", "0", "--out", report, *cases]
    # The exit status says that something failed; the table decides whether that was expected.
    ran = subprocess.run(command, capture_output=True, text=True)
    if not report.exists():
        sys.exit(ran.stderr)
    aside = next((line for line in ran.stdout.splitlines() if line.startswith("not counted")), "{}")
    return json.loads(report.read_text()), aside


def together(recordings, sluice, files):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mock = folder / "mock.json"
        with open(mock, "w") as out:
            subprocess.run([sys.executable, recordings / "run.py", "mock", *files], stdout=out, check=True)
        with host(sluice, folder, mock) as ready:
            return {level: run(recordings, ready, level, folder / f"{level}.json", files) for level in LEVELS}


def alone(recordings, sluice, line):
    """One case on a host of its own for each level; nothing where the runner sets it aside."""
    reports = {}
    for level in LEVELS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            case = folder / "case.jsonl"
            case.write_text(line)
            with host(sluice, folder) as ready:
                reports[level], _ = run(recordings, ready, level, folder / "report.json", [case])
    return reports


def main():
    recordings, sluice = Path(sys.argv[1]), sys.argv[2]
    files = sorted((recordings / "cases").glob("*.jsonl"))
    of_api = [file for file in files if file.name.startswith("api.")]
    found = together(recordings, sluice, [file for file in files if file not in of_api])
    cases = {level: found[level][0]["cases"] for level in LEVELS}
    lines = [line for file in of_api for line in file.read_text().splitlines()]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for reports in pool.map(lambda line: alone(recordings, sluice, line), lines):
            for level in LEVELS:
                cases[level] += reports[level]["cases"]
    return write(cases["path"], cases["full"], found["path"][1])


if __name__ == "__main__":
    sys.exit(main())
