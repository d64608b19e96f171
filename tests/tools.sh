# shellcheck shell=bash
# Sourced by the scripts that build: where the repository is, and what a fresh Debian-like machine may lack. Rust itself
# must be there.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Runs a command as root where we are not root already.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# zstd, LZMA and libsais are C, and Rust links through `cc`.
need_c_compiler() {
    command -v cc >/dev/null && return
    command -v apt-get >/dev/null || { echo "a C compiler is needed: install one that answers to \`cc\`" >&2; return 1; }
    echo "installing a C compiler (apt-get install gcc libc6-dev)"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev
}

# Reads lines of a program and the Debian package that has it, and installs what is missing.
need_programs() {
    local missing=() program package
    while read -r program package; do
        command -v "$program" >/dev/null || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || { echo "these are needed: install ${missing[*]}" >&2; return 1; }
    # valgrind needs the symbols of the C library.
    case " ${missing[*]} " in *" valgrind "*) missing+=(libc6-dbg) ;; esac
    echo "installing what tests need (apt-get install ${missing[*]})"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Interrupts system calls.
need_strace() {
    need_programs <<<'strace strace'
}

# What the C and C++ library is built and tested with: clang to be told what gcc overlooks, valgrind for leaks.
need_c_tools() {
    need_c_compiler || return
    need_programs <<'PROGRAMS'
c++ g++
clang clang
cmake cmake
make make
minisign minisign
ninja ninja-build
pkg-config pkg-config
valgrind valgrind
PROGRAMS
}

# Whether there is a Node that is new enough. A stage is called `node`, too: what is meant here is the program.
has_node() {
    type -P node npm >/dev/null && command node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'
}

# Node 20 or later, and npm. Debian's own may be older.
need_node() {
    has_node && return
    command -v apt-get >/dev/null || { echo "Node 20 or later with npm is needed: install it" >&2; return 1; }
    echo "installing Node (apt-get install nodejs npm)"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm
    has_node || { echo "Node 20 or later is needed; this system has $(command node --version)" >&2; return 1; }
}

need_python() {
    command -v python3 >/dev/null && python3 -c 'import ensurepip' 2>/dev/null && return
    command -v apt-get >/dev/null || { echo "Python 3 with venv is needed: install it" >&2; return 1; }
    echo "installing Python (apt-get install python3 python3-venv)" >&2
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >&2
}

# Prints a Python that has the packages; they go into a virtual environment in the build directory.
python_with() {
    need_python || return
    local venv
    venv=$(cargo_target_directory)/python
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" >&2 || return
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 || return
    echo "$venv/bin/python"
}

# clean_python DIRECTORY PACKAGE…: prints the Python of a new virtual environment that has the packages and nothing else.
clean_python() {
    need_python || return
    local venv=$1
    shift
    python3 -m venv --clear "$venv" >&2 || return
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 || return
    echo "$venv/bin/python"
}

need_cargo() {
    command -v cargo >/dev/null || { echo "cargo is missing: install Rust first (see rust-version in Cargo.toml)" >&2; return 1; }
}

# The directory that cargo builds into, wherever CARGO_TARGET_DIR or a configuration file puts it.
cargo_target_directory() {
    cargo metadata --manifest-path "$repository/Cargo.toml" --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

# Builds the command line and prints where it is; PATCHCORE=path in the environment names one that is there already.
patchcore_binary() {
    if [ -z "${PATCHCORE:-}" ]; then
        need_cargo && need_c_compiler >&2 || return
        cargo build --manifest-path "$repository/Cargo.toml" --release --locked -p patchcore-cli >&2 || return
        PATCHCORE=$(cargo_target_directory)/release/patchcore
    fi
    realpath "$PATCHCORE"
}
