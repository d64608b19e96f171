"""The trees, the package and the commands that all fault tests share, and how they judge what is left."""

import itertools
import json
import os
import subprocess
import tempfile
import zipfile
from pathlib import Path

import trees

COUNTER = itertools.count()


class Fault(Exception):
    """A broken promise."""


class Sample:
    def __init__(self, binary, more=0):
        """`more`: so many more files, each in a folder of its own, that change."""
        self.binary = binary
        more_old, more_new = trees.more(more, "old"), trees.more(more, "new")
        memory = Path("/dev/shm")
        folder = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
        self.folder = tempfile.TemporaryDirectory(prefix="patchcore-faults-", dir=folder)
        self.work = Path(self.folder.name)
        before, after = self.work / "before", self.work / "after"
        for root, listing in ((before, trees.OLD | more_old), (after, trees.NEW | more_new)):
            root.mkdir(mode=0o755)
            trees.write(root, listing)
        self.package = self.work / "update.zip"
        self.run("tree", "diff", before, after, "-o", self.package, "--replace-directory", "whole")
        self.kinds = {
            action["kind"] for action in self.json("tree", "apply", "-n", before, self.package)["actions"]
        }
        with zipfile.ZipFile(self.package) as package:
            self.joined = json.loads(package.read(".patchcore/patch.json")).get("joined", [])
        trees.write(before, trees.UNLISTED)
        self.old = trees.read(before)
        self.new = trees.listed(trees.NEW | more_new) | {
            path: item for path, item in self.old.items() if path in trees.UNLISTED and path != "whole/unlisted"
        }
        applied = self.work / "applied"
        trees.copy(before, applied)
        self.run("tree", "apply", applied, self.package)
        self.expect(applied, self.new)
        self.starts = {"apply": before, "rollback": applied}

    def command(self, operation, root):
        """The command line of an operation, such as "apply --no-backup", on the tree at `root`."""
        verb, *options = operation.split()
        more = [self.package] if verb == "apply" else []
        return [self.binary, "tree", verb, "--json", root, *more, *options]

    def copy(self, start):
        """A tree to break, and a place for a trace beside it."""
        root = self.work / f"tree-{next(COUNTER)}"
        trees.copy(start, root)
        return root, Path(f"{root}.trace")

    def drop(self, root):
        trees.remove(root)
        Path(f"{root}.trace").unlink(missing_ok=True)

    def run(self, *arguments):
        """Runs patchcore, which must succeed."""
        run = subprocess.run([self.binary, *arguments], capture_output=True)
        if run.returncode != 0:
            raise Fault(f"patchcore {' '.join(map(str, arguments))}: {run.returncode} {run.stderr.decode().strip()}")
        return run.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments, "--json"))

    def expect(self, root, wanted):
        found = trees.read(root)
        if found != wanted:
            raise Fault(trees.differences(found, wanted))

    def which(self, root):
        """Whether the tree is the old one or the new one, and nothing else."""
        found = trees.read(root)
        if found == self.old:
            return "old"
        if found == self.new:
            return "new"
        against_old, against_new = trees.differences(found, self.old), trees.differences(found, self.new)
        raise Fault(f"neither old ({against_old}) nor new ({against_new})")

    def recover(self, root, operation):
        """Recovers after `operation` broke off, and says which tree it is. Nothing of ours that nobody needs may be left."""
        self.run("tree", "recover", root)
        which = self.which(root)
        needed = {"lock", "state.json"} | ({"1"} if which == "new" and has_backup(operation) else set())
        left = set(trees.left_in_work_folder(root)) - needed
        if left:
            raise Fault(f"{which}, and {', '.join(sorted(left))} is left")
        return which

    def there_and_back(self, root, which, operation):
        """From either tree a patch still leads to the new one, and a rollback to the old one."""
        if which == "new" and has_backup(operation):
            self.run("tree", "rollback", root)
            self.expect(root, self.old)
        self.run("tree", "apply", root, self.package)
        self.expect(root, self.new)


def has_backup(operation):
    return "--no-backup" not in operation
