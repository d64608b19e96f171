"""Kills and failing system calls: at every call that changes a file, one after the other."""

import json

import calls as system
import trees
from power import Recording
from sample import Fault

# What a failing call must make the exit status: IO, NO_SPACE, PERMISSION.
STATUS = {"EIO": 20, "ENOSPC": 22, "EACCES": 25, "EXDEV": 20}


def calls_of(sample, operation, start):
    """The calls that an undisturbed run makes on the tree."""
    found = []
    Recording(sample, start, (operation, None)).replay(lambda _, call, number: found.append(call) if call else None)
    return found


def changes(found):
    """Those that change something, where a kill leaves another state than the call before."""
    return [call for call in found if call.name not in ("open", "openat") or "O_CREAT" in str(call.arguments)]


def killed(sample, operation, start, fault):
    """The tree after a kill and a recovery."""
    root, trace = sample.copy(start)
    try:
        if not system.interfere(sample.command(operation, root), fault, trace)[1]:
            raise Fault("there was no such call")
        which = sample.recover(root, operation)
        sample.there_and_back(root, which, operation)
        return which
    finally:
        sample.drop(root)


def killed_twice(sample, operation, start, fault, again):
    """The tree after a kill, another one at `again` of the recovery, and a recovery that nobody disturbs."""
    root, trace = sample.copy(start)
    try:
        system.interfere(sample.command(operation, root), fault, trace)
        if not system.interfere(sample.command("recover", root), again, trace)[1]:
            return None
        which = sample.recover(root, operation)
        sample.there_and_back(root, which, operation)
        return which
    finally:
        sample.drop(root)


def failed(sample, operation, start, fault, before):
    """The tree after a call that failed. `before` is what it was, "old" or "new"; None where either will do."""
    root, trace = sample.copy(start)
    try:
        run, happened = system.interfere(sample.command(operation, root), fault, trace)
        if not happened:
            raise Fault("there was no such call")
        if run.returncode == 0:
            which = sample.which(root)
            if which == before:
                raise Fault(f"it said that it succeeded, and the tree is {which}")
        else:
            which = judge_failure(sample, run, root, fault, before)
        if sample.recover(root, operation) != which and which is not None:
            raise Fault(f"the {which} tree became another one when it was opened")
        which = sample.which(root)
        sample.there_and_back(root, which, operation)
        return which
    finally:
        sample.drop(root)


def judge_failure(sample, run, root, fault, before):
    try:
        error = json.loads(run.stdout)
    except ValueError:
        raise Fault(f"exit status {run.returncode} and no error: {run.stderr.decode().strip()}") from None
    wanted = STATUS[fault.action.split("=")[1]]
    if error["status"] != run.returncode or run.returncode != wanted:
        raise Fault(f"exit status {run.returncode}, not {wanted}: {error['message']}")
    if error["outcome"] in ("unchanged", "rolled_back") and before is not None:
        which = sample.which(root)
        if which != before:
            raise Fault(f"it said {error['outcome']}, and the tree is {which}")
        return which
    if before is not None or error["outcome"] in ("unchanged", "rolled_back"):
        raise Fault(f"it said {error['outcome']}: {error['message']}")
    return None


def left_by(sample, operation, start, fault):
    """A tree as a kill left it, to begin a recovery with."""
    root, trace = sample.copy(start)
    system.interfere(sample.command(operation, root), fault, trace)
    return root


def races(sample, rounds):
    """Two processes at once: one wins and the other is told so, or comes when all is done."""
    busy = 0
    for number in range(rounds):
        root, trace = sample.copy(sample.starts["apply"])
        slow = system.slowed(sample.command("apply", root), "renameat2", 2 + number % 30, 400_000, trace)
        system.wait_until(lambda: (root / trees.WORK_FOLDER / "1" / "journal.json").exists() or slow.poll() is not None)
        second = system.run(sample.command("apply", root))
        slow.communicate()
        statuses = sorted([slow.returncode, second.returncode])
        if statuses not in ([0, 0], [0, 14]):
            raise Fault(f"two processes at once: exit statuses {statuses}")
        if second.returncode == 14 and json.loads(second.stdout)["outcome"] != "unchanged":
            raise Fault(f"the one that was too late: {second.stdout.decode()}")
        busy += 14 in statuses
        sample.expect(root, sample.new)
        sample.drop(root)
    if busy < rounds / 2:
        raise Fault(f"of {rounds} races only {busy} met")
    return busy
