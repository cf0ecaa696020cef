"""The command `exciton` on models and state dicts: inspect, extract, and run of their blocks.

    test_models.py BINARY [unittest's arguments]
"""
import os
import re
import resource
import signal
import subprocess
import time

from command import BOUND, Command, DEVICES, binary, environment, main
from files import Block, largest_error, pack, random_values, read_npy, safetensors, to_f32, write_npy
from onnx_files import Model, content, number, varint

PAIRS = (("fc.0", "fc.2"), ("fc1", "fc2"), ("conv_reduce", "conv_expand"), ("conv1", "conv2"))
MEMBERS = ["name", "kind", "input", "output", "channels", "hidden", "bias", "activation", "gate", "residual", "then", "clean", "unsupported",
           "activation_numbers", "weights", "lacks", "channels_last", "kernel", "circular"]
SE = {"kind": "se", "input": "x", "channels": 8, "hidden": 4, "bias": [True, True], "activation": "relu",
      "gate": {"kind": "sigmoid", "slope": None, "offset": None}, "residual": False, "then": {"add": None, "activation": "identity"},
      "clean": True, "unsupported": None, "activation_numbers": [], "lacks": [], "channels_last": False, "kernel": None, "circular": False}
ONE_LAYER = {**SE, "hidden": None, "activation": None, "unsupported": "kind"}


def hard(slope, offset=0.5):
    return {"kind": "hard-sigmoid", "slope": slope, "offset": offset}


class Models(Command):
    def model(self, blocks, path="m.onnx", bias=True):
        """A model in which x goes through every block of (name, seed, settings); also the Blocks by name."""
        made, model, outputs = {}, Model(8), []
        for name, seed, settings in blocks:
            made[name] = Block(8, 4, seed=seed, bias=bias)
            outputs.append(model.se("x", made[name], name, **settings))
        self.path = model.write(self.folder / path, *outputs)
        return made

    def x_file(self, shape=(2, 8, 3, 5)):
        self.shape = shape
        count = 1
        for size in shape:
            count *= size
        self.values = random_values(count, 7, 2.0)
        self.x, self.y = write_npy(self.folder / "x.npy", shape, self.values), self.folder / "y.npy"

    def run_block(self, weights, *options, device="host"):
        """y's bytes."""
        self.y.unlink(missing_ok=True)
        self.done("run", "--weights", weights, "--input", self.x, "--output", self.y, "--device", device, *options, hidden=device == "host")
        return self.y.read_bytes()

    def refused_run(self, words, weights, *options, status=4):
        return self.refused(status, words, "run", "--weights", weights, "--input", self.x, "--output", self.y, "--device", "host", *options)

    def fixture(self):
        """A model of every kind, and what inspect says of each block."""
        model, blocks = Model(8), {name: Block(8, 4, seed=s, bias=True) for s, name in enumerate("a b c d e f g h i".split(), 1)}
        blocks["b"].b2 = blocks["c"].b1 = blocks["c"].b2 = None
        y = model.se("x", blocks["a"], "a")
        model.node("Relu", y, output="a.relu")
        model.se("x", blocks["b"], "b", "silu", (0.2, 0.5))
        model.node("Add", "x", model.se("x", blocks["c"], "c", "hard-swish", (to_f32(0.1666667), 0.5)), output="c.sum")
        model.se("x", blocks["d"], "d", "relu6")
        model.se("x", blocks["e"], "e", "leaky-relu", (1 / 6, 0.25))
        model.node("Add", model.se("x", blocks["f"], "f", "identity"), "a.relu", output="f.sum")
        model.ese("x", 8, "g", random_values(64, 9))
        model.eca("x", "h", random_values(3, 9))
        model.se("x", blocks["i"], "i", "clip")
        model.node("Relu", "i.pooled", output="looker")
        path = model.write(self.folder / "m.onnx", "a.relu", "b.y", "c.sum", "d.y", "e.y", "f.sum", "g.y", "h.y", "i.y", "looker")
        expected = {
            "a": {**SE, "then": {"add": None, "activation": "relu"}},
            "b": {**SE, "bias": [True, False], "activation": "silu", "gate": hard(0.2)},
            "c": {**SE, "bias": [False, False], "activation": "hard-swish", "activation_numbers": [0.16666667, 0.5], "gate": hard(0.1666667),
                  "residual": True, "output": "c.sum"},
            "d": {**SE, "activation": "relu6", "unsupported": "activation"},
            "e": {**SE, "activation": "leaky-relu", "activation_numbers": [0.2], "gate": hard(0.16666667, 0.25), "unsupported": "activation"},
            "f": {**SE, "activation": "identity", "then": {"add": "a.relu", "activation": "identity"}, "unsupported": "then.add"},
            "g": {**ONE_LAYER, "kind": "ese", "bias": [False], "gate": hard(0.16666667), "weights": ["g.fc.weight"]},
            "h": {**ONE_LAYER, "kind": "eca", "bias": [False], "kernel": 3, "weights": ["h.conv.weight"]},
            "i": {**SE, "activation": "clip", "activation_numbers": [-1.5, 6], "unsupported": "activation",
                  "clean": False},
        }
        for name, block in expected.items():
            block.setdefault("output", f"{name}.y")
            block.setdefault("weights", [f"{name}.fc1.weight", f"{name}.fc2.weight"])
        return path, blocks, expected


class Inspect(Models):
    def test_every_member(self):
        path, _, expected = self.fixture()
        listed = self.json("inspect", path)
        self.assertEqual(list(listed), ["format", "numerics", "model", "type", "blocks", "left_out"])
        self.assertEqual((listed["model"], listed["type"], listed["left_out"]), (str(path), "onnx", {"blocks": 0, "near": 0}))
        self.assertEqual(len(listed["blocks"]), len(expected))
        for block, (name, want) in zip(listed["blocks"], expected.items()):
            with self.subTest(name):
                members = list(block)
                if not block["clean"]:
                    self.assertEqual(members.pop(members.index("clean") + 1), "why")
                self.assertEqual(members, MEMBERS)
                self.assertEqual(list(block["gate"]), ["kind", "slope", "offset"])
                self.assertEqual(list(block["then"]), ["add", "activation"])
                self.assertIn(name, block["name"])
                if block["kind"] == "eca":
                    want["channels"] = block["channels"]  # known only where the model says it
                for member in MEMBERS[1:]:
                    self.assertEqual(block[member], want[member], member)
        self.assertIn("looker", listed["blocks"][-1]["why"])

    def test_numbers_are_the_shortest(self):
        for slope, text in ((0.1666667, "0.1666667"), (1 / 6, "0.16666667"), (0.2, "0.2"), (0.25, "0.25"), (1e-5, "1e-05"), (3.0, "3"),
                            (-0.1, "-0.1"), (1e30, "1e+30"), (16777216.0, "16777216"), (1.1754944e-38, "1.1754944e-38")):
            self.model([("se", 1, {"gate": (to_f32(slope), 0.5)})])
            said = re.search(r'"slope": (\S+),', self.done("inspect", self.path, "--json")).group(1)
            self.assertEqual(to_f32(float(said)), to_f32(slope))
            self.assertEqual(float(said), float(text), (said, text))
            self.assertLessEqual(len(said), len(text))
            self.assertIn(f"hard-sigmoid {said} 0.5", self.done("inspect", self.path))

    def test_table(self):
        path, _, expected = self.fixture()
        head, *rows = self.done("inspect", path).rstrip("\n").split("\n")
        self.assertEqual(head.split(), ["BLOCK", "KIND", "C", "R", "BIAS", "ACTIVATION", "GATE", "OUTPUT", "NOTE"])
        self.assertEqual(len(rows), len(expected))
        for row, block in zip(rows, expected.values()):
            self.assertTrue(row[head.index("KIND"):].startswith(block["kind"]), row)
            self.assertTrue(row[head.index("GATE"):].startswith(block["gate"]["kind"]), row)
            self.assertTrue(row[head.index("OUTPUT"):].startswith("x + g*x" if block["residual"] else "g*x"), row)
            note = row[head.index("NOTE"):]
            self.assertEqual(note.startswith(f"can't be run: {block['unsupported']}"), block["unsupported"] is not None, row)
            self.assertEqual(row, row.rstrip())
        self.assertIn("not clean: ", rows[-1])
        self.assertIn("g*x, relu", rows[0])
        self.assertIn("g*x + a.relu", rows[5])

    def test_without_blocks(self):
        model = Model(8)
        y = model.node("Relu", "x")
        path = model.write(self.folder / "m.onnx", y)
        self.assertEqual(self.json("inspect", path)["blocks"], [])
        self.assertEqual(self.done("inspect", path), "no block\n")
        self.assertEqual(self.json("inspect", path, "--explain")["near"], [])
        self.assertIn("nothing near", self.done("inspect", path, "--explain"))
        for tensors in ({}, {"a": ([1], [1.0])}):
            path = self.folder / "w.safetensors"
            path.write_bytes(safetensors(tensors))
            listed = self.json("inspect", path)
            self.assertEqual((listed["type"], listed["blocks"]), ("safetensors", []))
            self.assertEqual(self.done("inspect", path), "no block\n")
            self.assertIn("nothing near", self.done("inspect", path, "--explain"))

    def test_near_misses(self):
        model = Model(8)
        pooled = model.node("GlobalAveragePool", "x")
        y = model.node("Mul", "x", model.node("Softmax", pooled), output="y")
        path = model.write(self.folder / "m.onnx", y)
        listed = self.json("inspect", path, "--explain")
        self.assertEqual(list(listed), ["format", "numerics", "model", "type", "blocks", "near", "left_out"])
        self.assertEqual(listed["blocks"], [])
        self.assertEqual([list(near) for near in listed["near"]], [["at", "why"]])
        self.assertIn("softmax", listed["near"][0]["at"])
        self.assertIn("Softmax", listed["near"][0]["why"])
        self.assertIn("--explain", self.done("inspect", path))
        self.assertRegex(self.done("inspect", path, "--explain"), r"\ANO BLOCK AT +WHY\nn/softmax_\d +\S")
        # a state dict: the convolutions of a residual unit, and a block whose type isn't read
        tensors = {**Block(8, 4, prefix="unit.se").tensors(), "unit.conv1.weight": ([8, 8, 3, 3], [0.5] * 576),
                   "unit.conv2.weight": ([8, 8, 3, 3], [0.5] * 576), "half.fc1.weight": ([8, 4], [0.5] * 32)}
        (self.folder / "w.safetensors").write_bytes(safetensors(tensors))
        listed = self.json("inspect", "w.safetensors", "--explain")
        self.assertEqual([b["name"] for b in listed["blocks"]], ["unit.se"])
        self.assertEqual([near["at"] for near in listed["near"]], ["half.fc1.weight", "unit.conv1.weight"])
        self.assertIn("missing", listed["near"][0]["why"])
        self.assertIn("[8,8,3,3]", listed["near"][1]["why"])
        self.assertRegex(self.done("inspect", "w.safetensors", "--explain"), r"\n\nNO BLOCK AT +WHY\nhalf\.fc1\.weight +\S")

    def test_state_dict(self):
        tensors = {}
        for at, names in enumerate(PAIRS):
            tensors |= Block(8, 4, bias=at % 2 == 1, prefix=f"stage.{at}.se", names=names).tensors()
        said = {"stage.3.se.activation": "hard-swish", "stage.3.se.gate": "hard-sigmoid", "stage.3.se.gate.slope": "0.2",
                "stage.3.se.output": "residual", "stage.3.se.then": "relu"}
        (self.folder / "w").write_bytes(safetensors(tensors, said))
        listed = self.json("inspect", "w")
        self.assertEqual(listed["type"], "safetensors")
        unsaid = {**SE, "input": None, "output": None, "clean": None, "residual": None, "then": {"add": None, "activation": None}}
        for at, (block, names) in enumerate(zip(listed["blocks"], PAIRS)):
            self.assertEqual(list(block), MEMBERS)
            want = {**unsaid, "name": f"stage.{at}.se", "bias": [at % 2 == 1] * 2, "weights": [f"stage.{at}.se.{n}.weight" for n in names]}
            if at == 3:
                want.update(activation="hard-swish", activation_numbers=[0.16666667, 0.5], gate=hard(0.2, None), residual=True,
                            then={"add": None, "activation": "relu"}, lacks=["offset"])
            elif at:
                want.update(activation=None, gate=None, lacks=["activation", "gate"])
            self.assertEqual(block, want)
        head, *rows = self.done("inspect", "w").rstrip("\n").split("\n")
        self.assertIn("needs --activation, --gate", rows[1])
        self.assertIn("needs --offset", rows[3])
        self.assertIn("hard-sigmoid 0.2 ?", rows[3])
        self.assertEqual(len(head[:head.index("NOTE")]), len(rows[1][:rows[1].index("needs")]))
        # the order that shapes can't tell
        block = Block(8, 4, bias=True)
        (self.folder / "w").write_bytes(safetensors({k: ([1, 1, *s] if len(s) == 2 else s, v) for k, (s, v) in block.tensors("in-out").items()}))
        self.assertEqual(self.json("inspect", "w")["blocks"], [])
        self.assertIn("--order", self.json("inspect", "w", "--explain")["near"][0]["why"])
        self.assertEqual(self.json("inspect", "w", "--order", "in-out")["blocks"][0]["hidden"], 4)

    def test_which_format(self):
        block = Block(8, 4)
        for name in ("w", "w.onnx", "w.bin"):  # by content
            block.write(self.folder / name)
            self.assertEqual(self.json("inspect", name)["type"], "safetensors")
        self.model([("se", 1, {})])
        self.path.rename(self.folder / "model")
        self.assertEqual(self.json("inspect", "model")["type"], "onnx")
        self.refused(2, ["--order"], "inspect", "model", "--order", "out-in")
        (self.folder / "model").rename(self.folder / "m.safetensors")  # by name, where the content is neither's
        self.refused(4, ["m.safetensors", "safetensors"], "inspect", "m.safetensors")

    def test_hostile_names(self):
        # control characters reach neither the terminal nor JSON as they are; a colon can't be a part of a block's name
        model, evil = Model(8), "s:e\033[2J\n\"\\é"
        model.se("x", Block(8, 4, bias=True), evil)
        path = model.write(self.folder / "bad\033[31mna\nme.onnx", f"{evil}.y")
        listed = self.json("inspect", path)
        self.assertEqual(listed["model"], str(path))
        self.assertEqual(listed["blocks"][0]["output"], f"{evil}.y")
        name = listed["blocks"][0]["name"]
        self.assertNotRegex(name, r"[:\x00-\x1f\x7f]")
        table = self.done("inspect", path)
        self.assertNotRegex(table, r"[\x00-\x09\x0b-\x1f\x7f]")
        self.assertEqual(len(table.split("\n")), 3)
        self.x_file()
        self.run_block(f"{path}:{name}")
        self.done("extract", f"{path}:{name}", "-o", "w")
        self.assertEqual(self.json("inspect", "w")["blocks"][0]["name"], name)
        err = self.refused(4, ["bad?[31mna?me"], "extract", f"{path}:no", "-o", "v")
        self.assertNotIn("\033", err)
        self.refused(4, ["no?file"], "inspect", "no\nfile")

    def test_bad_files(self):
        self.model([("se", 1, {})])
        good = self.path.read_bytes()
        for size in [*range(0, len(good), 37), len(good) - 1]:
            self.path.write_bytes(good[:size])
            with self.subTest(size):
                self.refused(4, ["m.onnx"], "inspect", self.path)
        for name, data in {"text": b"not a model, but long enough to be one", "zip": b"PK\x03\x04" + b"\0" * 60, "trailing": good + b"\xff"}.items():
            self.path.write_bytes(data)
            with self.subTest(name):
                self.refused(4, ["m.onnx"], "inspect", self.path)
                self.refused(4, ["m.onnx"], "extract", self.path, "-o", "w")
        os.mkfifo(self.folder / "fifo")
        for name in ("nothing.onnx", ".", "/dev/null", "fifo"):
            with self.subTest(name):
                self.refused(4, [name], "inspect", name)

    def test_500_MiB_inline(self):
        """The weights of a large model are not read. The file is sparse: 510 MiB in which the scanner sees two tensors' payloads."""
        model, large = Model(8), 255 << 20
        y = model.se("x", Block(8, 4, bias=True), "se")
        tail = b"".join(model.parts) + content(2, "graph")

        def head(name):
            before = number(1, large // 4) + number(2, 1) + content(8, name)
            payload = varint(9 << 3 | 2) + varint(large)
            return varint(5 << 3 | 2) + varint(len(before) + len(payload) + large) + before + payload

        heads = [head("large.0"), head("large.1")]
        graph = sum(map(len, heads)) + 2 * large + len(tail)
        with open(self.folder / "large.onnx", "wb") as file:
            file.write(number(1, 8) + content(8, number(2, 17)) + varint(7 << 3 | 2) + varint(graph))
            for text in heads:
                file.write(text)
                file.seek(large, os.SEEK_CUR)
            file.write(tail)
        started = time.monotonic()
        child = subprocess.Popen([binary(), "inspect", self.folder / "large.onnx", "--json"], stdout=subprocess.PIPE, env=environment(True))
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - started
        child.stdout.close()
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0)
        self.assertIn(f'"output": "{y}"'.encode(), out)
        if "ASAN_OPTIONS" not in os.environ:  # whose shadow counts
            self.assertLess(usage.ru_maxrss, 50 << 10)
            self.assertLess(seconds, 0.5)


class Extract(Models):
    def test_same_bits(self):
        path, blocks, expected = self.fixture()
        self.x_file()
        status, out, err = self.call("extract", path, "-o", "w.safetensors", "--json")
        self.assertEqual(status, 0, err)
        said = re.findall(r"(?m)^exciton: extract: left out: .*block '([^']+)': (\S+): .+$", err)
        self.assertEqual(len(said), len(err.strip().split("\n")))
        self.assertEqual([field for _, field in said], [b["unsupported"] for b in expected.values() if b["unsupported"]])
        self.assertRegex(out, r'\A\{\n  "format": 1,\n  "numerics": 1,\n  "model": ".*m\.onnx",\n  "output": "w\.safetensors",\n  "blocks": ')
        listed = self.json("inspect", path)["blocks"]
        runs = {b["name"]: b for b in listed if not b["unsupported"]}
        self.assertEqual(re.findall(r'"name": "([^"]+)",\n      "channels"', out), list(runs))
        self.assertEqual(re.findall(r'"name": "([^"]+)",\n      "unsupported": "([^"]+)"', out), said)
        for device in DEVICES:
            for name, block in runs.items():
                y = self.run_block(f"{path}:{name}", device=device)
                self.assertEqual(self.run_block(f"w.safetensors:{name}", device=device), y)
                gate = block["gate"]
                expected_y = blocks[name[0]].run(self.values, 2, block["activation"], gate["kind"] if gate["kind"] == "sigmoid" else "hs",
                                                 gate["slope"], gate["offset"], block["residual"])[0]
                self.assertLessEqual(largest_error(read_npy(self.y)[1], expected_y), BOUND)
        for name, block in {b["name"]: b for b in self.json("inspect", "w.safetensors")["blocks"]}.items():
            for member in ("channels", "hidden", "bias", "activation", "activation_numbers", "gate", "residual", "lacks", "unsupported"):
                self.assertEqual(block[member], runs[name][member])
        status, out, again = self.call("extract", path, "-o", "v.safetensors")
        self.assertEqual((status, again), (0, err))
        self.assertEqual([line.split() for line in out.strip().split("\n")], [["WRITTEN", "C", "R"], *([name, "8", "4"] for name in runs)])
        self.assertEqual((self.folder / "v.safetensors").read_bytes(), (self.folder / "w.safetensors").read_bytes())

    def test_one_block(self):
        path, _, expected = self.fixture()
        listed = self.json("inspect", path)["blocks"]
        for block, want in zip(listed, expected.values()):
            name = block["name"]
            if want["unsupported"]:
                self.refused(4, [name, f"{want['unsupported']}: "], "extract", f"{path}:{name}", "-o", "w.safetensors")
                continue
            self.assertEqual(self.json("extract", f"{path}:{name}", "-o", "w.safetensors")["blocks"], [{"name": name, "channels": 8, "hidden": 4}])
            self.assertEqual([b["name"] for b in self.json("inspect", "w.safetensors")["blocks"]], [name])
        self.refused(4, ["'no'", *(b["name"] for b in listed)], "extract", f"{path}:no", "-o", "w.safetensors")
        self.refused(4, ["''"], "extract", f"{path}:", "-o", "w.safetensors")

    def test_nothing_to_extract(self):
        model = Model(8)
        y = model.eca("x", "a", random_values(3, 1))
        path = model.write(self.folder / "m.onnx", y)
        self.refused(4, ["m.onnx", "kind", "eca"], "extract", path, "-o", "w.safetensors")
        z = model.ese(y, 8, "b", random_values(64, 1))
        self.refused(4, ["none of 2", "m.onnx", "kind"], "extract", model.write(path, z), "-o", "w.safetensors")
        model = Model(8)
        y = model.node("Relu", "x")
        self.refused(4, ["m.onnx", "no SE block"], "extract", model.write(path, y), "-o", "w.safetensors")
        (self.folder / "a.safetensors").write_bytes(safetensors({"a": ([1], [1.0])}))
        self.refused(4, ["a.safetensors"], "extract", "a.safetensors", "-o", "w.safetensors")
        self.refused(4, ["none.onnx"], "extract", "none.onnx", "-o", "w.safetensors")

    def test_outputs(self):
        self.model([("se", 1, {})])
        old = self.folder / "old.safetensors"
        old.write_bytes(b"old")
        (self.folder / "dir").mkdir()
        for target in ("missing/w", "dir", "dir/", "old.safetensors/w", "/dev/null", "n" * 300, "/dev/stdout"):
            with self.subTest(target[:20]):
                self.refused(5, [target[:20]], "extract", self.path, "-o", target)
        self.refused(4, ["no"], "extract", f"{self.path}:no", "-o", old)
        self.assertEqual(old.read_bytes(), b"old")
        self.done("extract", self.path, "-o", old)
        self.assertEqual(len(self.json("inspect", old)["blocks"]), 1)
        # a file that is extracted from itself
        written = old.read_bytes()
        self.done("extract", old, "-o", old)
        self.assertEqual(old.read_bytes(), written)
        # a link is replaced, its target stays
        (self.folder / "link").symlink_to("old.safetensors")
        self.done("extract", self.path, "-o", "link")
        self.assertFalse((self.folder / "link").is_symlink())
        self.assertEqual({p.name for p in self.folder.iterdir()}, {"m.onnx", "old.safetensors", "dir", "link"})

    def test_a_full_disk(self):
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        self.model([("se", 1, {})])
        done = subprocess.run([binary(), "extract", self.path, "-o", "w"], cwd=self.folder, capture_output=True, check=False, env=environment(True),
                              preexec_fn=limit)
        self.assertEqual((done.returncode, done.stdout), (5, b""))
        self.assertRegex(done.stderr.decode(), r"\Aexciton: w: write: [^\n]+\n\Z")
        self.assertEqual({p.name for p in self.folder.iterdir()}, {"m.onnx"})

    def test_names(self):
        self.x_file()
        for at, prefix in enumerate(("", 'sé "\\', "a.gate", "x.fc1", ".", "deep.er.name", "fc1.weight")):
            block = Block(8, 4, prefix=prefix)
            block.write(self.folder / "w", block.said("silu", "hard-sigmoid", **{"gate.slope": "0.1666667", "gate.offset": "5e-1"}))
            before = self.run_block("w")
            self.done("extract", "w", "-o", f"v{at}")
            self.assertEqual([b["name"] for b in self.json("inspect", f"v{at}")["blocks"]], [prefix])
            self.assertEqual(self.run_block(f"v{at}"), before)
        # a colon in the files' names
        self.model([("se", 1, {}), ("other", 9, {})], "a:b.onnx")
        self.done("extract", f"{self.path}:se", "-o", "c:d")
        self.assertEqual(self.run_block("c:d"), self.run_block("a:b.onnx:se"))
        self.refused_run(["se", "other"], "a:b.onnx")
        self.refused_run(["a:c.onnx"], "a:c.onnx:se")

    def test_orders(self):
        self.x_file()
        block = Block(8, 4, bias=True, prefix="se")
        block.write(self.folder / "w", block.said(order="IN_OUT"), "in-out")
        before = self.run_block("w")
        self.done("extract", "w", "-o", "v")
        self.assertEqual(self.run_block("v"), before)
        block.write(self.folder / "w", block.said(), "in-out")
        self.done("extract", "w", "-o", "u", "--order", "in-out")
        self.assertEqual((self.folder / "u").read_bytes(), (self.folder / "v").read_bytes())
        self.refused(4, ["--order"], "extract", "u", "-o", "v", "--order", "in-out")
        self.model([("se", 1, {})])
        self.refused(2, ["--order"], "extract", self.path, "-o", "v", "--order", "out-in")
        self.refused_run(["--order"], self.path, "--order", "out-in", status=2)

    def test_options_count(self):
        self.x_file()
        made = self.model([("a.se", 1, {"activation": "silu"}), ("b.se", 9, {"gate": (0.2, 0.5)})])
        options = ("--activation", "hard-swish", "--slope", "0.3", "--offset", "0.25", "--output-kind", "residual", "--then", "relu")
        self.done("extract", self.path, "-o", "w", *options)
        for name, block in made.items():
            y = self.run_block(f"w:{name}")
            self.assertEqual(y, self.run_block(f"{self.path}:{name}", *options))
            want = block.run(self.values, 2, "hard-swish", "hs", 0.3, 0.25, True, True)[0]
            self.assertLessEqual(largest_error(read_npy(self.y)[1], want), BOUND)
        for gate, slope in (("hard-sigmoid", 1 / 6), ("hard-sigmoid-5", 0.2), ("hard-sigmoid-paddle", 0.1666667)):
            self.done("extract", self.path, "-o", "w", "--gate", gate)
            self.assertEqual([to_f32(b["gate"]["slope"]) for b in self.json("inspect", "w")["blocks"]], [to_f32(slope)] * 2)
            self.assertEqual(self.run_block("w:b.se"), self.run_block(f"{self.path}:b.se", "--gate", gate))


class StateDicts(Models):
    def write(self, names, bias, **said):
        self.block = Block(8, 4, bias=bias, prefix="layer1.0.se", names=names)
        self.block.write(self.folder / "w.safetensors", {f"layer1.0.se.{k}": v for k, v in said.items()} or None)

    def test_what_names_say(self):
        self.x_file()
        for names in PAIRS:
            for bias in (False, True):
                self.write(names, bias)
                if names == ("fc.0", "fc.2") and not bias:
                    self.run_block("w.safetensors")
                    self.assertLessEqual(largest_error(read_npy(self.y)[1], self.block.run(self.values, 2)[0]), BOUND)
                    continue
                for call in (self.refused_run, lambda words, w, *o: self.refused(4, words, "extract", w, "-o", "v", *o)):
                    err = call(["layer1.0.se", "--activation and --gate"], "w.safetensors")
                    self.assertNotIn("slope", err)
                    self.assertNotIn("--gate", call(["--activation"], "w.safetensors", "--gate", "sigmoid"))
                    self.assertNotIn("--activation", call(["--gate"], "w.safetensors", "--activation", "silu"))
                y = self.run_block("w.safetensors", "--activation", "silu", "--gate", "hard-sigmoid")
                want = self.block.run(self.values, 2, "silu", "hs")[0]
                self.assertLessEqual(largest_error(read_npy(self.y)[1], want), BOUND)
                self.done("extract", "w.safetensors", "-o", "v", "--activation", "silu", "--gate", "hard-sigmoid")
                self.assertEqual(self.run_block("v"), y)

    def test_what_metadata_say(self):
        self.x_file()
        self.write(("fc1", "fc2"), True, activation="silu")
        self.assertNotIn("--activation", self.refused_run(["--gate"], "w.safetensors"))
        self.write(("fc1", "fc2"), True, gate="sigmoid")
        self.assertNotIn("--gate", self.refused_run(["--activation"], "w.safetensors"))
        self.write(("fc1", "fc2"), True, activation="silu", gate="sigmoid")
        y = self.run_block("w.safetensors")
        self.write(("conv_reduce", "conv_expand"), True)
        self.assertEqual(self.run_block("w.safetensors", "--activation", "silu", "--gate", "sigmoid"), y)
        # the reference's names say what its metadata don't, and no more
        self.write(("fc.0", "fc.2"), False, gate="hard-sigmoid")
        self.refused_run(["slope and offset", "--slope and --offset, or --gate"], "w.safetensors")
        self.run_block("w.safetensors", "--gate", "hard-sigmoid-5")
        self.assertLessEqual(largest_error(read_npy(self.y)[1], self.block.run(self.values, 2, "relu", "hs", 0.2)[0]), BOUND)
        self.write(("fc1", "fc2"), False, gate="hard-sigmoid")
        self.refused_run(["--activation, --slope and --offset"], "w.safetensors")

    def test_slope_and_offset(self):
        self.x_file()
        self.write(("fc1", "fc2"), True, activation="relu")
        self.refused_run(["--offset"], "w.safetensors", "--slope", "0.2", status=2)
        self.refused_run(["--slope"], "w.safetensors", "--offset", "0.5", status=2)
        y = self.run_block("w.safetensors", "--slope", "0.2", "--offset", "0.5")
        self.assertEqual(self.run_block("w.safetensors", "--gate", "hard-sigmoid-5"), y)

    def test_a_whole_state_dict(self):
        """Any prefix, other tensors and other types between; one option for all."""
        self.x_file()
        tensors, blocks = {"stem.weight": ([2, 3], [0.5] * 6)}, []
        for at, prefix in enumerate(("model.layer1.0.se", "model.layer2.1.attn.se", "x")):
            blocks.append(Block(8, 4, seed=10 * at + 1, bias=True, prefix=prefix, names=("fc1", "fc2")))
            tensors |= blocks[-1].tensors()
            tensors[f"{prefix}.bn.running_mean"] = ([4], [0.5] * 4)
        (self.folder / "w").write_bytes(safetensors(tensors, {"format": "pt"}))
        self.refused(4, ["--activation and --gate"], "extract", "w", "-o", "v")
        self.done("extract", "w", "-o", "v", "--activation", "relu", "--gate", "hard-sigmoid-paddle")
        self.assertEqual([b["name"] for b in self.json("inspect", "v")["blocks"]], [b.prefix for b in blocks])
        for block in blocks:
            self.run_block(f"v:{block.prefix}")
            self.assertLessEqual(largest_error(read_npy(self.y)[1], block.run(self.values, 2, "relu", "hs", 0.1666667)[0]), BOUND)


main()
