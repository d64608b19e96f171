"""Where a tree may lie and what may go on there: two processes at once, a full disk, a directory that nobody may write to."""

import contextlib
import json
import os
import subprocess

import kills
import trees
from sample import Fault


def all_of_them(sample, report):
    rounds = 10
    try:
        busy = kills.races(sample, rounds)
        print(f"two processes at once: {rounds} races, in {busy} of them one was told that it is BUSY")
    except Fault as fault:
        report.add(fault, "two processes at once")
    for what, place in (("a full disk", full_disk), ("a directory that nobody may write to", read_only)):
        try:
            tried = place(sample)
        except Fault as fault:
            report.add(fault, what)
            continue
        except PermissionError:
            print(f"{what}: not tried, since it takes the superuser")
            continue
        for which in tried:
            report.add(which, what)
        print(f"{what}: {len(tried)} tried; trees old: {tried.count('old')}, new: {tried.count('new')}")
    return report


@contextlib.contextmanager
def mounted(sample, options):
    """A small file system of its own."""
    if os.geteuid() != 0:
        raise PermissionError
    place = sample.work / "mounted"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True).returncode != 0:
        place.rmdir()
        raise PermissionError
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()


def refused(sample, root, statuses):
    """Applying fails with one of the statuses, says that the tree is the old one, and it is."""
    run = subprocess.run(sample.command("apply", root), capture_output=True)
    if run.returncode not in statuses:
        raise Fault(f"exit status {run.returncode}: {run.stderr.decode()}")
    outcome = json.loads(run.stdout)["outcome"]
    if outcome not in ("unchanged", "rolled_back"):
        raise Fault(f"it said {outcome}: {run.stderr.decode()}")
    if sample.which(root) != "old":
        raise Fault(f"it said {outcome}, and the tree is new")


def full_disk(sample):
    """A disk with room for so and so many blocks more, until there is enough."""
    tried = []
    with mounted(sample, "size=64m,mode=755") as place:
        root = place / "tree"
        trees.copy(sample.starts["apply"], root)
        system = os.statvfs(place)
        used = (system.f_blocks - system.f_bfree) * system.f_frsize
        for blocks in range(0, 200, 3):
            subprocess.run(["mount", "-o", f"remount,size={used + blocks * 4096}", place], check=True)
            run = subprocess.run(sample.command("apply", root), capture_output=True)
            if run.returncode == 0:
                sample.expect(root, sample.new)
                tried.append("new")
                break
            if run.returncode != 22 or sample.which(root) != "old":
                raise Fault(f"exit status {run.returncode}: {run.stderr.decode()}")
            tried.append("old")
            trees.remove(root / trees.WORK_FOLDER)
        # As many files as there can be.
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        trees.remove(root)
        trees.copy(sample.starts["apply"], root)
        system = os.statvfs(place)
        for more in range(1, 60):
            subprocess.run(["mount", "-o", f"remount,nr_inodes={system.f_files - system.f_ffree + more}", place], check=True)
            run = subprocess.run(sample.command("apply", root), capture_output=True)
            if run.returncode == 0:
                sample.expect(root, sample.new)
                tried.append("new")
                break
            if run.returncode != 22 or sample.which(root) != "old":
                raise Fault(f"exit status {run.returncode}: {run.stderr.decode()}")
            tried.append("old")
            trees.remove(root / trees.WORK_FOLDER)
    if tried.count("new") != 2:
        raise Fault("it never fitted")
    return tried


def read_only(sample):
    """A file system that is mounted read-only, and for who is not the superuser a folder without permission to write."""
    tried = []
    if os.geteuid() != 0:
        root, _ = sample.copy(sample.starts["apply"])
        for folder in (root, root / "stays"):
            mode = folder.stat().st_mode
            folder.chmod(0o555)
            run = subprocess.run(sample.command("apply", root), capture_output=True)
            folder.chmod(mode)
            if run.returncode != 25 or sample.which(root) != "old":
                raise Fault(f"exit status {run.returncode}: {run.stderr.decode()}")
            tried.append("old")
        sample.drop(root)
        return tried
    with mounted(sample, "size=64m,mode=755") as place:
        root = place / "tree"
        trees.copy(sample.starts["apply"], root)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        refused(sample, root, {25})
        tried.append("old")
    return tried
