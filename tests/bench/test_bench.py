#!/usr/bin/env python3
"""The benchmark itself, on tiny files and with tools that are scripts: no network, no Rust, a few seconds."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import measure  # noqa: E402
import pairs  # noqa: E402
import results  # noqa: E402

# Stands in for patchcore: its delta is the new file. {apply} is what it does to apply one.
PATCHCORE = """#!/bin/sh
case $1 in
    --version) echo "patchcore 1.2.3" ;;
    diff) cp "$3" "$5" ;;
    apply) [ "$2" = --help ] || {apply} ;;
    squash) for word; do [ "$word" = -o ] && break; last=$word; done; shift $(($# - 2)); cp "$last" "$1" ;;
esac
"""


class BenchCase(unittest.TestCase):
    """A directory with two small files and a stand-in for patchcore."""

    def setUp(self) -> None:
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.directory = Path(held.name)
        self.old, self.new = self.directory / "old", self.directory / "new"
        self.old.write_bytes(bytes(range(256)) * 200)
        self.new.write_bytes(bytes(range(256)) * 150 + b"changed" * 1000)
        self.out = self.directory / "out"
        self.patchcore = self.directory / "patchcore"
        self.stand_in('cp "$3" "$5"')

    def stand_in(self, apply: str) -> None:
        self.patchcore.write_text(PATCHCORE.replace("{apply}", apply))
        self.patchcore.chmod(0o755)

    def bench(self, *words: str, picture: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(HERE / "bench.py"), "--patchcore", str(self.patchcore), "--out", str(self.out)]
        command += ["--python", sys.executable, "--cache", str(self.directory / "cache"), *words]
        command += [] if picture else ["--no-picture"]
        return subprocess.run(command, capture_output=True, text=True)

    def rows(self) -> list[results.Row]:
        return results.read(self.out / "results.csv")


class WholeRuns(BenchCase):
    def test_rows_tables_and_picture_come_out_of_one_command(self) -> None:
        chain = f"{self.old}:{self.new}:{self.old}"
        done = self.bench(
            f"tiny={self.old}:{self.new}",
            "--levels",
            "1,6",
            "--tools",
            "patchcore,bsdiff,xdelta3,zstd",
            "--chain",
            chain,
            picture=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = {(row.measurement, row.tool): row for row in self.rows()}
        ours = rows["delta", "patchcore-6"]
        self.assertEqual((ours.pair, ours.version, ours.delta_bytes), ("tiny", "1.2.3", self.new.stat().st_size))
        self.assertTrue(all(row.identical for row in rows.values()), rows)
        self.assertIn(("floor", "floor"), rows)
        self.assertIn(("squash", "patchcore"), rows)
        self.assertIn("Over all pairs", done.stdout)
        peers = [row for row in rows.values() if row.tool in ("bsdiff", "xdelta3", "zstd-3")]
        if peers and importlib.util.find_spec("matplotlib"):
            self.assertIn("<svg", (self.out / "results.svg").read_text("utf-8"))

    def test_a_wrong_result_is_a_failure_and_not_a_figure(self) -> None:
        self.stand_in('echo wrong >"$5"')
        done = self.bench(f"{self.old}:{self.new}", "--levels", "6", "--tools", "patchcore")
        self.assertEqual(done.returncode, 1)
        row = self.rows()[0]
        self.assertFalse(row.identical)
        self.assertIn("not the new file", row.error)
        self.assertIn("FAILED", done.stdout)

    def test_peers_of_an_earlier_run_are_reused_only_for_the_same_files(self) -> None:
        pair = f"{self.old}:{self.new}"
        self.assertEqual(self.bench(pair, "--levels", "6", "--tools", "patchcore,zstd").returncode, 0)
        first = self.rows()
        if not any(row.tool == "zstd-3" for row in first):
            self.skipTest("zstd is not installed")
        earlier = self.directory / "earlier.csv"
        results.write(earlier, [replace(row, run="earlier") for row in first])
        done = self.bench(pair, "--levels", "6", "--tools", "patchcore,zstd", "--reuse", str(earlier))
        runs = {row.tool: row.run for row in self.rows()}
        self.assertEqual(runs["zstd-3"], "earlier")
        self.assertNotEqual(runs["patchcore-6"], "earlier")
        self.assertIn("zstd-3 *", done.stdout)
        self.new.write_bytes(b"another")
        self.bench(pair, "--levels", "6", "--tools", "patchcore,zstd", "--reuse", str(earlier))
        self.assertNotEqual({row.tool: row.run for row in self.rows()}["zstd-3"], "earlier")

    def test_a_pair_that_is_not_there_ends_the_program_with_what_was_expected(self) -> None:
        done = self.bench("nowhere:nothing")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("expected OLD:NEW", done.stderr)


class Parts(BenchCase):
    def test_packages_are_read_with_scopes_debian_versions_and_files(self) -> None:
        source = pairs.parse("npm:@esbuild/linux-x64@0.28.1..0.28.2#bin/esbuild")
        self.assertEqual(
            source, pairs.Source("linux-x64", "npm", "@esbuild/linux-x64", ("0.28.1", "0.28.2"), "bin/esbuild")
        )
        source = pairs.parse("ssl=deb:libssl3@1:3.0.19-1~deb12u2..1:3.0.20+x")
        self.assertEqual((source.name, source.versions), ("ssl", ("1:3.0.19-1~deb12u2", "1:3.0.20+x")))
        for wrong in ("pypi:ruff", "npm:typescript@5.4.5", "made:nothing"):
            self.assertRaises(pairs.PairError, pairs.parse, wrong)
        for text in pairs.DEFAULT_PAIRS:
            pairs.parse(text)

    def test_without_a_file_the_largest_one_of_a_package_is_taken_wherever_its_version_shows(self) -> None:
        versions = []
        for version in ("1", "2"):
            tree = self.directory / version / "tree" / f"package-{version}.data"
            tree.mkdir(parents=True)
            (tree / "small").write_bytes(b"s")
            (tree / "large").write_bytes(b"l" * 1000)
            versions.append(self.directory / version)
        self.assertEqual([path.name for path in pairs._pick(*versions, "")], ["large", "large"])
        self.assertEqual([path.name for path in pairs._pick(*versions, "small")], ["small", "small"])
        self.assertRaises(pairs.PairError, pairs._pick, *versions, "absent")

    def test_memory_and_cpu_are_those_of_the_program_and_have_an_end(self) -> None:
        program = "data = bytearray(64 << 20)\nfor at in range(0, len(data), 4096): data[at] = 1"
        cost = measure.run([sys.executable, "-c", program])
        self.assertGreater(cost.peak_mib, 64)
        self.assertGreater(cost.cpu_s, 0)
        self.assertLess(measure.run(["true"]).peak_mib, 32)
        with self.assertRaisesRegex(measure.RunFailed, "after 1 s"):
            measure.run(["sh", "-c", "while :; do :; done"], cpu_limit_s=1)
        self.assertRaises(measure.RunFailed, measure.run, ["false"])
        self.assertRaises(measure.RunFailed, measure.run, ["no-such-program-here"])

    def test_rows_survive_the_file(self) -> None:
        row = results.Row(
            "now", "p", results.DELTA, "zstd-3", "1.5", 3, 4, "aa", "bb", 2, 0.5, 0.25, 7.0, identical=True
        )
        path = self.directory / "rows.csv"
        results.write(path, [row])
        self.assertEqual(results.read(path), [row])

    def test_the_best_peer_is_the_smallest_that_worked(self) -> None:
        def row(tool: str, size: int, works: bool) -> results.Row:
            return results.Row("now", "p", results.DELTA, tool, "1", 9, 9, "a", "b", size, identical=works)

        all_of_them = results.Results([row("patchcore-6", 3, True), row("bsdiff", 2, False), row("zstd-3", 6, True)])
        self.assertEqual(all_of_them.best_peer("p").tool, "zstd-3")
        self.assertEqual(all_of_them.ratio(all_of_them.rows[0]), 0.5)
        self.assertIsNone(all_of_them.ratio(all_of_them.rows[1]))

    def test_the_database_pair_is_the_same_each_time(self) -> None:
        text = self.directory / "text"
        text.mkdir()
        (text / "some.d.ts").write_text("\n".join(f"line {number}" for number in range(2000)))
        made = []
        for name in ("first", "second"):
            subprocess.run(
                [sys.executable, str(HERE / "make_sqlite.py"), str(text), str(self.directory / name)], check=True
            )
            made.append([(self.directory / name / side).read_bytes() for side in ("old", "new")])
        self.assertEqual(made[0], made[1])
        self.assertNotEqual(made[0][0], made[0][1])

    @unittest.skipUnless(importlib.util.find_spec("numpy"), "numpy is not installed")
    def test_a_model_moves_a_little_and_its_unused_rows_not_at_all(self) -> None:
        import make_model as make
        import numpy

        noise = numpy.random.default_rng(1)
        names = {"embeddings.word_embeddings.weight": (2000, 8), "layer.dense.weight": (64, 8), "pooler.weight": (8, 8)}
        model = {name: noise.standard_normal(shape, numpy.float32) for name, shape in names.items()}
        model["ids"] = numpy.arange(5)
        source = self.directory / "model.safetensors"
        make.write_safetensors(source, model)
        out = self.directory / "model"
        out.mkdir()
        make.make_model(source, out)
        before, after = (make.read_safetensors(out / f"v{version}.fp32.safetensors") for version in (0, 1))
        self.assertEqual(source.read_bytes(), (out / "v0.fp32.safetensors").read_bytes())
        moved = numpy.abs(after["layer.dense.weight"] - before["layer.dense.weight"]).mean() / make.LEARNING_RATE
        self.assertTrue(2 < moved < 5, moved)
        words = before["embeddings.word_embeddings.weight"] != after["embeddings.word_embeddings.weight"]
        self.assertTrue(0 < words.any(axis=1).mean() < 0.6)
        self.assertTrue((before["pooler.weight"] == after["pooler.weight"]).all())
        exact = numpy.array([1.0, 1.00390625, 1.01171875], numpy.float32)
        self.assertEqual([hex(bits) for bits in make.as_bf16({"x": exact})["x"]], ["0x3f80", "0x3f80", "0x3f82"])


if __name__ == "__main__":
    unittest.main()
