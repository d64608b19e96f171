"""A file system that can lose its power: it follows the calls of a recorded run and knows what of them is durable.

What a file holds is durable once the file was synced; a name in a folder once that folder was synced, a rename once both
folders were; permissions once the file or folder was. All that is not durable may be lost or kept, each on its own and in
whatever order: no file system is worse than that, and few promise more. Only two things are certain without a sync, since they
are one step in every file system: a rename is done or not, and a folder is not removed while something is in it.
"""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

UMASK = 0o022
SYNCS = ("fsync", "fdatasync", "syncfs")
WHOLE = "the file system"


@dataclass
class Inode:
    kind: str
    mode: int
    content: bytes = b""
    durable_content: bytes = b""
    durable_mode: int = 0


@dataclass
class Change:
    """A change of names that is one step: `moves` are (folder, name, inode that leaves it, inode that comes to it)."""

    moves: list
    unsynced: set
    removed_folder: int = None
    what: str = ""


@dataclass
class Lost:
    """What a power cut takes of all that is not durable."""

    changes: set = field(default_factory=set)
    contents: dict = field(default_factory=dict)
    modes: set = field(default_factory=set)


class Model:
    ROOT = 1

    def __init__(self, root):
        self.path = os.fsencode(os.path.realpath(root))
        self.inodes, self.names, self.open = {}, {}, {}
        self.changes = []
        self.read(Path(os.fsdecode(self.path)))
        self.first_names = {folder: dict(names) for folder, names in self.names.items()}

    def read(self, path):
        """Takes over what is on the disk, all of it durable."""
        status = os.lstat(path)
        number = len(self.inodes) + 1
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            self.inodes[number] = Inode("folder", mode, durable_mode=mode)
            names = self.names[number] = {}
            for name in sorted(os.listdir(os.fsencode(path))):
                names[name] = self.read(Path(path, os.fsdecode(name)))
        elif stat.S_ISLNK(status.st_mode):
            target = os.fsencode(os.readlink(path))
            self.inodes[number] = Inode("link", 0o777, target, target, 0o777)
        else:
            content = path.read_bytes()
            self.inodes[number] = Inode("file", mode, content, content, mode)
        return number

    # The calls.

    def follow(self, call, ignoring_sync=False):
        """Does what `call` did. Says whether it was about the tree."""
        handler = getattr(self, "do_" + call.name, None)
        if handler is None:
            handler = self.do_unknown
        if call.name in SYNCS and ignoring_sync:
            return True
        return bool(handler(call))

    def do_unknown(self, call):
        inside = any(isinstance(part, bytes) and part.startswith(self.path) for part in call.arguments)
        if inside or (isinstance(call.arguments[0], int) and call.arguments[0] in self.open_of(call)):
            raise SystemExit(f"the model does not know {call.name}{call.arguments}")

    def open_of(self, call):
        # All threads of the one process share its files.
        return self.open

    def find(self, at, path):
        """The folder and name that a path of a call leads to; None outside the tree. The root is (None, None)."""
        if path.startswith(b"/"):
            if path != self.path and not path.startswith(self.path + b"/"):
                return None
            folder, names = self.ROOT, [name for name in path[len(self.path):].split(b"/") if name]
        else:
            if at not in self.open:
                return None
            folder, names = self.open[at][0], [name for name in path.split(b"/") if name not in (b"", b".")]
        if not names:
            return (None, folder)
        for name in names[:-1]:
            folder = self.names[folder][name]
        return (folder, names[-1])

    def at(self, place):
        if place is None:
            return None
        folder, name = place
        return name if folder is None else self.names.get(folder, {}).get(name)

    def change(self, what, *moves, removed_folder=None):
        for folder, name, _, comes in moves:
            if comes is None:
                self.names[folder].pop(name, None)
            else:
                self.names[folder][name] = comes
        self.changes.append(Change(list(moves), {move[0] for move in moves}, removed_folder, what))

    def do_openat(self, call):
        return self.opened(call, *call.arguments)

    def opened(self, call, at, path, flags, *mode):
        place = self.find(at, path)
        if place is None:
            self.open.pop(call.result, None)
            return False
        if call.failed:
            return True
        number = self.at(place)
        if number is None:
            number = self.make("file", mode[0] & ~UMASK)
            self.change(f"create {place[1].decode()}", (*place, None, number))
        if "O_TRUNC" in flags:
            self.inodes[number].content = b""
        self.open[call.result] = [number, 0]
        return True

    def do_open(self, call):
        return self.opened(call, "AT_FDCWD", *call.arguments)

    def make(self, kind, mode, content=b""):
        number = len(self.inodes) + 1
        durable = content if kind == "link" else b""
        self.inodes[number] = Inode(kind, mode, content, durable, mode)
        if kind == "folder":
            self.names[number] = {}
            self.first_names[number] = {}
        return number

    def do_close(self, call):
        self.open.pop(call.arguments[0], None)

    def do_fcntl(self, call):
        if str(call.arguments[1]).startswith("F_DUPFD") and call.arguments[0] in self.open:
            self.open[call.result] = self.open[call.arguments[0]]

    def do_lseek(self, call):
        if call.arguments[0] in self.open and not call.failed:
            self.open[call.arguments[0]][1] = call.result

    def do_write(self, call):
        file = self.open.get(call.arguments[0])
        if file is None:
            return False
        if not call.failed:
            inode, position = self.inodes[file[0]], file[1]
            data = call.arguments[1][: call.result]
            content = inode.content.ljust(position, b"\0")
            inode.content = content[:position] + data + content[position + len(data):]
            file[1] = position + len(data)
        return True

    def do_ftruncate(self, call):
        file = self.open.get(call.arguments[0])
        if file is None:
            return False
        if not call.failed:
            inode = self.inodes[file[0]]
            inode.content = inode.content[: call.arguments[1]].ljust(call.arguments[1], b"\0")
        return True

    def do_fchmod(self, call):
        file = self.open.get(call.arguments[0])
        if file is None:
            return False
        if not call.failed:
            self.inodes[file[0]].mode = call.arguments[1]
        return True

    def do_fchown(self, call):
        # Everything belongs to one user here.
        return call.arguments[0] in self.open

    def do_mkdirat(self, call):
        place = self.find(call.arguments[0], call.arguments[1])
        if place is not None and not call.failed:
            number = self.make("folder", call.arguments[2] & ~UMASK)
            self.change(f"make {place[1].decode()}/", (*place, None, number))
        return place is not None

    def do_symlinkat(self, call):
        target, at, path = call.arguments
        place = self.find(at, path)
        if place is not None and not call.failed:
            self.change(f"link {place[1].decode()}", (*place, None, self.make("link", 0o777, target)))
        return place is not None

    def do_unlinkat(self, call):
        place = self.find(call.arguments[0], call.arguments[1])
        if place is not None and not call.failed:
            number = self.at(place)
            folder = number if self.inodes[number].kind == "folder" else None
            self.change(f"remove {place[1].decode()}", (*place, number, None), removed_folder=folder)
        return place is not None

    def do_renameat(self, call):
        source, target = self.find(*call.arguments[0:2]), self.find(*call.arguments[2:4])
        if source is None or target is None:
            if source != target:
                raise SystemExit("the model sees a rename out of the tree")
            return False
        if not call.failed:
            number = self.at(source)
            what = f"rename {source[1].decode()} to {target[1].decode()}"
            self.change(what, (*source, number, None), (*target, self.at(target), number))
        return True

    do_renameat2 = do_renameat

    def do_fsync(self, call):
        file = self.open.get(call.arguments[0])
        if file is None:
            return False
        if not call.failed:
            inode = self.inodes[file[0]]
            inode.durable_content, inode.durable_mode = inode.content, inode.mode
            for change in self.changes:
                change.unsynced.discard(file[0])
        return True

    do_fdatasync = do_fsync

    def do_syncfs(self, call):
        if call.arguments[0] not in self.open:
            return False
        if not call.failed:
            for inode in self.inodes.values():
                inode.durable_content, inode.durable_mode = inode.content, inode.mode
            for change in self.changes:
                change.unsynced.clear()
        return True

    def sync_name(self, call):
        """What a sync is about, for people."""
        if call.arguments[0] not in self.open:
            return None
        if call.name == "syncfs":
            return WHOLE
        return self.path_of(self.open[call.arguments[0]][0])

    def path_of(self, number):
        if number == self.ROOT:
            return "."
        for folder, names in self.names.items():
            for name, inside in names.items():
                if inside == number:
                    return f"{self.path_of(folder)}/{name.decode()}"
        return "removed"

    # The power cut.

    def pending(self):
        """What may be lost: the numbers of changes, and the inodes whose content or permissions are not durable."""
        # A folder that is durably gone has nothing left to sync; it may have lain in another one that is.
        removed = set()
        for change in reversed(self.changes):
            if change.removed_folder is not None and not change.unsynced - removed:
                removed.add(change.removed_folder)
        changes = [n for n, change in enumerate(self.changes) if change.unsynced - removed]
        contents = [n for n, inode in self.inodes.items() if inode.content != inode.durable_content]
        modes = [n for n, inode in self.inodes.items() if inode.mode != inode.durable_mode]
        return [("changes", n) for n in changes] + [("contents", n) for n in contents] + [("modes", n) for n in modes]

    def lost(self, items, spoiled=None):
        """All of `items` lost. `spoiled` says of a content how much of it there is instead; nothing new unless given."""
        lost = Lost()
        for kind, number in items:
            if kind == "contents":
                lost.contents[number] = spoiled(self.inodes[number]) if spoiled else self.inodes[number].durable_content
            else:
                getattr(lost, kind).add(number)
        return lost

    def state(self, lost):
        """What stands on the disk after the cut: a folder as ("folder", mode, ((name, item), …)), from the root."""
        names = {folder: dict(inside) for folder, inside in self.first_names.items()}
        for number, change in enumerate(self.changes):
            if number in lost.changes or (change.removed_folder is not None and names[change.removed_folder]):
                continue
            for folder, name, _, comes in change.moves:
                if comes is None:
                    if names[folder].get(name) == change.moves[0][2]:
                        del names[folder][name]
                else:
                    names[folder][name] = comes

        def item(number):
            inode = self.inodes[number]
            mode = inode.durable_mode if number in lost.modes else inode.mode
            if inode.kind == "folder":
                return ("folder", mode, tuple((name, item(inside)) for name, inside in sorted(names[number].items())))
            return (inode.kind, mode, lost.contents.get(number, inode.content))

        return item(self.ROOT)


def write_out(item, path):
    """Puts a state on a real disk, where nothing stands yet."""
    kind, mode, content = item
    if kind == "folder":
        os.mkdir(path)
        for name, inside in content:
            write_out(inside, os.path.join(path, os.fsdecode(name)))
        os.chmod(path, mode)
    elif kind == "link":
        os.symlink(content, os.fsencode(path))
    else:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, content)
        os.fchmod(descriptor, mode)
        os.close(descriptor)
