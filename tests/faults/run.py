"""The fault tests of trees. See tests/tree_faults.sh."""

import argparse
import concurrent.futures
import os
import sys
import time

import calls as system
import kills
import model
import places
import power
from sample import Fault, Sample

OTHER_ERRORS = ["ENOSPC", "EACCES", "EXDEV"]
# More than are synced one by one.
MORE = 36
KINDS = {"delta", "replace", "copy", "delete", "directory", "symlink", "mode"}


class Report:
    """What was tried and what came of it, added up; every broken promise is printed at once."""

    def __init__(self):
        self.tried, self.old, self.new, self.others = 0, 0, 0, 0
        self.began = time.monotonic()

    def add(self, result, what):
        self.tried += 1
        if isinstance(result, Fault):
            self.others += 1
            print(f"  BROKEN: {what}: {result}", flush=True)
        elif result == "old":
            self.old += 1
        elif result == "new":
            self.new += 1

    def line(self, what):
        seconds = time.monotonic() - self.began
        print(f"{what}: {self.tried} tried; trees old: {self.old}, new: {self.new}, others: {self.others} ({seconds:.0f} s)", flush=True)

    def __iadd__(self, other):
        for name in ("tried", "old", "new", "others"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


def attempt(test, *arguments):
    try:
        return test(*arguments)
    except Fault as fault:
        return fault


def many(pool, jobs):
    """Runs jobs, each a description and a test with its arguments."""
    report = Report()
    results = pool.map(lambda job: attempt(*job[1:]), jobs)
    for (what, *_), result in zip(jobs, results):
        report.add(result, what)
    return report


def operations(sample):
    """What is disturbed: by name the operation, where it begins, and which tree that is."""
    return {
        "apply": ("apply", sample.starts["apply"], "old"),
        "apply --no-backup": ("apply --no-backup", sample.starts["apply"], "old"),
        "rollback": ("rollback", sample.starts["rollback"], "new"),
    }


def spread(items, most):
    """At most so many of `items`, evenly."""
    step = max(1, -(-len(items) // most))
    return items[::step]


def kill_every_call(sample, pool):
    total = Report()
    for name, (operation, start, _) in operations(sample).items():
        faults = [system.Fault(call.name, call.number, "signal=KILL") for call in kills.changes(kills.calls_of(sample, operation, start))]
        report = many(pool, [(f"{name}: {fault}", kills.killed, sample, operation, start, fault) for fault in faults])
        report.line(f"{name} killed at every call that changes a file")
        total += report
    return total


def kill_every_recovery(sample, pool, soak):
    """Kills during the recovery from kills: from some of them at every call, or from all."""
    jobs = []
    for name, (operation, start, _) in operations(sample).items():
        found = [call for call in kills.changes(kills.calls_of(sample, operation, start)) if call.name != "write"]
        for call in found if soak else spread(found, 12):
            fault = system.Fault(call.name, call.number, "signal=KILL")
            left = kills.left_by(sample, operation, start, fault)
            again = kills.changes(kills.calls_of(sample, "recover", left))
            for second in again if soak else spread(again, 12):
                second = system.Fault(second.name, second.number, "signal=KILL")
                what = f"{name}: {fault}, recovery: {second}"
                jobs.append((what, kills.killed_twice, sample, operation, start, fault, second))
    report = many(pool, jobs)
    report.line("killed, and killed again during the recovery")
    return report


def fail_every_call(sample, pool, soak):
    """Every call fails with EIO, and with another error in turn, or with all of them."""
    total = Report()
    todo = dict(operations(sample))
    # A recovery goes on from where the folders, or half of the files, had been changed.
    for verb, number in (("apply", 5), ("apply", 30), ("rollback", 20)):
        _, start, _ = todo[verb]
        fault = system.Fault("renameat2", number, "signal=KILL")
        todo[f"recover after {verb} ({fault})"] = ("recover", kills.left_by(sample, verb, start, fault), None)
    for name, (operation, start, before) in todo.items():
        found = kills.calls_of(sample, operation, start)
        faults = []
        for number, call in enumerate(found):
            errors = ["EIO", *(OTHER_ERRORS if soak else [OTHER_ERRORS[number % 3]])]
            faults += [system.Fault(call.name, call.number, f"error={error}") for error in errors]
        report = many(pool, [(f"{name}: {fault}", kills.failed, sample, operation, start, fault, before) for fault in faults])
        report.line(f"{name}, every call failing")
        total += report
    return total


def cut_the_power(sample, pool, soak, seed):
    """Power cuts in undisturbed runs, in runs that fail and go back, and after a kill, before and during the recovery."""
    total, syncs, unmissed = Report(), {"needed": 0, "doubled": 0, "idle": 0}, []
    many_states = dict(singles=10**6, subsets=50) if soak else dict(singles=4, subsets=2)
    few_states = many_states if soak else dict(singles=1, subsets=1)
    report = Report()
    for name, (operation, start, _) in operations(sample).items():
        recording = power.Recording(sample, start, (operation, None))
        power.cuts(sample, recording, **many_states, seed=seed, pool=pool, report=report)
        counts, missing = power.forgotten_syncs(sample, recording, pool)
        syncs = {kind: syncs[kind] + counts[kind] for kind in syncs}
        unmissed += missing
    report.line("the power cut at every call")
    total += report
    report = Report()
    for name, (operation, start, _) in operations(sample).items():
        found = [call for call in kills.changes(kills.calls_of(sample, operation, start)) if call.name != "write"]
        for call in found if soak else spread(found, 5):
            fault = system.Fault(call.name, call.number, "signal=KILL")
            recording = power.Recording(sample, start, (operation, fault), ("recover", None))
            power.cuts(sample, recording, **few_states, seed=seed, pool=pool, report=report)
    report.line("killed, and the power cut during the recovery")
    total += report
    report = Report()
    for name, (operation, start, _) in operations(sample).items():
        found = [call for call in kills.calls_of(sample, operation, start) if call.name in ("renameat", "renameat2", "fsync")]
        for call in found if soak else spread(found[len(found) // 2:], 2):
            fault = system.Fault(call.name, call.number, "error=EIO")
            try:
                recording = power.Recording(sample, start, (operation, fault))
            except system.Unexpected:
                # It may succeed all the same, when all was done but the last sync.
                continue
            power.cuts(sample, recording, **few_states, seed=seed, pool=pool, report=report)
            # A rollback that goes forward again undoes what some syncs were for.
            if name == "apply" and call is found[len(found) // 2]:
                counts, missing = power.forgotten_syncs(sample, recording, pool)
                syncs = {kind: syncs[kind] + counts[kind] for kind in syncs}
                unmissed += missing
    report.line("a call failed, and the power cut while it was taken back")
    total += report
    report = Report()
    for what in unmissed:
        report.add(Fault("nothing broke without it"), what)
    print(
        f"each sync forgotten once: {sum(syncs.values()) + len(unmissed)} syncs; broke a tree: {syncs['needed']}, "
        f"only together with another of the same folder: {syncs['doubled']}, had nothing to make durable: {syncs['idle']}, "
        f"not missed: {len(unmissed)}",
        flush=True,
    )
    total.others += report.others
    return total


def cut_the_power_over_many(sample, pool, seed):
    """Power cuts where so much changes that the file system is synced as a whole, and each of these syncs forgotten."""
    report, unmissed, whole = Report(), [], 0
    for name, (operation, start, _) in operations(sample).items():
        recording = power.Recording(sample, start, (operation, None))
        power.cuts(sample, recording, singles=1, subsets=1, seed=seed, pool=pool, report=report, most=40)
        counts, missing = power.forgotten_syncs(sample, recording, pool, only=model.WHOLE)
        whole += sum(counts.values()) + len(missing)
        unmissed += missing
    if not whole:
        report.add(Fault("the file system was never synced as a whole"), "many changes")
    for what in unmissed:
        report.add(Fault("nothing broke without it"), what)
    report.line(f"a large change, its {whole} syncs of the whole file system forgotten once each, and the power cut")
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", help="the patchcore to test")
    parser.add_argument("--soak", action="store_true", help="all pairs of kills, all single losses, many random ones: hours")
    parser.add_argument("--seed", default="1", help="of what is chosen at random")
    parser.add_argument("--only", action="append", choices=["kills", "errors", "power", "places"], help="only these")
    options = parser.parse_args()
    os.umask(0o022)
    sample = Sample(os.path.realpath(options.binary))
    if sample.kinds != KINDS:
        raise SystemExit(f"the package has changes of the kinds {sorted(sample.kinds)}, and should have {sorted(KINDS)}")
    if not sample.joined:
        raise SystemExit("the package has no delta that makes several files, and should have one")
    only = options.only or ["kills", "errors", "power", "places"]
    total = Report()
    with concurrent.futures.ThreadPoolExecutor(2 * (os.cpu_count() or 1)) as pool:
        if "kills" in only:
            total += kill_every_call(sample, pool)
            total += kill_every_recovery(sample, pool, options.soak)
        if "errors" in only:
            total += fail_every_call(sample, pool, options.soak)
        if "power" in only:
            total += cut_the_power(sample, pool, options.soak, options.seed)
            total += cut_the_power_over_many(Sample(sample.binary, more=MORE), pool, options.seed)
    if "places" in only:
        total += places.all_of_them(sample, Report())
    total.line("trees")
    sys.exit(1 if total.others else 0)


if __name__ == "__main__":
    main()
