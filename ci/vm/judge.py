#!/usr/bin/env python3
"""Judges what the virtual machines said.

    judge.py skips NAME RESULTS EXPECTED    prints one line for each complaint; status 1 if there is one
    judge.py accept NAME RESULTS EXPECTED   writes EXPECTED from the results
    judge.py table DIRECTORY NAME...        prints the table of these environments, as Markdown

RESULTS is a directory that ci/vm/job/suites filled. EXPECTED holds the skips: lines of test and need, with a
tab between. A skip that is not expected, an expected one that did not happen and a suite that failed or ran no
test are complaints.
"""

import json
import re
import sys
from pathlib import Path

HEADER = """# Environments

What was seen in each environment: written by `ci/vm.sh`, compared by every run, not edited by hand. What is
skipped, test by test, stands in `ci/vm/expected`.

"""


# Why a configuration leaves a suite out.
NOT_RUN = {
    "strict": "nearly all of it would be skipped, and a skipped #[should_panic] is a failure, by design",
    "ladder": "all of it would be skipped: it needs root",
}
SLOW = "takes time under emulation, and shows nothing here that it does not show elsewhere"


def skips(results):
    """What was skipped: test and need of each."""
    lines = (json.loads(line) for line in (results / "report").read_text().splitlines())
    return {(line["test"], need(line)) for line in lines if line["verdict"] == "skip"}


def need(line):
    return line.get("unsupported", {}).get("need") or line["setup_error"]["step"]


def expected(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return {tuple(line.split("\t", 1)) for line in lines if line and not line.startswith("#")}


def suites(results):
    """The status of each suite that ended."""
    lines = (line.split() for line in (results / "suites").read_text().splitlines())
    return {name: int(status) for name, status, _seconds in lines}


def ran(results, suite):
    """How many tests passed: libtest is content with none."""
    log = results / f"{suite}.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    return sum(int(count) for count in re.findall(r"^test result: ok\. (\d+) passed", text, re.MULTILINE))


def complaints(name, results, path):
    found = skips(results)
    wanted = expected(path)
    for test, lack in sorted(found - wanted):
        yield f"{name}: {test} was skipped for `{lack}`: {path} does not expect it"
    for test, lack in sorted(wanted - found):
        yield f"{name}: {test} was not skipped for `{lack}`: {path} expects it"
    ended = suites(results)
    for suite in asked(results.parent):
        if suite not in ended:
            yield f"{name}: the suite {suite} did not get to its end"
        elif ended[suite]:
            yield f"{name}: the suite {suite} failed"
        elif not ran(results, suite):
            yield f"{name}: the suite {suite} ran no test: see its name in ci/vm/configurations"


def accept(results, path):
    lines = [f"{test}\t{lack}\n" for test, lack in sorted(skips(results))]
    path.write_text("".join(lines))


class Table:
    """Rows of environments; reasons stand below, once each."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        # Names that are made anew in each run.
        text = re.sub(r"harness-[0-9]+-[0-9a-f]+\.scope", "harness-N.scope", text)
        text = re.sub(r"session-c?[0-9]+\.scope", "session-N.scope", text)
        text = re.sub(r"/proc/[0-9]+/", "/proc/PID/", text)
        # Where the checkout lies decides which directory of the root comes first.
        text = re.sub(r"mount the overlay /[^ :]+", "mount the overlay of a directory", text)
        if text not in self.notes:
            self.notes.append(text)
        return f"[{self.notes.index(text) + 1}]"

    def suite_cell(self, suite, asked, results):
        if suite not in asked:
            return "not run " + self.note(NOT_RUN.get(suite, SLOW))
        only = self.part(asked[suite])
        status = suites(results).get(suite) if (results / "suites").exists() else None
        if status is None:
            return "failed " + self.note("did not get to its end")
        if status:
            return "failed"
        if not ran(results, suite):
            return "failed " + self.note("ran no test")
        needs = sorted({lack for test, lack in skips(results) if test.split("::")[0] == suite})
        count = sum(test.split("::")[0] == suite for test, _ in skips(results))
        passed = f"passed, {count} skipped " + self.note("needs " + "; ".join(needs)) if needs else "passed"
        return passed + only

    def part(self, which):
        """Of a suite of which not all was asked for."""
        if not which:
            return ""
        some = f"without `{which[1:]}`" if which.startswith("-") else f"`{which}` only"
        return " " + self.note(f"{some}: the rest {SLOW}")

    def capability_cell(self, finding):
        if finding is None:
            return "failed " + self.note("harness doctor did not get to its end")
        answer = finding["answer"]
        return answer if answer == "yes" else f"{answer} {self.note(finding['found'])}"

    def lines(self, header, rows):
        yield "| " + " | ".join(header) + " |"
        yield "|" + "---|" * len(header)
        for row in rows:
            yield "| " + " | ".join(row) + " |"


def doctor(path):
    try:
        return doctor_of(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def doctor_of(report):
    return {each["name"]: each for each in report["capabilities"]}


def table(environments, directory):
    """`environments`: name, what it is, suites."""
    made = Table()
    results = {name: directory / name / "results" for name, _, _ in environments}
    order = list(dict.fromkeys(suite for _, _, asked in environments for suite in asked))
    yield from made.lines(
        ["environment", "what it is", *order],
        [[name, what, *(made.suite_cell(suite, asked, results[name]) for suite in order)] for name, what, asked in environments],
    )
    found = {name: doctor(results[name] / "doctor.json") for name, _, _ in environments}
    capabilities = list(dict.fromkeys(each for findings in found.values() for each in findings))
    yield ""
    yield from made.lines(
        ["environment", *capabilities],
        [[name, *(made.capability_cell(findings.get(each)) for each in capabilities)] for name, findings in found.items()],
    )
    yield ""
    yield from simulated(made, results, capabilities)
    yield ""
    yield from (f"[{number}] {text}  " for number, text in enumerate(made.notes, 1))


def simulated(made, results, capabilities):
    """What tests/environments simulates in a machine: a row for each, as above."""
    yield from made.lines(
        ["simulated environment", "in", "user", "tests/environments", *capabilities],
        [row for name, place in results.items() for row in simulated_in(made, name, place, capabilities)],
    )


def simulated_in(made, name, place, capabilities):
    log = place / "environments.log"
    lines = log.read_text().splitlines() if log.exists() else []
    ended = {words[1]: words[-1] for words in (line.split() for line in lines if line.startswith("test simulated::"))}
    for path in sorted((place / "environments").glob("*.json")):
        row = json.loads(path.read_text())
        verdict = "passed" if ended.get(row["test"]) == "ok" else "failed"
        what = row["test"].removeprefix("simulated::").replace("_", " ")
        findings = doctor_of(row["doctor"])
        yield [
            f"{path.stem}: {what}", name, row["user"], verdict,
            *(made.capability_cell(findings.get(each)) for each in capabilities),
        ]


def asked(place):
    """The suites, each with what of it was asked for, if not all."""
    words = (word.partition("/") for word in (place / "asked").read_text().split())
    return {suite: test for suite, _, test in words}


def environments(directory, names):
    for name in names:
        place = directory / name
        yield name, (place / "description").read_text().strip(), asked(place)


def main():
    command, *arguments = sys.argv[1:]
    if command == "table":
        directory, names = Path(arguments[0]), arguments[1:]
        print(HEADER + "\n".join(table(list(environments(directory, names)), directory)))
        return 0
    name, results, path = arguments[0], Path(arguments[1]), Path(arguments[2])
    if command == "accept":
        accept(results, path)
        return 0
    found = list(complaints(name, results, path))
    print("\n".join(found), end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
