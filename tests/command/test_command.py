"""The command `exciton`, run as a person or a script runs it: options, devices, run, verify. test_models.py has the rest.

    test_command.py BINARY [unittest's arguments]
"""
import json
import os
import pty
import re
import select
import subprocess
import tempfile
import time
import unittest

from command import Command, DEVICES, SCHEDULES, FORMS, BOUND, binary, environment, main
from files import Block, largest_error, npy_header, pack, random_values, read_npy, safetensors, write_npy


class Options(Command):
    def test_command_name(self):
        self.refused(2, ["devices", "inspect", "extract", "run", "verify"])
        self.refused(2, ["'; rm", "devices", "run", "verify"], "'; rm")
        self.refused(2, ["--frob"], "--frob")
        self.refused(2, ["nonsense"], "help", "nonsense")
        self.refused(2, ["verify"], "help", "run", "verify")

    def test_help(self):
        for arguments in (["help"], ["--help"]):
            out = self.done(*arguments)
            for name in ("devices", "inspect", "extract", "run", "verify"):
                self.assertIn(name, out)
        for name in ("devices", "inspect", "extract", "run", "verify", "bench", "tune", "doctor", "version"):
            out = self.done("help", name)
            self.assertEqual(out, self.done(name, "--help"))
            self.assertIn("--json", out)
        page = self.done("run", "--help")
        for option in ("weights", "input", "output", "order", "activation", "gate", "slope", "offset", "output-kind", "then", "save-s", "save-h",
                       "save-g", "in-place", "device", "schedule", "form", "excitation", "allow-inexact", "explain", "json", "verbose"):
            self.assertIn(f"--{option} ", page)
        self.assertEqual(self.done("run", "--weights", "x", "--help"), page)

    def test_version(self):
        out = self.done("version")
        self.assertRegex(out, r"\Aexciton \d+\.\d+\.\d+, numerics 1\n\Z")
        self.assertEqual(out, self.done("--version"))
        self.assertIn(self.json("version")["version"], out)

    def test_unknown_and_missing(self):
        for name in ("devices", "inspect", "extract", "run", "verify", "bench", "tune", "doctor", "version"):
            self.refused(2, ["--colour"], name, "--colour", "red")
            self.refused(2, ["--colour=red"], name, "--colour=red")
            if name not in ("inspect", "extract"):
                self.refused(2, ["stray"], name, "stray")
                self.refused(2, ["--stray"], name, "--", "--stray")
            self.refused(2, ["-j"], name, "-j")
            self.refused(2, ["--json", "yes"], name, "--json=yes")
            self.refused(2, ["--jso"], name, "--jso")
        run = self.case()
        self.refused(2, ["--weights"], "run", "--input", self.x, "--output", self.y)
        self.refused(2, ["--input"], "run", "--weights", self.weights, "--output", self.y)
        self.refused(2, ["--output"], "run", "--weights", self.weights, "--input", self.x)
        self.refused(2, ["--device"], *run, "--device")
        self.refused(2, ["--device"], *run, "--device", "--json")
        self.refused(2, ["--device"], *run, "--device=")
        self.refused(2, ["bad?name"], "devices", "bad\nname")
        self.refused(2, ["?[31m"], "devices", "\033[31m")

    def test_numbers(self):
        for value in ("", "x", "1x", "1 ", " 1", "-1", "+1", "1.5", "0x10", "1e3", "99999999999999999999", "18446744073709551616", "0"):
            self.refused(2, ["--cases"], "verify", f"--cases={value}")
        self.refused(2, ["1000001", "1000000"], "verify", "--cases=1000001")
        for value in ("", "x", "1x", "-1", "18446744073709551616", "0.0", "nan"):
            self.refused(2, ["--seed"], "verify", f"--seed={value}")
        run = self.case()
        for name in ("slope", "offset"):
            for value in ("", "x", "nan", "NaN", "inf", "-inf", "1e99", "-1e39", "0x1", "1,5", "1.5x", " 1", "1 ", "--1", "."):
                self.refused(2, [f"--{name}"], *run, "--gate", "hard-sigmoid", f"--{name}={value}")

    def test_choices(self):
        run = self.case()
        for name, listed in (("activation", "identity, relu, silu, hard-swish"), ("order", "out-in, in-out"), ("output-kind", "scale, residual"),
                             ("gate", "sigmoid, hard-sigmoid, hard-sigmoid-5, hard-sigmoid-paddle"), ("then", "nothing, relu")):
            self.refused(2, [f"--{name}", "mauve", listed], *run, f"--{name}=mauve")
            self.refused(2, [f"--{name}"], *run, f"--{name}=")
        self.refused(2, ["mauve", *SCHEDULES], *run, "--schedule=mauve")
        self.refused(2, ["mauve", *FORMS], *run, "--form", "mauve")
        self.refused(2, ["sigmoid", "slope"], *run, "--gate", "sigmoid", "--slope", "0.2")
        self.refused(2, ["offset"], *run, "--slope", "0.2")  # the block's gate is a sigmoid: whose offset?
        self.refused(2, ["slope"], *run, "--offset", "0.5")

    def test_spellings(self):
        run = self.case()
        self.done(*run)
        first = self.check_y()
        self.y.unlink()
        self.done("run", f"--weights={self.weights}", f"--input={self.x}", f"--output={self.y}", "--device=host")
        self.assertEqual(self.check_y(), first)
        self.done(*run, "--device", "nonesuch", "--device", "host")  # the last counts

    def test_arguments(self):
        self.case()
        self.refused(2, ["MODEL"], "inspect")
        self.refused(2, ["MODEL", "w.safetensors", "x.npy"], "inspect", "w.safetensors", "x.npy")
        self.refused(2, ["MODEL"], "inspect", "")
        self.refused(2, ["MODEL[:BLOCK]"], "extract", "-o", "a.safetensors")
        self.refused(2, ["--output"], "extract", "w.safetensors")
        self.refused(2, ["--output"], "extract", "w.safetensors", "-o")
        self.refused(2, ["--output"], "extract", "w.safetensors", "-o", "")
        self.refused(2, ["-oa"], "extract", "w.safetensors", "-oa")
        self.refused(2, ["-o"], "inspect", "w.safetensors", "-o", "a")
        self.refused(2, ["slope"], "extract", "w.safetensors", "-o", "a", "--gate", "sigmoid", "--slope", "0.2")
        listed = self.done("inspect", "w.safetensors", "--explain")
        self.assertEqual(self.done("inspect", "--explain", "w.safetensors"), listed)
        self.assertEqual(self.done("inspect", "--explain", "--", "w.safetensors"), listed)
        self.weights.rename(self.folder / "-w")
        self.refused(2, ["-w"], "inspect", "-w")
        self.assertEqual(self.done("inspect", "--", "-w"), self.done("inspect", "./-w"))
        written = self.done("extract", "./-w", "-o", "a.safetensors")
        self.assertEqual(self.done("extract", "--output=b.safetensors", "./-w"), written)
        self.assertEqual(self.done("extract", "--output", "c.safetensors", "./-w"), written)
        for name in "bc":
            self.assertEqual((self.folder / f"{name}.safetensors").read_bytes(), (self.folder / "a.safetensors").read_bytes())

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_full_stdout(self):
        for arguments in (["devices"], ["devices", "--json"], ["help"], ["version"]):
            with open("/dev/full", "wb") as full:
                status, _, err = self.call(*arguments, stdout=full)
            self.assertEqual(status, 5)
            self.assertRegex(err, r"\Aexciton: [^\n]+\n\Z")


class Devices(Command):
    def check_list(self, listed):
        for device in listed["devices"]:
            self.assertEqual(list(device), ["name", "driver", "api", "version", "type", "uuid", "selected_by", "self_test"])
            self.assertEqual(list(device["self_test"]), ["tested", "inexact", "failed"])
            self.assertGreaterEqual(device["self_test"]["tested"], len(device["self_test"]["inexact"]) + len(device["self_test"]["failed"]))
            self.assertIn(device["api"], ("host", "opencl", "vulkan"))
            self.assertIn(device["type"], ("discrete", "integrated", "virtual", "software", "host"))
            if device["uuid"] is not None:
                self.assertRegex(device["uuid"], r"\A[0-9a-f]{32}\Z")
        selectors = [d["selected_by"] for d in listed["devices"]]
        self.assertEqual(len(set(selectors)), len(selectors))
        for absent in listed["absent"]:
            self.assertEqual(list(absent), ["api", "reason"])
            self.assertTrue(absent["reason"])

    def test_without_drivers(self):
        listed = self.json("devices")
        self.check_list(listed)
        self.assertEqual([d["api"] for d in listed["devices"]], ["host"])
        self.assertEqual(listed["devices"][0]["selected_by"], "host")
        self.assertEqual({a["api"] for a in listed["absent"]}, {"opencl", "vulkan"})
        out = self.done("devices")
        self.assertRegex(out, r"\ANAME +DRIVER +API +TYPE +VERSION +SELECTED BY +UUID\n")
        self.assertRegex(out, r"\n\nABSENT +REASON\n(opencl|vulkan) +\S")

    def test_with_drivers(self):
        listed = self.json("devices", hidden=False)
        self.check_list(listed)
        self.assertEqual(len([d for d in listed["devices"] if d["api"] == "host"]), 1)
        table = self.done("devices", hidden=False)
        for device in listed["devices"]:
            self.assertIn(device["name"], table)
        # one row a device, each column where its title is
        head, *rows = table.split("\n\n")[0].strip().split("\n")
        self.assertEqual(len(rows), len(listed["devices"]))
        for title, member in (("DRIVER", "driver"), ("API", "api"), ("SELECTED BY", "selected_by")):
            for row, device in zip(rows, listed["devices"]):
                self.assertTrue(row[head.index(title):].startswith(device[member]), row)

    def test_absent(self):
        run = self.case()[:-1]
        self.refused(3, ["nonesuch", "host"], *run, "nonesuch")
        for selector in ("gpu", "vulkan", "opencl", "vulkan:lavapipe", "opencl:pocl", "00112233445566778899aabbccddeeff"):
            self.refused(3, [], *run, selector)
            self.refused(3, [], "verify", "--device", selector, "--cases", "1")
        self.refused(3, ["nonesuch"], *run[:-1], EXCITON_DEVICE="nonesuch")
        self.refused(3, ["another"], *run, "another", EXCITON_DEVICE="host")  # the option beats the variable
        self.done(*run, "host", EXCITON_DEVICE="nonesuch")
        self.check_y()

    def test_ambiguous(self):
        listed = self.json("devices", hidden=False)["devices"]
        words = [(d["name"] + "\n" + d["driver"]).lower() for d in listed]
        part = next((c for c in "abcdefghijklmnopqrstuvwxyz" if sum(c in w for w in words) > 1), None)
        if not part:
            self.skipTest("one device: nothing is ambiguous")
        err = self.refused(3, [], *self.case()[:-1], part, hidden=False)
        named = [d for d, w in zip(listed, words) if part in w]
        self.assertGreaterEqual(sum(d["selected_by"] in err or d["driver"] in err for d in named), 2)

    def test_selectors_open_their_device(self):
        run = self.case()[:-1]
        for device in self.json("devices", hidden=False)["devices"]:
            if not any(part.split(":")[-1] in (device["driver"], device["api"]) for part in DEVICES):
                continue
            for selector in filter(None, (device["selected_by"], device["uuid"])):
                ran = self.json(*run, selector, hidden=False)
                self.assertEqual((ran["device"], ran["driver"], ran["api"]), (device["name"], device["driver"], device["api"]))


class Run(Command):
    def test_json_and_table(self):
        run = self.case(prefix="stage.se")
        ran = self.json(*run)
        self.assertEqual(list(ran), ["format", "numerics", "device", "driver", "api", "schedule", "form", "excitation", "exact", "dispatches", "pieces",
                                     "microseconds",
                                     "block", "shape", "hidden"])
        self.assertEqual((ran["driver"], ran["api"], ran["pieces"], ran["block"]), ("host", "host", 1, "stage.se"))
        self.assertEqual((ran["excitation"], ran["exact"]), ("own", True))
        self.assertIn(ran["schedule"], SCHEDULES)
        self.assertIn(ran["form"], FORMS)
        self.assertGreater(ran["microseconds"], 0)
        self.assertEqual((ran["shape"], ran["hidden"]), (list(self.shape), 4))
        out = self.done(*run)
        for name in ("device", "driver", "schedule", "form", "dispatches", "pieces", "microseconds"):
            self.assertRegex(out, rf"(?m)^{name} +\S")
        steps = self.json(*run, "--explain")["steps"]
        self.assertEqual(len(steps), ran["dispatches"])
        self.assertEqual(len(self.done(*run, "--explain").strip().split("\n\n")[1].split("\n")), len(steps))
        self.check_y()

    def test_every_schedule_and_form(self):
        run = self.case(channels=19, hidden=5, spatial=(7, 3), batch=3, bias=True)
        outputs = set()
        for device in DEVICES:
            for schedule in SCHEDULES:
                for form in FORMS:
                    if (device, form) == ("host", "lanes"):  # the host has no work-items
                        self.refused(5, ["form", "lanes"], *run, "--schedule", schedule, "--form", form)
                        continue
                    ran = self.json(*run[:-1], device, "--schedule", schedule, "--form", form, hidden=False)
                    self.assertEqual((ran["schedule"], ran["form"]), (schedule, form))
                    self.assertNotEqual(device == "host", ran["driver"] != "host")
                    outputs.add(self.check_y())
        self.assertEqual(len(outputs), 1, "devices, schedules or forms differ in bits")

    def test_excitation(self):
        run = self.case(channels=19, hidden=5, spatial=(7, 3), batch=3, bias=True)
        clblast = ("--excitation", "clblast")
        self.refused(2, ["--allow-inexact"], *run, *clblast)
        self.refused(2, ["split-excite"], *run, *clblast, "--allow-inexact", "--schedule", "split-excite")
        self.refused(5, ["only on OpenCL", "host"], *run, *clblast, "--allow-inexact")
        self.refused(2, ["own", "clblast"], *run, "--excitation", "mauve")
        ran = self.json(*run, "--allow-inexact")
        self.assertEqual((ran["excitation"], ran["exact"]), ("own", True))
        for device in DEVICES:
            if not device.startswith("opencl"):
                continue
            self.refused(5, ["/nonexistent", "libclblast1"], *run[:-1], device, *clblast, "--allow-inexact", hidden=False, EXCITON_CLBLAST="/nonexistent")
            status, out, err = self.call(*run[:-1], device, *clblast, "--allow-inexact", "--json", hidden=False)
            if status == 5 and "no library" in err and not os.environ.get("EXCITON_TEST_REQUIRE"):
                self.skipTest(err)
            self.assertEqual((status, err), (0, ""))
            ran = json.loads(out)
            self.assertEqual((ran["schedule"], ran["excitation"], ran["exact"]), ("three-stages", "clblast", False))
            self.check_y()
            self.assertRegex(self.done(*run[:-1], device, *clblast, "--allow-inexact", hidden=False), r"(?m)^excitation +clblast \(not exact\)$")

    def test_saved_outputs_and_in_place(self):
        run = self.case(channels=9, hidden=3, bias=True)
        expected = self.block.run(self.values, 2)
        for device in DEVICES:
            names = {k: self.folder / f"{k}.npy" for k in "shg"}
            self.done(*run[:-1], device, *(p for k in "shg" for p in (f"--save-{k}", names[k])), hidden=False)
            first = self.check_y()
            for k, width, values in zip("shg", (9, 3, 9), expected[1:]):
                shape, got = read_npy(names[k])
                self.assertEqual(shape, (2, width))
                self.assertLessEqual(largest_error(got, values), BOUND)
            self.done(*run[:-1], device, "--in-place", hidden=False)
            self.assertEqual(self.check_y(), first)

    def test_dimensions(self):
        for spatial in ((11,), (3, 4), (2, 3, 4), (1,), (1, 1, 1)):
            self.done(*self.case(spatial=spatial))
            self.check_y()
        self.done(*self.case(channels=1, hidden=1, spatial=(1,), batch=1))
        self.check_y()

    def test_parameters_by_option(self):
        run = self.case(bias=True)
        outputs = []
        for options, expected in (
                (["--activation", "silu"], {"activation": "silu"}),
                (["--activation=hard-swish"], {"activation": "hard-swish"}),
                (["--activation", "identity"], {"activation": "identity"}),
                (["--gate", "hard-sigmoid"], {"gate": "hs"}),
                (["--gate", "hard-sigmoid-5"], {"gate": "hs", "slope": 0.2}),
                (["--gate", "hard-sigmoid-paddle"], {"gate": "hs", "slope": 0.1666667}),
                (["--slope", "0.3", "--offset=-0.25"], {"gate": "hs", "slope": 0.3, "offset": -0.25}),
                (["--gate", "hard-sigmoid", "--slope", "-1e-1"], {"gate": "hs", "slope": -0.1}),
                (["--gate", "hard-sigmoid-5", "--offset", "0.25"], {"gate": "hs", "slope": 0.2, "offset": 0.25}),
                (["--output-kind", "residual"], {"residual": True}),
                (["--then", "relu"], {"then_relu": True}),
                (["--output-kind", "residual", "--then", "relu", "--activation", "silu"],
                 {"residual": True, "then_relu": True, "activation": "silu"})):
            self.done(*run, *options)
            outputs.append(self.check_y(**expected))
        self.assertEqual(len(set(outputs)), len(outputs))

    def test_parameters_by_file(self):
        said = {"se.activation": "silu", "se.gate": "hard-sigmoid", "se.gate.slope": "0.2", "se.gate.offset": "0.5", "se.output": "residual"}
        expected = {"activation": "silu", "gate": "hs", "slope": 0.2, "residual": True}
        run = self.case(bias=True, prefix="se", metadata=said)
        self.done(*run)
        self.check_y(**expected)
        self.done(*run, "--activation", "relu", "--output-kind", "scale", "--gate", "sigmoid")  # the option wins
        self.check_y()
        self.done(*run, "--offset", "0.4")  # and its other half stays
        self.check_y(**{**expected, "offset": 0.4})
        del said["se.gate.slope"]
        run = self.case(bias=True, prefix="se", metadata=said)
        self.refused(4, ["--slope"], *run)
        self.done(*run, "--slope", "0.2")
        self.check_y(**expected)

    def test_order(self):
        run = self.case(metadata={"order": "IN_OUT"})
        self.block.write(self.weights, {"order": "IN_OUT"}, "in-out")
        self.done(*run)
        self.check_y()
        self.refused(4, ["order"], *run, "--order", "out-in")
        self.block.write(self.weights, None, "in-out")
        self.done(*run, "--order", "in-out")
        self.check_y()
        # channels last says that something is transposed, but not that everything is
        tensors = {k: ([1, 1, *shape], values) for k, (shape, values) in self.block.tensors("in-out").items()}
        self.weights.write_bytes(safetensors(tensors))
        self.refused(4, ["--order"], *run)
        self.done(*run, "--order", "in-out")
        self.check_y()

    def test_blocks(self):
        run = list(self.case())
        blocks = [Block(8, 4, seed=s, prefix=p) for s, p in ((1, "a.se"), (20, "b.se"))]
        self.weights.write_bytes(safetensors({**blocks[0].tensors(), **blocks[1].tensors()}))
        self.refused(4, ["a.se", "b.se"], *run)
        for self.block in blocks:
            run[2] = f"{self.weights}:{self.block.prefix}"
            self.assertEqual(self.json(*run)["block"], self.block.prefix)
            self.check_y()
        run[2] = f"{self.weights}:c.se"
        self.refused(4, ["c.se", "a.se", "b.se"], *run)
        run[2] = f"{self.weights}:"
        self.refused(4, ["a.se"], *run)
        # a name that JSON has to escape
        run[2] = Block(8, 4, prefix='sé "\\').write(self.folder / "w.safetensors")
        self.assertEqual(self.json(*run)["block"], 'sé "\\')
        self.assertIn('sé "\\', self.done(*run))
        # a colon in the file's name
        run[2] = blocks[0].write(self.folder / "odd:name")
        self.block = blocks[0]
        self.done(*run)
        self.check_y()
        run[2] = f"{run[2]}:a.se"
        self.done(*run)
        self.refused(4, ["nothing.st"], "run", "--weights", "nothing.st:a", *run[3:])
        self.refused(4, ["nothing.st"], "run", "--weights", "nothing.st", *run[3:])

    def test_same_file(self):
        run = list(self.case())
        run[6] = self.y = self.x
        self.done(*run)
        self.check_y()
        self.refused(5, [], "run", "--weights", self.weights, "--input", self.x, "--output", self.x / "deeper", "--device", "host")


class BadFiles(Command):
    def test_x_that_does_not_fit(self):
        run = self.case()
        for shape, words in (((2, 7, 3), ["7", "8"]), ((8,), ["x.npy"]), ((1, 8), ["x.npy"]), ((1, 8, 1, 1, 1, 1), ["x.npy"]), ((), ["x.npy"]),
                             ((2, 0, 3), ["x.npy"]), ((0, 8, 3), ["x.npy"]), ((2, 8, 0), ["x.npy"])):
            count = 1
            for size in shape:
                count *= size
            write_npy(self.x, shape, [0.5] * count)
            self.refused(4, words, *run)

    def test_bad_npy(self):
        run = self.case()
        good = self.x.read_bytes()
        header = npy_header(self.shape)
        data = good[len(header):]
        for name, content in {
            "empty": b"", "magic": b"\x93NUMPX" + good[6:], "magic cut": good[:5], "header cut": good[:40], "data cut": good[:-1],
            "data cut by a value": good[:-4], "no data": header, "too long": good + b"\0", "a row too long": good + b"\0" * 4,
            "version": good[:6] + b"\4\0" + good[8:],
            "f8": npy_header(self.shape, "<f8") + data * 2, "f2": npy_header(self.shape, "<f2") + data[:len(data) // 2],
            "big-endian": npy_header(self.shape, ">f4") + data, "i4": npy_header(self.shape, "<i4") + data,
            "fortran": npy_header(self.shape, fortran=True) + data, "objects": npy_header(self.shape, "|O") + data,
            "code": npy_header((), text="__import__('os').system('true')") + data,
            "key twice": npy_header((), text="{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 8, 3, 5), }") + data,
            "no shape": npy_header((), text="{'descr': '<f4', 'fortran_order': False, }") + data,
            "negative": npy_header((), text="{'descr': '<f4', 'fortran_order': False, 'shape': (2, -8, 3, 5), }") + data,
            "overflow": npy_header((1 << 32, 8, 1 << 32, 5)) + data, "huge": npy_header((1 << 70, 8, 5)) + data,
            "header length": good[:8] + b"\xff\xff" + good[10:],
        }.items():
            with self.subTest(name):
                self.x.write_bytes(content)
                self.refused(4, ["x.npy"], *run)
        for version in (2, 3):
            write_npy(self.x, self.shape, self.values, version=version)
            self.done(*run)
        self.refused(4, ["missing.npy"], "run", "--weights", self.weights, "--input", "missing.npy", "--output", self.y)
        self.refused(4, [self.folder.name], "run", "--weights", self.weights, "--input", self.folder, "--output", self.y)
        self.refused(4, ["/dev/null"], "run", "--weights", self.weights, "--input", "/dev/null", "--output", self.y)

    def test_bad_safetensors(self):
        run = self.case()
        tensors = self.block.tensors()
        good = safetensors(tensors)
        size = int.from_bytes(good[:8], "little")
        text = good[8:8 + size].decode()
        data = good[8 + size:]
        entries = json.loads(text)
        first, second = entries

        def changed(name, **members):
            return safetensors({}, header=json.dumps({**entries, name: {**entries[name], **members}})) + data

        for name, content in {
            "empty": b"", "length cut": good[:7], "length huge": b"\xff" * 8 + good[8:], "header cut": good[:20], "data cut": good[:-1],
            "too long": good + b"\0", "hole": safetensors(tensors, gap=4), "no json": safetensors({}, header="{") + data,
            "a list": safetensors({}, header="[]"), "no block": safetensors({"a": ([1], [1.0])}), "nothing": safetensors({}),
            "key twice": safetensors({}, header=text.rstrip()[:-1] + "," + text.rstrip()[1:]) + data,
            "text after": safetensors({}, header=text.rstrip() + "{}") + data,
            "overlap": changed(second, data_offsets=entries[first]["data_offsets"]), "backwards": changed(first, data_offsets=[128, 0]),
            "outside": changed(second, data_offsets=[128, 1 << 40]), "negative": changed(first, data_offsets=[-128, 0]),
            "fraction": changed(first, data_offsets=[0.0, 128.0]), "shape too large": changed(first, shape=[4, 9]),
            "shape overflows": changed(first, shape=[1 << 62, 1 << 62]), "shape zero": changed(first, shape=[0, 8]),
            "no shape": changed(first, shape=None), "f64": changed(first, dtype="F64", shape=[2, 8]), "f16": changed(first, dtype="F16", shape=[8, 8]),
            "dtype": changed(first, dtype="Q7"), "one layer": safetensors({first: tensors[first]}),
            "widths": safetensors({**Block(8, 4).tensors(), second: ([8, 5], [0.5] * 40)}),
            "bias": safetensors({**tensors, "fc.0.bias": ([3], [0.5] * 3)}),
            "unknown parameter": safetensors(tensors, {"gate.slop": "0.2", "gate": "hard-sigmoid"}),
            "NaN slope": safetensors(tensors, {"gate": "hard-sigmoid", "gate.slope": "NaN", "gate.offset": "0.5"}),
            "unknown gate": safetensors(tensors, {"gate": "softmax"}),
        }.items():
            with self.subTest(name):
                self.weights.write_bytes(content)
                self.refused(4, ["w.safetensors"], *run)
        self.refused(4, [self.folder.name], "run", "--weights", self.folder, *run[3:])

    def test_outputs_that_cannot_be_written(self):
        run = list(self.case())
        kept = write_npy(self.folder / "old.npy", (1,), [1.0])
        (self.folder / "dir.npy").mkdir()
        for path in ("missing/y.npy", "dir.npy", "dir.npy/", "old.npy/y.npy", "/dev/null", "/dev/stdout", "n" * 300, "d" * 5000 + "/y"):
            with self.subTest(path[:20]):
                run[6] = path
                self.refused(5, [path[:20]], *run)
                self.refused(5, [path[:20]], *run[:6], kept, "--device", "host", "--save-g", path)
        for again in ("y.npy", "./y.npy", self.y):
            self.refused(2, ["two outputs"], *run[:6], self.y, "--save-s", again)
        # nothing is left behind
        run[6] = self.y
        self.done(*run)
        self.assertEqual({p.name for p in self.folder.iterdir()}, {"w.safetensors", "x.npy", "y.npy", "old.npy", "dir.npy"})

    def test_read_only_folder(self):
        if os.geteuid() == 0:
            self.skipTest("root may write anywhere")
        folder = self.folder / "locked"
        folder.mkdir(mode=0o500)
        run = list(self.case())
        run[6] = folder / "y.npy"
        self.refused(5, ["locked"], *run)


class Verify(Command):
    def test_devices_agree(self):
        digests = set()
        for device in DEVICES:
            ran = self.json("verify", "--device", device, "--cases", "12", "--seed", "5", hidden=False)
            self.assertEqual(list(ran), ["format", "numerics", "device", "driver", "suite", "cases", "failed", "digest", "seed", "first_failure"])
            self.assertEqual((ran["suite"], ran["cases"], ran["failed"], ran["seed"], ran["first_failure"]), ("se-f32/1", 12, 0, 5, None))
            self.assertRegex(ran["digest"], r"\A[0-9a-f]{64}\Z")
            digests.add(ran["digest"])
        self.assertEqual(len(digests), 1)
        out = self.done("verify", "--device=host", "--cases=12", "--seed=5", "--suite=se-f32/1")
        self.assertIn(digests.pop(), out)

    def test_digest_depends(self):
        digests = [self.json("verify", "--device", "host", "--cases", cases, "--seed", seed)["digest"]
                   for cases, seed in ((3, 0), (4, 0), (3, 1), (3, 18446744073709551615), (3, 0))]
        self.assertEqual(len(set(digests)), 4)
        self.assertEqual(digests[0], digests[4])

    def test_progress(self):
        # on a terminal, after a second; the other tests' calls have a pipe, and see none
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        started = time.monotonic()
        with subprocess.Popen([binary(), "verify", "--device", "host", "--cases", "1000000"], stdout=subprocess.DEVNULL, stderr=theirs,
                              env=environment(True)) as running:
            os.close(theirs)
            try:
                shown = ""
                while not re.search(r"verify \[[#.]+\] \d+ of 1000000 cases", shown):
                    ready, _, _ = select.select([ours], [], [], 60)
                    self.assertTrue(ready, f"no progress in a minute: {shown}")
                    self.assertGreater(time.monotonic() - started, 0.9)
                    shown = (shown + os.read(ours, 200).decode())[-400:]
            finally:
                running.kill()

    def test_unknown_suite(self):
        self.refused(2, ["se-f99", "se-f32/1"], "verify", "--device", "host", "--suite", "se-f99")


class Bench(Command):
    QUICK = ("--rounds", "9", "--seconds", "0.01")
    ROW = ["device", "driver", "api", "shape", "hidden", "schedule", "form", "excitation", "exact", "auto", "dispatches", "pieces", "shares", "median_us", "floor_us", "p10_us",
           "p90_us", "ratio", "gbps", "rounds", "steady", "drift", "floor_copy", "bits"]

    def bench(self, *arguments, **settings):
        """Its JSON. On a busy machine a floor may move: status 1 then, and the rows say so."""
        status, out, err = self.call("bench", *self.QUICK, "--json", *arguments, **settings)
        value = json.loads(out)
        self.assertEqual(list(value), ["format", "numerics", "version", "machine", "devices", "cache", "results"])
        steady = all(row["steady"] for row in value["results"])
        self.assertEqual((status, bool(err)), (0, False) if steady else (1, True), err)
        if not steady:
            self.assertRegex(err, r"\Aexciton: bench: [^\n]+: not steady: the floor moved by \d+ %[^\n]+\n\Z")
        for row in value["results"]:
            self.check_row(row)
        return value

    def check_row(self, row):
        self.assertEqual(list(row), self.ROW)
        self.assertIn(row["schedule"], SCHEDULES)
        self.assertIn(row["form"], FORMS)
        self.assertEqual(row["exact"], row["excitation"] == "own", row)
        self.assertTrue(row["bits"] == "same" or not row["exact"], row)
        self.assertTrue(row["floor_copy"])
        self.assertGreaterEqual(row["rounds"], 3)
        self.assertGreater(row["floor_us"], 0)
        self.assertTrue(0 < row["p10_us"] <= row["median_us"] <= row["p90_us"], row)
        self.assertAlmostEqual(row["ratio"] / (row["median_us"] / row["floor_us"]), 1, places=6)
        batch, channels, *spatial = row["shape"]
        space = 1
        for size in spatial:
            space *= size
        moved = 4 * (3 * batch * channels * space + 2 * channels * row["hidden"])
        self.assertAlmostEqual(row["gbps"] / (moved / row["median_us"] / 1e3), 1, places=6)
        self.assertEqual(row["steady"], row["drift"] <= 0.2)

    def shapes(self, *arguments):
        """What auto ran, in order."""
        return [(*row["shape"], row["hidden"]) for row in self.bench("--device", "host", "--schedule", "auto", *arguments)["results"]]

    def test_json(self):
        for device in DEVICES:
            value = self.bench("--device", device, "--shape", "2x40x7x5", "--shape", "1x16x33:3", hidden=False)
            (described,) = value["devices"]
            self.assertEqual(list(described), ["name", "driver", "api", "version", "type", "limits"])
            self.assertGreater(described["limits"]["max_binding_range"], 0)
            self.assertGreaterEqual(value["machine"]["processors"], 1)
            for shape, hidden in (([2, 40, 7, 5], 2), ([1, 16, 33], 3)):
                rows = [row for row in value["results"] if row["shape"] == shape]
                self.assertEqual({row["hidden"] for row in rows}, {hidden})
                self.assertEqual(sum(row["auto"] for row in rows), 1, rows)
                ways = [(row["schedule"], row["form"], row["shares"]) for row in rows if not row["auto"]]
                self.assertEqual(len(set(ways)), len(ways))
                forms = FORMS if described["api"] != "host" else FORMS[:1]
                for way in ((schedule, form) for schedule in SCHEDULES for form in forms):
                    self.assertIn(way, [(row["schedule"], row["form"]) for row in rows])
                for name in ("device", "driver", "api"):
                    self.assertEqual({row[name] for row in rows}, {described["name" if name == "device" else name]})

    def test_table(self):
        status, out, _ = self.call("bench", *self.QUICK, "--device", "host", "--shape", "1x64x9x9")
        self.assertIn(status, (0, 1))
        head, *rows = out.strip().split("\n")
        self.assertRegex(head, r"\ADEVICE +SHAPE +SCHEDULE \(\* auto\) +US +10\.\.90 % +FLOOR +/ FLOOR +GB/S\Z")
        self.assertEqual(sum(" * " in row for row in rows), 1)
        for row in rows:
            self.assertRegex(row, r"\Ahost +1x64x9x9:4 +[a-z-]+/rows")

    def test_devices(self):
        value = self.bench(*(word for device in [*DEVICES, DEVICES[0]] for word in ("--device", device)), "--shape", "1x16x8x8", hidden=False)
        self.assertEqual(len(value["devices"]), len(DEVICES))  # one that is named twice is measured once
        self.assertEqual(sum(row["auto"] for row in value["results"]), len(DEVICES))
        value = self.bench("--shape", "1x16x8x8", EXCITON_DEVICE="host")
        self.assertEqual([device["api"] for device in value["devices"]], ["host"])

    def test_shapes(self):
        self.assertEqual(self.shapes("--shape", "1,3x8,16x4"), [(1, 8, 4, 1), (1, 16, 4, 1), (3, 8, 4, 1), (3, 16, 4, 1)])
        self.assertEqual(self.shapes("--shape", "2x33x2..4x5x6"), [(2, 33, s, 5, 6, 2) for s in (2, 3, 4)])
        self.assertEqual(self.shapes("--shape", "1x5x3:1..9+4,2"), [(1, 5, 3, r) for r in (1, 5, 9, 2)])
        self.assertEqual(self.shapes("--shape", "1..20*3x8x3"), [(n, 8, 3, 1) for n in (1, 3, 9)])
        self.assertEqual(self.shapes("--shape", "1x8x3", "--shape=1,2x8x3:1"), [(1, 8, 3, 1), (2, 8, 3, 1)])  # each once
        named = self.shapes("--shape", "1,2xmobilenetv3-small")
        self.assertEqual(len(named), 14)
        self.assertIn((2, 576, 7, 7, 144), named)
        self.assertEqual([s[:2] for s in self.shapes()], [(1, 256), (1, 512), (1, 1024), (1, 2048)])  # seresnet50

    def test_schedule_and_form(self):
        rows = self.bench("--device", "host", "--shape", "1x64x9x9", "--schedule", "three-stages")["results"]
        self.assertEqual(sum(row["auto"] for row in rows), 1)
        self.assertEqual({row["schedule"] for row in rows if not row["auto"]} - {"three-stages"}, set())
        self.assertIn("three-stages", [row["schedule"] for row in rows])
        rows = self.bench("--device", "host", "--shape", "1x64x9x9", "--form", "auto")["results"]
        self.assertEqual([row["auto"] for row in rows], [True])
        self.refused(5, ["lanes"], "bench", "--device", "host", "--shape", "1x64x9x9", "--form", "lanes")
        self.refused(2, ["mauve", *SCHEDULES], "bench", "--device", "host", "--schedule", "mauve")
        self.refused(2, ["mauve", *FORMS], "bench", "--device", "host", "--form", "mauve")

    def test_excitation(self):
        self.refused(5, ["only on OpenCL"], "bench", "--device", "host", "--shape", "1x64x9x9", "--excitation", "clblast")
        for device in DEVICES:
            if device.startswith("opencl"):
                rows = self.bench("--device", device, "--shape", "4x64x9x9", "--schedule", "three-stages", "--excitation", "clblast", hidden=False)["results"]
                (theirs,) = [row for row in rows if row["excitation"] == "clblast"]
                self.assertEqual((theirs["schedule"], theirs["auto"]), ("three-stages", False))

    def test_bad_options(self):
        host = ("bench", "--device", "host")
        for shape in ("", "x", "1x", "1x2", "1x2x", "x1x2x3", "1x2x3x4x5x6", "0x1x1", "1x0x1", "1x1x0", "1x1x1:0", "1x1x1:", "1x1x1:1:1",
                      "-1x1x1", "1x1x1 ", " 1x1x1", "1,x1x1", ",1x1x1", "1..x1x1", "..2x1x1", "3..2x1x1", "1..2+0x1x1", "1..2*1x1x1", "1..2*x1x1",
                      "18446744073709551616x1x1", "1X1X1", "nonesuch", "xseresnet50", "0xseresnet50", "1,xnine", "2xnine", "1.5x1x1", "1;1x1"):
            self.refused(2, ["--shape"], *host, f"--shape={shape}")
        for shape in ("1..257x1x1", "1..18446744073709551615x1x1", "1..100x1..100x1", "1..16x1..16x1..17"):
            self.refused(2, ["more than"], *host, "--shape", shape)
        for shape in ("18446744073709551615x18446744073709551615x1", "4294967296x1x4294967296", "1x4294967295x1:4294967295",
                      "1x9223372036854775808x1"):
            self.refused(2, [], *host, "--shape", shape)
        for value in ("0", "-1", "nan", "x", "3601", ""):
            self.refused(2, ["--seconds"], *host, f"--seconds={value}")
        for value in ("8", "0", "4097", "x", ""):
            self.refused(2, ["--rounds"], *host, f"--rounds={value}")
        self.refused(2, ["--device"], *host, *(["--device=host"] * 64))
        self.refused(3, ["nonesuch", "host"], *host, "--device", "nonesuch", "--shape", "1x8x3")
        self.refused(3, ["nonesuch"], "bench", "--shape", "1x8x3", EXCITON_DEVICE="nonesuch")

    def test_too_large_for_memory(self):
        # more than the processor's address space, which the address sanitizer reports in its own way
        for device in DEVICES:
            if device != "host" or "ASAN_OPTIONS" not in os.environ:
                self.refused(5, ["8388608x1x8388608"], "bench", "--device", device, "--shape", "8388608x1x8388608", hidden=False)


class Tune(Command):
    def ways(self, way, device):
        self.assertEqual(list(way), ["schedule", "form", "shares"])
        self.assertIn(way["schedule"], SCHEDULES)
        self.assertIn(way["form"], FORMS if device != "host" else FORMS[:1])
        self.assertGreaterEqual(way["shares"], 1)

    def test_winner_is_kept(self):
        for device in DEVICES:
            with tempfile.TemporaryDirectory() as cache:
                value = self.json("tune", "--device", device, "--shape", "2x16x7x5:3", "--shape", "1x8x9:1", hidden=False, XDG_CACHE_HOME=cache)
                self.assertEqual(list(value), ["format", "numerics", "device", "driver", "results"])
                self.assertEqual([r["shape"] for r in value["results"]], ["2x16x7x5:3", "1x8x9:1"])
                for result in value["results"]:
                    self.assertEqual(list(result), ["shape", "out_of_place", "in_place"])
                    self.ways(result["out_of_place"], device)
                    self.ways(result["in_place"], device)
                    self.assertEqual(result["in_place"]["shares"], 1)
                folder = os.path.join(cache, "exciton")
                self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
                self.assertTrue(os.listdir(folder))

    def test_table(self):
        with tempfile.TemporaryDirectory() as cache:
            out = self.done("tune", "--device", "host", "--shape", "1x8x9", XDG_CACHE_HOME=cache)
            head, row = out.strip().split("\n")
            self.assertRegex(head, r"\ADEVICE +SHAPE +OUT OF PLACE +IN PLACE\Z")
            self.assertRegex(row, r"\Ahost +1x8x9:1 +[a-z-]+/rows")

    def test_bad_options(self):
        self.refused(2, ["--shape"], "tune", "--device", "host", "--shape", "1x")
        self.refused(3, ["nonesuch"], "tune", "--device", "nonesuch")
        self.refused(5, ["XDG_CACHE_HOME", "HOME"], "tune", "--device", "host", XDG_CACHE_HOME="", HOME="")


class Cache(Command):
    def test_unusable_folder_is_no_failure(self):
        with tempfile.TemporaryDirectory() as cache:
            folder = os.path.join(cache, "exciton")
            os.mkdir(folder, 0o755)
            self.json("verify", "--device", "host", "--cases", "3", XDG_CACHE_HOME=cache)
            self.assertEqual(os.listdir(folder), [])

main()
