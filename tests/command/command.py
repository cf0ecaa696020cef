"""What the tests of the command share: a folder, calls of the command, and what is expected of each.

Devices: EXCITON_TEST_REQUIRE (a list of selectors with commas), else host. A device that is required and absent fails.
What concerns files and options runs on host, with every driver hidden.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from files import Block, largest_error, pack, random_values, read_npy, write_npy

PROGRAM = []
DEVICES = [d for d in os.environ.get("EXCITON_TEST_REQUIRE", "host").split(",") if d]
BOUND = 2e-6
SCHEDULES = ("three-stages", "split-excite", "sample-in-group", "pipelined")
FORMS = ("rows", "lanes")


def binary():
    return PROGRAM[0]


def environment(hidden):
    env = {k: v for k, v in os.environ.items() if k != "EXCITON_DEVICE"}
    if hidden:
        env.update(OCL_ICD_VENDORS="/nonexistent", OCL_ICD_FILENAMES="", VK_ICD_FILENAMES="/nonexistent.json",
                   VK_DRIVER_FILES="/nonexistent.json")
    return env


class Command(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="exciton-command-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def call(self, *arguments, hidden=True, stdout=subprocess.PIPE, **variables):
        env = environment(hidden)
        env.update(variables)
        done = subprocess.run([binary(), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, env=env,
                              cwd=self.folder, timeout=500, check=False)
        out = done.stdout.decode() if done.stdout is not None else ""
        return done.returncode, out, done.stderr.decode()

    def done(self, *arguments, **settings):
        status, out, err = self.call(*arguments, **settings)
        self.assertEqual((status, err), (0, ""), arguments)
        return out

    def json(self, *arguments, **settings):
        value = json.loads(self.done(*arguments, "--json", **settings))
        self.assertEqual(list(value)[:2], ["format", "numerics"])
        self.assertEqual((value["format"], value["numerics"]), (1, 1))
        return value

    def refused(self, expected, words, *arguments, **settings):
        """The status, one line on stderr with all the words, nothing on stdout, no file changed."""
        before = self.snapshot()
        status, out, err = self.call(*arguments, **settings)
        self.assertEqual(status, expected, (arguments, err))
        self.assertEqual(out, "", arguments)
        self.assertRegex(err, r"\Aexciton: [^\n]+: [^\n]+\n\Z", arguments)
        for word in words:
            self.assertIn(word, err)
        self.assertEqual(self.snapshot(), before, arguments)
        return err

    def snapshot(self):
        return {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in sorted(self.folder.rglob("*")) if p.is_file()}

    def case(self, channels=8, hidden=4, spatial=(3, 5), batch=2, bias=False, metadata=None, **block):
        """A block's file, x's file and values."""
        self.block = Block(channels, hidden, bias=bias, **block)
        if bias and metadata is None:  # the reference alone, which has no biases, goes without saying
            metadata = self.block.said()
        self.weights = self.block.write(self.folder / "w.safetensors", metadata)
        self.shape = (batch, channels, *spatial)
        count = batch * channels
        for size in spatial:
            count *= size
        self.values = random_values(count, 7, 2.0)
        self.x = write_npy(self.folder / "x.npy", self.shape, self.values)
        self.y = self.folder / "y.npy"
        return ("run", "--weights", self.weights, "--input", self.x, "--output", self.y, "--device", "host")

    def check_y(self, **parameters):
        shape, values = read_npy(self.y)
        self.assertEqual(shape, self.shape)
        self.assertLessEqual(largest_error(values, self.block.run(self.values, self.shape[0], **parameters)[0]), BOUND)
        return pack(values)


def main():
    if len(sys.argv) < 2:
        sys.exit("the command's path is missing")
    PROGRAM[:] = [os.path.abspath(sys.argv.pop(1))]
    with tempfile.TemporaryDirectory(prefix="exciton-kernels-") as cache:
        os.environ.setdefault("POCL_CACHE_DIR", cache)
        os.environ.setdefault("XDG_RUNTIME_DIR", cache)
        os.environ.setdefault("POCL_SIGFPE_HANDLER", "0")
        os.environ.setdefault("NODEVICE_SELECT", "1")
        unittest.main(verbosity=2)
