"""Writes docs/conformance.md from the runner's two reports; fails on a failure that is not listed.

Usage: table.py PATH_REPORT FULL_REPORT RUNNER_OUTPUT
"""
import json
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "conformance.md"

HEAD = """# Conformance

What this host does next to what the real service was recorded doing: definitions, inputs and requests, with the results
and histories that AWS Step Functions gave. `tests/conformance/run` drives a `sluice dev` host over the AWS wire and writes
this page; CI runs it. Tasks are answered as they were recorded, from a mock configuration.

*path*: status, output, error and cause are equal, and the events' types and states come in the same order (in any
interleaving of concurrent branches). *full*: every event detail is equal too. For requests and API sequences *path* compares
results and error codes, *full* whole responses and messages.
"""


def table(path, full):
    counts = {}
    for level, report in (("path", path), ("full", full)):
        for case in report["cases"]:
            row = counts.setdefault((case["category"], case["feature"]), Counter())
            row[level] += case["pass"]
            row[level + " of"] += 1
    lines = ["| category | feature | cases | path | full |", "|---|---|---|---|---|"]
    for (category, feature), row in sorted(counts.items()):
        lines.append(f"| {category} | {feature} | {row['path of']} | {row['path']} | {row['full']} |")
    total = path["total"]
    lines.append(f"| **all** | | **{total}** | **{path['passed']}** | **{full['passed']}** |")
    return lines


def listed(failed, exceptions, level):
    """The failures by the reason that is given for them; those without a reason under None."""
    by_reason = {}
    for case in failed:
        reason = next((e["reason"] for e in exceptions if e["case"] in case["id"] and level in e["levels"]), None)
        by_reason.setdefault(reason, []).append(case["id"])
    return by_reason


def main():
    path, full = (json.load(open(name)) for name in sys.argv[1:3])
    aside = next((line for line in open(sys.argv[3]) if line.startswith("not counted")), "").strip()
    exceptions = json.load(open(HERE / "exceptions.json"))
    page = [HEAD, "## By feature", "", *table(path, full), ""]
    share = full["passed"] * 100 / full["total"]
    page += [f"Full: {share:.1f} %. Cases that the runner sets aside: `{aside}`.", ""]
    unlisted = []
    for level, report in (("path", path), ("full", full)):
        failed = [case for case in report["cases"] if not case["pass"]]
        if level == "full":
            below = {case["id"] for case in path["cases"] if not case["pass"]}
            failed = [case for case in failed if case["id"] not in below]
        page += [f"## Cases that differ at level {level}", ""]
        if not failed:
            page += ["None.", ""]
        for reason, ids in listed(failed, exceptions, level).items():
            if reason is None:
                unlisted += [(level, case) for case in ids]
                reason = "Not explained yet."
            page += [f"{reason}", "", *[f"- `{case}`" for case in ids], ""]
    PAGE.write_text("\n".join(page).rstrip() + "\n")
    for level, case in unlisted:
        print(f"unexpected difference at level {level}: {case}")
        report = path if level == "path" else full
        for found in report["cases"]:
            if found["id"] == case:
                print("\n".join("    " + difference[:300] for difference in found["differences"][:3]))
    print(f"path {path['passed']} / {path['total']}, full {full['passed']} / {full['total']} ({share:.1f} %), {PAGE.name} written")
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
