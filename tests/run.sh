#!/usr/bin/env bash
# The whole test suite, from a clean clone on a fresh Debian-like machine that has Rust; what else is missing is
# installed. About half an hour on two cores, most of it for compilers. `tests/run.sh STAGE…` runs some stages only.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/tools.sh"
cd "$repository"

# Each stage is a function; another language is another function and its name here.
stages=(tools rust_format rust_lints rust_tests rust_docs c python node vectors bench quickstart walkthrough service hosts cloud kills)

tools() {
    need_cargo
    need_c_compiler
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
}

rust_format() {
    cargo fmt --all --check
}

rust_lints() {
    cargo clippy --workspace --all-targets --locked -- -D warnings
}

# Unit tests, properties, hostile inputs, the replayed fuzz corpus and the command line. The modules of Python and Node have
# their tests in those languages.
rust_tests() {
    cargo test --workspace --exclude patchcore-python --exclude patchcore-node --locked --no-fail-fast
}

rust_docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked
}

# The C library by way of CMake: C and C++ tests, under valgrind and sanitizers too, the ABI, projects that use the library
# installed or as a subdirectory, the examples in C and C++. Cargo's work is shared with the other stages.
c() {
    need_c_tools
    local target
    target=$(cargo_target_directory)
    cmake -S . -B "$target/cmake" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
        -DPATCHCORE_CARGO_TARGET_DIR="$target" -DPATCHCORE_TEST_SANITIZERS=ON -DPATCHCORE_PUBLISH=ON
    cmake --build "$target/cmake"
    ctest --test-dir "$target/cmake" --output-on-failure --parallel "$(nproc)" --no-tests=error
}

# The Python package as its users get it: a wheel in an environment that has nothing of the source tree, with the tests, the
# types and the example; then the source distribution in another one. Cargo's work is shared with the other stages.
python() {
    need_cargo && need_c_compiler
    local target maturin dist python
    target=$(cargo_target_directory)
    maturin=$(python_with 'maturin>=1.16,<2')
    dist=$target/python-dist
    rm -rf "$dist"
    "$maturin" -m maturin build --release --locked --manifest-path bindings/python/Cargo.toml --target-dir "$target" --out "$dist"
    "$maturin" -m maturin sdist --manifest-path bindings/python/Cargo.toml --out "$dist"
    python_wheel_is_small_and_runs_elsewhere "$dist"/patchcore-*.whl

    python=$(clean_python "$target/python-wheel" "$(echo "$dist"/patchcore-*.whl)[test]" matplotlib)
    # Away from the repository, so that nothing of it is imported by accident.
    (
        cd "$dist"
        "$python" -B -m pytest -p no:cacheprovider "$repository/bindings/python/tests"
        "$python" -m mypy --strict --cache-dir "$target/mypy" -p patchcore
        "$python" -m mypy --strict --cache-dir "$target/mypy" "$repository/bindings/python/tests"
        "$python" -m mypy.stubtest --mypy-config-file "$repository/bindings/python/pyproject.toml" patchcore
    )
    examples/python-models/run.sh "$python"

    python=$(CARGO_TARGET_DIR=$target clean_python "$target/python-sdist" "$(echo "$dist"/patchcore-*.tar.gz)")
    "$(dirname "$python")/patchcore" --version
    "$python" -B -c 'import patchcore as p; assert p.apply(b"old", p.diff(b"old", b"new")) == b"new"'
}

# Six MiB with the command line, and the tag of a wheel that more than this machine's system takes.
python_wheel_is_small_and_runs_elsewhere() {
    local size
    size=$(wc -c <"$1")
    echo "$(basename "$1"): $size bytes"
    [ "$size" -le $((6 << 20)) ] || { echo "the wheel is larger than 6 MiB" >&2; return 1; }
    case "$(uname):$1" in
        Linux:*-abi3-manylinux_*) ;;
        Linux:*) echo "the wheel is for this machine alone" >&2; return 1 ;;
    esac
}

# The npm package: built, packed, installed into an empty project and tested there, in both layouts that it is published in; the
# example with the same tarball; its benchmark on small files. It links Rust alone, so nothing of the C library may be in it.
node() {
    need_node
    local package=$repository/bindings/node tarballs
    tarballs=$(mktemp -d)
    (
        cd "$package"
        # Not `npm ci`, which also wants the optional packages of other platforms from the registry.
        npm install --silent --no-save
        npm run --silent build
        if nm --dynamic --defined-only ./*.node | grep ' patchcore_'; then
            echo "the addon exports the C library" >&2
            exit 1
        fi
        npm test
        npm pack --silent --pack-destination "$tarballs"
    )
    examples/node-release/run.sh "$tarballs"/*.tgz
    command node tests/bench/node.mjs --self-test
    rm -r "$tarballs"
}

# A second reader, in Python and from FORMAT.md alone, decodes what the Rust tests decode.
vectors() {
    local python
    python=$(python_with zstandard)
    "$python" -B tests/vectors/decode.py vectors
    "$python" -B tests/vectors/decode_tree.py
}

# The benchmark works, on files of a few kilobytes and without other tools.
bench() {
    need_python
    python3 -B tests/bench/test_bench.py
}

# The main job on the committed checkpoints, and on two files that are nothing but an edge.
quickstart() {
    examples/quickstart.sh
    local dir
    dir=$(mktemp -d)
    : >"$dir/empty"
    echo "hello" >"$dir/a file"
    examples/quickstart.sh "$dir/empty" "$dir/a file" >/dev/null
    rm -r "$dir"
}

# The commands of README.md as a reader would paste them.
walkthrough() {
    tests/walkthrough.sh
}

# `patchcore serve` as other people's clients and a browser see it.
service() {
    tests/service.sh
}

# A repository on a host of nothing but files, and its archive in other people's readers.
hosts() {
    tests/hosts.sh
}

# Repositories in an object store, by way of a server on this machine that speaks S3.
cloud() {
    tests/cloud.sh
}

# What a kill, a failing disk or a power cut at any moment leaves of a chain, a tree and a repository. strace is Linux only.
kills() {
    [ "$(uname)" = Linux ] || return 0
    tests/kills.sh
    tests/tree_faults.sh
    tests/publish-kills.sh
}

[ $# -gt 0 ] || set -- "${stages[@]}"
for stage in "$@"; do
    case " ${stages[*]} " in
        *" $stage "*) ;;
        *) echo "no stage $stage; there are: ${stages[*]}" >&2; exit 2 ;;
    esac
    printf '\n==> %s\n' "$stage"
    began=$SECONDS
    "$stage"
    printf '<== %s: passed in %d s\n' "$stage" $((SECONDS - began))
done
printf '\nAll of it passed in %d s: %s\n' "$SECONDS" "$*"
