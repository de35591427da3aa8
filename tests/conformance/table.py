"""Writes docs/conformance.md from the cases of both levels; fails on a failure that is not listed."""
import json
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "conformance.md"

HEAD = """# Conformance

What this host does next to what the real service was recorded doing: definitions, inputs and requests, with the results
and histories that AWS Step Functions gave. `tests/conformance/run` drives `sluice dev` hosts over the AWS wire and writes
this page; CI runs it. Tasks are answered as they were recorded, from a mock configuration.

*path*: status, output, error and cause are equal, and the events' types and states come in the same order (in any
interleaving of concurrent branches). *full*: every event detail is equal too. For requests and API sequences *path* compares
results and error codes, *full* whole responses and messages.
"""


def table(path, full):
    counts = {}
    for level, cases in (("path", path), ("full", full)):
        for case in cases:
            row = counts.setdefault((case["category"], case["feature"]), Counter())
            row[level] += case["pass"]
            row["cases"] += level == "path"
    lines = ["| category | feature | cases | path | full |", "|---|---|---|---|---|"]
    for (category, feature), row in sorted(counts.items()):
        lines.append(f"| {category} | {feature} | {row['cases']} | {row['path']} | {row['full']} |")
    passed = [sum(case["pass"] for case in cases) for cases in (path, full)]
    lines.append(f"| **all** | | **{len(path)}** | **{passed[0]}** | **{passed[1]}** |")
    return lines, passed


def failed_at(level, path, full):
    """The failures of a level that are not failures of the level below."""
    if level == "path":
        return [case for case in path if not case["pass"]]
    below = {case["id"] for case in path if not case["pass"]}
    return [case for case in full if not case["pass"] and case["id"] not in below]


def reason_of(case, exceptions):
    return next((e["reason"] for e in exceptions for part in e["cases"] if part in case["id"]), None)


def write(path, full, aside):
    exceptions = json.loads((HERE / "exceptions.json").read_text())
    lines, passed = table(path, full)
    share = passed[1] * 100 / len(full)
    page = [HEAD, "## By feature", "", *lines, "", f"At level full that is {share:.1f} %. The runner sets aside:", "", f"    {aside}", ""]
    unlisted = 0
    for level in ("path", "full"):
        page += [f"## Cases that differ at level {level}", ""]
        by_reason = {}
        for case in failed_at(level, path, full):
            by_reason.setdefault(reason_of(case, exceptions), []).append(case)
        page += [] if by_reason else ["None.", ""]
        for reason, cases in by_reason.items():
            page += [reason or "Not explained.", "", *[f"- `{case['id']}`" for case in cases], ""]
            if reason is None:
                unlisted += len(cases)
                for case in cases:
                    print(f"differs at level {level}: {case['id']}")
                    print("\n".join("    " + difference[:300] for difference in case["differences"][:3]))
    PAGE.write_text("\n".join(page).rstrip() + "\n")
    print(f"path {passed[0]} / {len(path)}, full {passed[1]} / {len(full)} ({share:.1f} %), {unlisted} not explained; {PAGE.name} is written")
    return 1 if unlisted else 0
