"""Two versions of a small tree that differ in every way a patch knows, and what stands in a directory, exactly."""

import hashlib
import os
import shutil
import stat
from pathlib import Path

WORK_FOLDER = ".patchcore"


def text(seed, lines=120):
    """Some kilobytes that compress as real files do and are like no others."""
    return "".join(f"{number} {hashlib.sha256(f'{seed} {number}'.encode()).hexdigest()}\n" for number in range(lines))


GAINED = text("gained", 60)

# A file is its text, or its text and mode; a folder ends with "/" and has a mode or none; a link begins with "-> ".
OLD = {
    "changed": text("changed"),
    "changed-kept-mode": (text("kept"), 0o640),
    "changed-script": (text("script"), 0o755),
    "replaced": "old\n",
    "moves-from": text("moves"),
    "copied": text("copied"),
    "swap-a": text("a", 3),
    "swap-b": text("b", 3),
    "gone": "gone\n",
    "removed/": 0o700,
    "removed/deep/": None,
    "removed/deep/file": "removed\n",
    "removed/empty/": 0o2775,
    "file-to-folder": "a file\n",
    "folder-to-file/": None,
    "folder-to-file/inner": "inner\n",
    "file-to-link": "a file\n",
    "link-to-file": "-> copied",
    "folder-to-link/": None,
    "folder-to-link/inner": "inner\n",
    "link": "-> copied",
    "link-gone": "-> nowhere",
    "becomes-executable": "#!/bin/sh\n",
    "becomes-plain": ("plain\n", 0o755),
    "whole/": None,
    "whole/old": "old\n",
    "whole/both": "both, old\n",
    "stays/": 0o750,
    "stays/same": "same\n",
    "stays/changed": text("in stays", 40),
    "alike-a": text("alike a", 50),
    "alike-b": (text("alike b", 60), 0o700),
}
NEW = {
    "changed": text("changed").replace("77 ", "seventy-seven "),
    "changed-kept-mode": (text("kept") + "more\n", 0o640),
    "changed-script": (text("script")[:-100], 0o755),
    "replaced": "new\n",
    "moved/": None,
    "moved/to": text("moves"),
    "copied": text("copied"),
    "copy": text("copied"),
    "swap-a": text("b", 3),
    "swap-b": text("a", 3),
    "made/": None,
    "made/deep/": None,
    "made/deep/file": text("made", 4),
    "made/empty/": None,
    "made/nothing": "",
    "file-to-folder/": None,
    "file-to-folder/inner": "inner\n",
    "folder-to-file": "a file\n",
    "file-to-link": "-> copy",
    "link-to-file": "a file\n",
    "folder-to-link": "-> stays",
    "link": "-> copy",
    "link-made": "-> made/deep",
    "becomes-executable": ("#!/bin/sh\n", 0o755),
    "becomes-plain": "plain\n",
    "whole/": None,
    "whole/new/": None,
    "whole/new/file": "new\n",
    "whole/both": "both, new\n",
    "stays/": 0o750,
    "stays/same": "same\n",
    "stays/changed": text("in stays", 40) + "and changes\n",
    "alike-a": text("alike a", 50) + GAINED,
    "alike-b": (GAINED + text("alike b", 60), 0o700),
    "alike-made": GAINED + text("alike a", 10),
}
# What no release listed: it stays, but for what lies in the folder that is replaced as a whole.
UNLISTED = {
    "saved": ("a saved game\n", 0o600),
    "stays/log": "a log\n",
    "whole/unlisted": "goes, and comes back\n",
}


def more(files, version):
    """A listing of so many more files, each in a folder of its own."""
    listing = {"more/": None} if files else {}
    for number in range(files):
        listing |= {f"more/{number}/": None, f"more/{number}/file": f"{version} {number}\n"}
    return listing


def write(root, listing):
    """Writes what a listing says, beside what there is."""
    for name, what in listing.items():
        path = Path(root, name)
        content, mode = what if isinstance(what, tuple) else (what, 0o644)
        if name.endswith("/"):
            path.mkdir()
            path.chmod(0o755 if what is None else what)
        elif content.startswith("-> "):
            path.symlink_to(content[3:])
        else:
            path.write_text(content)
            path.chmod(mode)


def read(root):
    """What stands in a directory: by path its kind, its permissions, and its content or target. Our own folder apart."""
    found = {}

    def below(folder, prefix):
        for entry in os.scandir(folder):
            name = prefix + entry.name
            if name == WORK_FOLDER:
                continue
            status = entry.stat(follow_symlinks=False)
            if entry.is_symlink():
                found[name] = ("link", os.readlink(entry.path))
            elif entry.is_dir():
                found[name] = ("folder", stat.S_IMODE(status.st_mode))
                below(entry.path, name + "/")
            else:
                found[name] = ("file", stat.S_IMODE(status.st_mode), Path(entry.path).read_bytes())

    below(root, "")
    return found


def listed(listing):
    """The same as `read`, of a listing that is written nowhere."""
    found = {}
    for name, what in listing.items():
        content, mode = what if isinstance(what, tuple) else (what, 0o644)
        if name.endswith("/"):
            found[name[:-1]] = ("folder", 0o755 if what is None else what)
        elif content.startswith("-> "):
            found[name] = ("link", content[3:])
        else:
            found[name] = ("file", mode, content.encode())
    return found


def differences(found, wanted):
    """The paths at which two directories differ, and how, for people."""
    lines = []
    for path in sorted(found.keys() | wanted.keys()):
        if found.get(path) != wanted.get(path):
            lines.append(f"{path}: {short(found.get(path))}, not {short(wanted.get(path))}")
    return "; ".join(lines)


def short(item):
    if item is None:
        return "nothing"
    kind, *rest = item
    rest = [oct(part) if isinstance(part, int) else repr(part[:24]) for part in rest]
    return " ".join([kind, *rest])


def left_in_work_folder(root):
    """What of ours lies beside the tree, whatever stands in the lock and the state."""
    work = Path(root, WORK_FOLDER)
    return sorted(os.listdir(work)) if work.is_dir() else []


def copy(source, target):
    """A copy with permissions, links as they are."""
    shutil.copytree(source, target, symlinks=True)


def remove(root):
    shutil.rmtree(root, ignore_errors=True)
