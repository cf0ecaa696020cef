"""The pure parts of bench/: what rounds say, tables, options, the structures of exciton.h as ctypes has them, processes in turns.

    test_bench.py [EXCITON_WORKER]      the program of bench/beside/exciton.c, whose `layout` is compared
"""
import ctypes
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import types
import unittest

sys.dont_write_bytecode = True
BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
sys.path.insert(0, str(BENCH / "beside"))
if importlib.util.find_spec("numpy") is None: # calls.py needs its name only; what uses it isn't tested here
    sys.modules["numpy"] = types.ModuleType("numpy")

import calls # noqa: E402
import figures # noqa: E402
import options # noqa: E402
import page # noqa: E402
import prepare # noqa: E402
import tables # noqa: E402
import turns # noqa: E402

WORKER = sys.argv.pop() if len(sys.argv) > 1 and not sys.argv[-1].startswith("-") else None


def item(name, kind, us, **members):
    return {"name": name, "kind": kind, "us": us, **members}


def own(us, **members):
    return {"name": "exciton host", "kind": "exciton", "us": us, "device": "host", "language": "C", "beside": "cpu", **members}


def record_of(*items, rounds=9):
    return {"shape": [1, 64, 32, 32], "hidden": 4, "rounds": rounds, "steady": True, "items": list(items)}


def result_of(*records):
    return {"format": 1, "kind": "peers", "date": "2026-01-01", "commit": "abc", "machine": {"processor": "P", "processors": 2, "system": "S", "memory_gib": 1},
            "versions": {"slow": {"version": "1"}}, "absent": {"gone": "no package"}, "shapes": list(records)}


class Figures(unittest.TestCase):
    def test_median(self):
        self.assertEqual(figures.median([3, 1, 2]), 2)
        self.assertEqual(figures.median([4, 1, 2, 3]), 2.5)

    def test_geometric_mean(self):
        self.assertAlmostEqual(figures.geometric_mean([1, 4]), 2)

    def test_ratio_is_of_rounds(self):
        """A machine that halves its speed halfway changes no ratio; the ratio of medians would be that of the middle."""
        self.assertEqual(figures.ratio([2, 4, 40, 80, 80], [1, 2, 20, 40, 40]), 2)
        with self.assertRaises(ValueError):
            figures.ratio([1, 2], [1])

    def test_drift(self):
        self.assertEqual(figures.drift([10] * 9), 0)
        self.assertAlmostEqual(figures.drift([10] * 5 + [12] * 5), 0.2)
        self.assertAlmostEqual(figures.drift([10] * 9 + [10] * 9 + [13] * 9 + [10] * 9), 0.3) # quarters: halves would hide it
        self.assertLess(figures.drift([10] * 8 + [100]), 0.01) # a round alone is no drift

    def test_calls_a_turn(self):
        self.assertEqual([figures.calls_a_turn(us) for us in (10, 200, 201, 2001, 20001)], [(2, 5), (2, 5), (2, 3), (1, 1), (0, 1)])

    def test_copies_to_keep(self):
        few = {name: [us] for name, us in zip("abc", (1, 10, 100))}
        self.assertEqual(figures.copies_to_keep(few), set("abc"))
        many = {name: [us] for name, us in zip("abcdefgh", (10, 11, 12, 13, 14, 15.5, 14.9, 20))}
        self.assertEqual(figures.copies_to_keep(many), set("abcdeg")) # 15.5 is beyond the best six and 1.5 times the best

    def test_floor_took_part_in_all_rounds(self):
        record = record_of(item("a", "copy", [1.0] * 3, device="host"), item("b", "copy", [5.0] * 9, device="host"), item("c", "copy", [4.0] * 9, device="host"),
                           item("d", "copy", [1.0] * 9, device="pocl"))
        self.assertEqual(figures.floor_of(record, "host")["name"], "c")
        self.assertIsNone(figures.floor_of(record, "lavapipe"))

    def test_steady(self):
        def record(copies):
            return record_of(own([1.0] * 10), item("copy", "copy", copies, device="host"), rounds=10)
        self.assertTrue(figures.is_steady(record([10.0] * 10)))
        self.assertFalse(figures.is_steady(record([10.0] * 5 + [12.1] * 5)))

    def test_best_peer_is_right_and_comparable(self):
        mine = own([1.0] * 9)
        record = record_of(mine, item("slow", "peer", [5.0] * 9, beside="cpu", error=1e-7), item("best", "peer", [3.0] * 9, beside="cpu", error=1e-7),
                           item("wrong", "peer", [1.5] * 9, beside="cpu", error=1e-2), item("broken", "peer", [], beside="cpu", why="no batches"),
                           item("gpu", "peer", [2.0] * 9, beside="hosted", error=1e-7))
        self.assertEqual(figures.best_peer(record, mine), ("best", 3.0))
        self.assertEqual(figures.best_peer(record, mine, "hosted"), ("gpu", 2.0))
        self.assertIsNone(figures.best_peer(record_of(mine), mine))

    def test_shapes(self):
        self.assertEqual(figures.parse_shape("8x1024x14x14"), (8, 1024, 14, 14, 64))
        self.assertEqual(figures.parse_shape("1x3x1x1"), (1, 3, 1, 1, 1))
        self.assertEqual(figures.parse_shape("1x672x14x14:168"), (1, 672, 14, 14, 168))
        self.assertEqual(len({figures.parse_shape(text) for text in figures.NINE}), 9)
        for text in ("", "1x2x3", "1x2x3x4x5", "0x1x1x1", "1x1x1x1:0", "1x1x1xa", "1x1x1x1:"):
            with self.assertRaises(ValueError, msg=text):
                figures.parse_shape(text)


class Tables(unittest.TestCase):
    def result(self):
        floor = item("memcpy", "copy", [0.8] * 9, device="host")
        good = record_of(own([1.0] * 9, schedule="split-excite", form="rows", shares=1), floor,
                         item("slow", "peer", [250.0] * 9, beside="cpu", error=1e-7), item("liar", "peer", [], beside="cpu", error=0.5, why="wrong result"))
        return result_of(good, {**good, "steady": False, "hidden": 8})

    def test_cells(self):
        own_table, comparison, others, floors, versions = tables.peers(self.result())
        self.assertEqual(own_table["rows"][0], ["1x64x32x32:4", "1.0 (1.25)"])
        self.assertEqual(comparison["rows"][0], ["1x64x32x32:4", "250 (slow)"])
        self.assertEqual(comparison["rows"][-2:], [["geometric mean", "250"], ["the floor's", "313"]]) # 250 ÷ 0.8
        self.assertEqual(others["rows"][1], ["1x64x32x32:8 ?", "250", "wrong"])
        self.assertEqual(floors["rows"][0], ["1x64x32x32:4", "host", "split-excite, rows", "0.8", "memcpy", "0 %", "9"])
        self.assertEqual(versions["rows"][-1][:3], ["gone", "left out", "no package"])

    def test_text_and_markdown(self):
        made = tables.peers(self.result())
        lines = tables.text(made).splitlines()
        self.assertTrue(all(len(line) == len(line.rstrip()) for line in lines))
        self.assertIn("| 1x64x32x32:4 | 250 | wrong |", tables.markdown(made).splitlines())

    def test_shortcomings(self):
        self.assertEqual(len(tables.shortcomings(self.result())), 1) # the one that wasn't steady
        slower = result_of(record_of(own([2.0] * 9), item("quick", "peer", [1.0] * 9, beside="cpu")))
        self.assertIn("slower than quick", tables.shortcomings(slower)[0])
        failed = result_of(record_of(own([], why="wrong result")))
        self.assertIn("wrong result", tables.shortcomings(failed)[0])

    def test_lavapipe_is_beside_another_on_vulkan(self):
        record = record_of(own([1.0] * 9), own([2.0] * 9, name="exciton lavapipe, with transfers", device="lavapipe", beside="hosted"),
                           item("ncnn-vulkan", "peer", [30.0] * 9, beside="hosted", error=0.0))
        self.assertEqual(tables.hosted(result_of(record))["rows"], [["1x64x32x32:4", "2.0", "30.0", "15.0"]])

    def test_starts(self):
        rows = [{"device": "host", "cache": "warm", "us": [3000.0, 4000.0, 5000.0], "empty_us": [1000.0, 1000.0, 4000.0]}]
        self.assertEqual(tables.starts({"rows": rows})[0]["rows"], [["host", "warm", "4.0", "1.0", "2.0"]])

    def test_page_is_whole(self):
        made = page.peers(self.result())
        self.assertIn("exciton host: 1.0 us", made)
        self.assertNotIn("src=", made)
        self.assertNotIn("href=", made)

    def test_command(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "peers.json")
            path.write_text(json.dumps(self.result()), encoding="utf-8")
            done = subprocess.run([sys.executable, BENCH / "tables", path], capture_output=True, text=True, check=True)
            self.assertIn("2026-01-01, exciton abc, P, 2 processors", done.stdout)
            doc = pathlib.Path(folder, "page.md")
            doc.write_text("a\n<!-- figures: -->\nold\n<!-- end of figures -->\nb\n", encoding="utf-8")
            for _ in range(2): # a second time replaces the first
                subprocess.run([sys.executable, BENCH / "tables", "--into", doc, path], check=True)
                text = doc.read_text(encoding="utf-8")
                self.assertTrue(text.startswith("a\n<!-- figures: -->\n*2026-01-01") and text.endswith("<!-- end of figures -->\nb\n") and "old" not in text)
                self.assertEqual(text.count("geometric mean"), 1)
            path.write_text('{"format": 1, "results": []}', encoding="utf-8")
            self.assertNotEqual(subprocess.run([sys.executable, BENCH / "tables", path], capture_output=True, check=False).returncode, 0)


class Options(unittest.TestCase):
    def test_defaults(self):
        chosen = options.parse("", [])
        self.assertEqual(len(chosen.shape), 9)
        self.assertEqual(chosen.peers, list(options.PEERS))

    def test_choices(self):
        chosen = options.parse("", ["--peers", "", "--devices", "host", "--while-timing", "flock -x 'a b'", "--shape", "1x64x1x1"])
        self.assertEqual((chosen.peers, chosen.devices, chosen.while_timing, chosen.shape), ([], ["host"], ["flock", "-x", "a b"], [(1, 64, 1, 1, 4)]))

    def test_every_peer_has_its_process(self):
        for peer in options.PEERS:
            self.assertTrue((BENCH / "beside" / ("clblast.c" if peer == "clblast" else f"peer_{peer.replace('-', '_')}.py")).exists(), peer)

    def test_requirements(self):
        self.assertEqual([package.split("==")[0] for package in prepare.requirements(["ncnn-vulkan"])], ["numpy", "ncnn"])
        for peer in set(options.PEERS) - {"clblast"}:
            self.assertGreater(len(prepare.requirements([peer])), 1, peer)


class Turns(unittest.TestCase):
    SCRIPT = ("import sys\nprint('{\"ok\": true}', flush=True)\n"
              "for line in sys.stdin:\n"
              "    if line == 'end\\n': break\n"
              "    print('{\"ok\": %s, \"why\": \"%s\"}' % ('false' if line == 'no\\n' else 'true', line.strip()), flush=True)\n")

    def process(self):
        process = turns.Process("test", [sys.executable, "-c", self.SCRIPT], None, "/dev/null")
        self.addCleanup(process.process.stdout.close)
        self.addCleanup(process.end)
        process.answer(20)
        return process

    def becomes(self, process, state):
        """A signal takes effect a moment later."""
        for _ in range(200):
            if pathlib.Path(f"/proc/{process.process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == state:
                return True
            time.sleep(0.01)
        return False

    def test_stands_still_between_turns(self):
        process = self.process()
        for _ in range(3):
            self.assertEqual(process.ask("yes", 20)["why"], "yes")
            self.assertTrue(self.becomes(process, "T"))

    def test_refusal_and_end(self):
        process = self.process()
        with self.assertRaisesRegex(turns.Refused, "^no$"):
            process.ask("no", 20)
        with self.assertRaisesRegex(turns.Refused, "ended"):
            process.ask("end", 20)

    def test_held(self):
        with tempfile.TemporaryDirectory() as folder:
            lock = pathlib.Path(folder, "lock")
            with turns.held(["flock", str(lock)]):
                self.assertNotEqual(subprocess.run(["flock", "-n", lock, "true"], check=False).returncode, 0)
            subprocess.run(["flock", "-n", lock, "true"], check=True)


def script_of(name):
    loader = importlib.machinery.SourceFileLoader(name, str(BENCH / name))
    script = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(script)
    return script


class Auto(unittest.TestCase):
    def rows(self, *times):
        return [{"schedule": schedule, "form": "rows", "shares": 1, "auto": auto, "median_us": us, "steady": True}
                for schedule, auto, us in times]

    def test_the_median_of_the_runs_counts(self):
        runs = [self.rows(("split-excite", True, 12.0), ("pipelined", False, 10.0), ("three-stages", False, 11.0)),
                self.rows(("split-excite", True, 24.0), ("pipelined", False, 30.0), ("three-stages", False, 22.0)),
                self.rows(("split-excite", True, 9.0), ("pipelined", False, 9.5), ("three-stages", False, 6.0))]
        found = script_of("auto").entry("host", "1x2x3:1", runs)
        self.assertEqual((found["auto"], found["best"]), ("split-excite/rows", "three-stages/rows"))
        self.assertAlmostEqual(found["auto_over_best"], 12 / 11)
        self.assertEqual(found["times_us"]["pipelined/rows"], [10.0, 30.0, 9.5])

    def test_auto_itself_is_the_best(self):
        found = script_of("auto").entry("host", "1x2x3:1", [self.rows(("split-excite", True, 12.0), ("pipelined", False, 15.0))])
        self.assertEqual((found["best"], found["auto_over_best"]), ("split-excite/rows", 1.0))

    def test_another_choice_in_another_run(self):
        runs = [self.rows(("split-excite", True, 12.0), ("pipelined", False, 10.0)), self.rows(("split-excite", False, 11.5), ("pipelined", True, 11.0))]
        with self.assertRaisesRegex(SystemExit, "pipelined/rows and split-excite/rows"):
            script_of("auto").entry("host", "1x2x3:1", runs)


class Clblast(unittest.TestCase):
    def test_ratios_are_of_one_run(self):
        script = script_of("clblast")
        common = {"shape": [2, 8, 3], "hidden": 4, "floor_us": 1.0, "steady": False}
        rows = [{**common, "schedule": schedule, "excitation": excitation, "auto": auto, "median_us": us}
                for schedule, excitation, auto, us in (("split-excite", "own", True, 2.0), ("three-stages", "own", False, 9.0),
                                                       ("three-stages", "own", False, 4.0), ("three-stages", "clblast", False, 5.0))]
        self.assertEqual(list(script.lines(rows))[2], "| 2x8x3:4 ? | 1 | 2 (split-excite) | 4 | 5 | 1.25 | 2.50 |")


class Layout(unittest.TestCase):
    @unittest.skipUnless(WORKER, "no worker was named")
    def test_structures_are_the_headers(self):
        header = json.loads(subprocess.run([WORKER, "layout"], capture_output=True, text=True, check=True).stdout)
        self.assertEqual(calls.check_layout(header), [])

    def test_differences_are_found(self):
        header = {name: ctypes.sizeof(structure) for name, structure in calls.LAYOUT.items()}
        self.assertEqual(calls.check_layout(header), [])
        self.assertEqual(len(calls.check_layout({**header, "exciton_se": 8, "exciton_args.in": 16})), 2)


if __name__ == "__main__":
    unittest.main()
