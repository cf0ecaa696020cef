"""Every file of a folder: what is found in it against its JSON, and each block's output on host against ONNX Runtime's.

check.py DUMP FOLDER [NAME...]
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper

BOUND = 2e-6  # of the largest output
BATCH = {"ONE": 1, "N": 2, "H": 6, "W": 5}


def same(found, wanted):
    if isinstance(wanted, float) or isinstance(found, float):
        return found is not None and wanted is not None and math.isclose(found, wanted, rel_tol=3e-7, abs_tol=3e-7)
    return found == wanted


def compare(found, wanted, problems):
    for key, value in wanted.items():
        if key == "runs" or value is None and key in ("name", "output"):
            continue
        if key == "why":
            if value not in (found[key] or ""):
                problems.append(f"why is {found[key]!r}, not {value!r}")
        elif not same(found[key], value):
            problems.append(f"{key} is {found[key]!r}, not {value!r}")


def features(path, block, seed=3):
    """The block's input and output as ONNX Runtime computes them."""
    model = onnx.load(path)
    kept = {o.name for o in model.graph.output}
    for name in (block["input"], block["output"]):
        if name not in kept:
            model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
            kept.add(name)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(seed)
    feed = {}
    for i in session.get_inputs():
        shape = [d if isinstance(d, int) else BATCH.get(d, 64) for d in i.shape or (2, 16, 6, 5)]
        feed[i.name] = random.standard_normal(shape).astype(np.float32)
    return session.run([block["input"], block["output"]], feed)


def run(dump, path, index, block, wanted, problems):
    with tempfile.TemporaryDirectory() as folder:
        x, y, out = None, None, pathlib.Path(folder, "y.npy")
        x, y = features(path, block)
        np.save(f"{folder}/x.npy", np.ascontiguousarray(x))
        done = subprocess.run([dump, path, str(index), f"{folder}/x.npy", out], capture_output=True, text=True)
        if wanted is not True:
            if not done.returncode or f": {wanted}: " not in done.stderr:
                problems.append(f"runs, or is refused for something else than {wanted!r}: {done.stderr.strip()}")
            return 0.0
        if done.returncode:
            problems.append(f"does not run: {done.stderr.strip()}")
            return 0.0
        error = float(np.abs(np.load(out).astype(np.float64) - y).max() / np.abs(y).max())
        if not error <= BOUND:
            problems.append(f"error {error:.2g}")
        return error


def check(dump, path):
    expected = json.loads(path.with_suffix(".json").read_text())
    done = subprocess.run([dump, path], capture_output=True, text=True)
    if done.returncode:
        return [done.stderr.strip() or f"exit status {done.returncode}"], 0.0, 0
    found = json.loads(done.stdout)
    problems, worst, ran = [], 0.0, 0
    if len(found["blocks"]) != len(expected["blocks"]):
        return [f"{len(found['blocks'])} blocks, not {len(expected['blocks'])}; near: {found['near']}"], 0.0, 0
    for index, (block, wanted) in enumerate(zip(found["blocks"], expected["blocks"])):
        compare(block, wanted, problems)
        if wanted.get("runs"):
            worst = max(worst, run(dump, path, index, block, wanted["runs"], problems))
            ran += wanted["runs"] is True
    near = expected.get("near")
    if near is not None and not any(near in n["why"] for n in found["near"]):
        problems.append(f"near is {found['near']}, not {near!r}")
    return problems, worst, ran


def main():
    dump, folder, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    paths = [folder / f"{n}.onnx" for n in names] or sorted(folder.glob("*.onnx"))
    failed, worst, ran = 0, 0.0, 0
    for path in paths:
        problems, error, count = check(dump, path)
        worst, ran = max(worst, error), ran + count
        if problems:
            failed += 1
            print(f"{path.stem}: {'; '.join(problems)}")
    print(f"{len(paths)} files, {failed} failed, {ran} blocks run, largest error {worst:.2g}")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
