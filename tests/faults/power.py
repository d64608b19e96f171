"""Power cuts: at any moment of a recorded run, whatever was not synced is lost, or some of it."""

import os
import random

import model
import calls as system
import trees
from sample import Fault, has_backup


class Recording:
    """One run of an operation, or several in a row, and the states that a power cut at any moment of it may leave."""

    def __init__(self, sample, start, *runs):
        """`runs`: operations, each with the fault that it meets or None."""
        self.sample, self.start, self.calls = sample, start, []
        self.operation = ", then ".join(operation + (f" ({fault})" if fault else "") for operation, fault in runs)
        root, file = sample.copy(start)
        self.path = model.Model(root).path
        for operation, fault in runs:
            # What a process had open is closed when it ends.
            self.calls += [None, *system.record(sample.command(operation, root), file, fault)]
        self.after = trees.read(root)
        end = self.replay(lambda *_: None)
        disk = model.Model(root)
        if end.state(end.lost([])) != disk.state(disk.lost([])):
            raise SystemExit(f"the model of {self.operation} does not follow: what it makes is not what is on the disk")
        sample.drop(root)

    def replay(self, visit, ignored=()):
        """Follows the calls, and shows the model to `visit` before the first and after each that is about the tree. The syncs of
        the numbers `ignored` do nothing."""
        replayed = model.Model(self.start)
        replayed.path = self.path
        visit(replayed, None, -1)
        for number, call in enumerate(self.calls):
            if call is None:
                replayed.open.clear()
            elif replayed.follow(call, number in ignored):
                visit(replayed, call, number)
        return replayed

    def syncs(self):
        """The numbers of the calls that make something of the tree durable, and what."""
        found = {}

        def visit(replayed, call, number):
            if call and call.name in model.SYNCS and not call.failed:
                found[number] = replayed.sync_name(call)

        self.replay(visit)
        return found

    def states(self, singles, subsets, seed):
        """Different states, each with the moment and whether the run was over: all that is pending lost, none of it, single
        ones, all but single ones, and random ones, where contents may also be there by half or as zeros."""
        chance = random.Random(f"{seed} {self.operation}")
        seen, found = set(), []

        def add(state, number, what):
            key = hash(state)
            if key not in seen:
                seen.add(key)
                found.append((state, False, f"a power cut after call {number} of {self.operation}: {what}"))

        def visit(replayed, call, number):
            pending = replayed.pending()
            add(replayed.state(replayed.lost(pending)), number, "all lost")
            add(replayed.state(replayed.lost([])), number, "nothing lost")
            for item in pick(chance, pending, singles):
                add(replayed.state(replayed.lost([item])), number, f"lost {describe(replayed, item)}")
            for item in pick(chance, pending, singles):
                rest = [other for other in pending if other != item]
                add(replayed.state(replayed.lost(rest)), number, f"only kept {describe(replayed, item)}")
            for _ in range(subsets if len(pending) > 1 else 0):
                items = [item for item in pending if chance.random() < 0.5]
                add(replayed.state(replayed.lost(items, spoil(chance))), number, f"lost {len(items)} of {len(pending)}")

        end = self.replay(visit)
        # Once the command has said that it is done, the power may do what it likes.
        for what, items in [("all lost", end.pending()), *((describe(end, item), [item]) for item in end.pending())]:
            found.append((end.state(end.lost(items)), True, f"a power cut after {self.operation} was done: {what}"))
        return found

    def states_without(self, ignored):
        """States that a power cut may leave where these syncs are forgotten: what they would have made durable lost, as a whole
        and one by one. None where they made nothing durable."""
        kept = {}
        self.replay(lambda replayed, _, number: kept.update({number: set(replayed.pending())}))
        seen, found = set(), []

        def visit(replayed, call, number):
            pending = replayed.pending()
            victims = [item for item in pending if item not in kept[number]]
            if not victims:
                return
            others = [item for item in pending if item not in victims]
            for items in [victims, pending, *([item] for item in victims), *([item, *others] for item in victims)]:
                state = replayed.state(replayed.lost(items))
                if hash(state) not in seen:
                    seen.add(hash(state))
                    found.append((state, False, f"call {number}, lost {', '.join(describe(replayed, i) for i in items)}"))

        end = self.replay(visit, ignored)
        for items in [end.pending(), *([item] for item in end.pending())]:
            found.append((end.state(end.lost(items)), True, "after the end"))
        return found if seen else None


def pick(chance, items, most):
    return items if len(items) <= most else chance.sample(items, most)


def spoil(chance):
    how = chance.choice(["durable", "half", "zeros"])
    if how == "durable":
        return None
    return lambda inode: inode.content[: len(inode.content) // 2] if how == "half" else bytes(len(inode.content))


def describe(replayed, item):
    kind, number = item
    if kind == "changes":
        return replayed.changes[number].what
    return f"{kind[:-1]} of {replayed.path_of(number)}"


def judge(sample, recording, state, done, further):
    """Which tree a recovery makes of the state. `done`: the operation had said that it was."""
    root = sample.work / f"cut-{os.getpid()}-{next(trees_counter)}"
    model.write_out(state, root)
    try:
        which = sample.recover(root, recording.operation)
        if done and trees.read(root) != recording.after:
            raise Fault(f"the {which} tree, although the command had succeeded")
        if which == "new" and has_backup(recording.operation):
            sample.run("tree", "rollback", root)
            sample.expect(root, sample.old)
        if further:
            sample.run("tree", "apply", root, sample.package)
            sample.expect(root, sample.new)
        return which
    finally:
        trees.remove(root)


trees_counter = iter(range(1 << 60))


def cuts(sample, recording, singles, subsets, seed, pool, report, most=10**9):
    """Judges the states of a recording, or so many of them at random."""
    states = pick(random.Random(seed), recording.states(singles, subsets, seed), most)

    def one(numbered):
        number, (state, done, _) = numbered
        try:
            return judge(sample, recording, state, done, number % 4 == 0)
        except Fault as fault:
            return fault

    for result, (_, _, what) in zip(pool.map(one, enumerate(states)), states):
        report.add(result, what)


def forgotten_syncs(sample, recording, pool, only=None):
    """Forgets each sync in turn, or those of one name only. Returns how many were needed, how many stood in for one another and how many had nothing to do,
    and those that nobody missed."""
    syncs = {number: name for number, name in recording.syncs().items() if only in (None, name)}

    def missed(numbers):
        states = recording.states_without(numbers)
        if states is None:
            return "idle"
        for state, done, _ in states:
            try:
                judge(sample, recording, state, done, False)
            except Fault:
                return "needed"
        return None

    def one(number):
        same = [other for other, name in syncs.items() if name == syncs[number]]
        # The next sync of the same folder may do as well, as long as there is one.
        return missed([number]) or ("doubled" if len(same) > 1 and missed(same) == "needed" else None)

    results = dict(zip(syncs, pool.map(one, syncs)))
    counts = {kind: list(results.values()).count(kind) for kind in ("needed", "doubled", "idle")}
    unmissed = [f"{recording.operation}: the sync of {syncs[n]} (call {n})" for n, kind in results.items() if kind is None]
    return counts, unmissed
