"""Runs a command under strace: to record the calls that change files, or to interfere with one of them."""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

# Whatever may change a file or a folder, and what is needed to know which one: a change that is not among these shows when
# the model is compared with the disk in the end.
CHANGES = [
    "write", "pwrite64", "writev", "pwritev", "pwritev2", "copy_file_range", "sendfile", "splice", "truncate", "ftruncate",
    "fallocate", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "symlink",
    "symlinkat", "link", "linkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat",
    "fsync", "fdatasync", "sync", "syncfs", "mknodat",
]
LOOKS = ["open", "openat", "openat2", "creat", "close", "dup", "dup2", "dup3", "fcntl", "lseek"]
CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)(.*)$")
UNFINISHED = re.compile(r"^(\d+) +(\w+)\((.*?),? *<unfinished \.\.\.>$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>,? ?(.*)$")


@dataclass
class Call:
    """One system call of a recorded run."""

    process: int
    name: str
    arguments: list
    result: int
    # Which of the calls of this name that its thread made it was, from 1.
    number: int

    @property
    def failed(self):
        return self.result < 0


class Unexpected(Exception):
    """A run that was to succeed failed, or the other way round."""


@dataclass(frozen=True)
class Fault:
    """What happens to a call instead: `action` is "signal=KILL" or "error=EIO"."""

    name: str
    number: int
    action: str

    def __str__(self):
        return f"{self.action.split('=')[1]} at {self.name} {self.number}"


def record(command, trace, fault=None):
    """Runs `command` and returns its calls in order. It must succeed, unless `fault` has it fail or die at a call."""
    names = ",".join("?" + name for name in CHANGES + LOOKS)
    filters = ["-f", "-qq", "-xx", "-s", "16777216", "-e", "signal=none", "-e", "trace=" + names]
    if fault:
        filters += ["-e", f"inject={fault.name}:{fault.action}:when={fault.number}"]
    run = subprocess.run(["strace", *filters, "-o", trace, *command], capture_output=True)
    if (run.returncode == 0) == bool(fault):
        raise Unexpected(f"{' '.join(map(str, command))}: {run.returncode} {run.stderr.decode()}")
    return parse(Path(trace).read_text())


def parse(text):
    calls, waiting, numbers = [], {}, {}
    for line in text.splitlines():
        if match := UNFINISHED.match(line):
            waiting[match[1]] = line[: line.rindex("<unfinished")].rstrip()
            continue
        if match := RESUMED.match(line):
            line = f"{waiting.pop(match[1]).rstrip(', ')}{', ' if match[3][:1] not in ')' else ''}{match[3]}"
        match = CALL.match(line)
        if not match:
            continue
        process, name, arguments, result = int(match[1]), match[2], match[3], match[4]
        number = numbers[process, name] = numbers.get((process, name), 0) + 1
        arguments = [argument(text) for text in arguments.split(", ")]
        calls.append(Call(process, name, arguments, -1 if result == "?" else int(result), number))
    return calls


def argument(text):
    """A string as bytes, a number as a number, anything else as strace wrote it."""
    if text.startswith('"'):
        if not text.endswith('"'):
            raise SystemExit("a string in the trace was cut off")
        return bytes.fromhex(text[1:-1].replace("\\x", ""))
    if re.fullmatch(r"-?\d+", text):
        return int(text, 8) if text.startswith("0") and len(text) > 1 else int(text)
    return text


def interfere(command, fault, trace):
    """Runs `command` with a fault. Returns what came of it, and whether the fault happened."""
    inject = f"inject={fault.name}:{fault.action}:when={fault.number}"
    filters = ["-f", "-qq", "-e", f"trace={fault.name}", "-e", inject]
    run = subprocess.run(["strace", *filters, "-o", trace, *command], capture_output=True)
    return run, run.returncode == -9 or b"INJECTED" in Path(trace).read_bytes()


def run(command):
    return subprocess.run(command, capture_output=True)


def slowed(command, call, number, microseconds, trace):
    """Starts `command` with a pause before its `number`th `call`."""
    inject = f"inject={call}:delay_enter={microseconds}:when={number}"
    filters = ["-f", "-qq", "-e", f"trace={call}", "-e", inject]
    return subprocess.Popen(["strace", *filters, "-o", trace, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
