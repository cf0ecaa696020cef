"""Every file of folders against its JSON: what is found in it, and each block's output on every device against ONNX Runtime's.

check.py DUMP RUN_BLOCKS EXCITON DEVICE[,DEVICE...] FOLDER...

DUMP and RUN_BLOCKS: dump.c and run_blocks.c, built. EXCITON: the command, which must say and compute the same. DEVICE: a selector; the first one's bits are what the others must give.
FOLDER.made: what the maker of the folder's files printed, which begins with their number.
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


class Case:
    """A file, what is found in it and what is wrong with that."""

    def __init__(self, path):
        self.path = path
        self.name = f"{path.parent.name}/{path.stem}"
        self.wanted = json.loads(path.with_suffix(".json").read_text())
        self.found = None
        self.faults = []


class Job:
    """A block to run: `wanted` True, or the field that it is refused for."""

    def __init__(self, case, index, wanted, stem):
        self.case, self.index, self.wanted = case, index, wanted
        self.x_path, self.y_path, self.reference, self.first = f"{stem}.x.npy", f"{stem}.y.npy", None, None

    def fault(self, text):
        self.case.faults.append(f"block {self.index}: {text}")


def ask(*command, lines=""):
    done = subprocess.run([str(c) for c in command], input=lines, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"check: {pathlib.Path(command[0]).name} {command[1]}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout


# ---- what is found


def same(found, wanted):
    if isinstance(wanted, float) or isinstance(found, float):
        return found is not None and wanted is not None and math.isclose(found, wanted, rel_tol=3e-7, abs_tol=3e-7)
    return found == wanted


def compare_block(case, index, found, wanted):
    for key, value in wanted.items():
        if key == "runs" or value is None and key in ("name", "output"):
            continue
        if key == "why":
            if value not in (found[key] or ""):
                case.faults.append(f"block {index}: why is {found[key]!r}, not {value!r}")
        elif not same(found[key], value):
            case.faults.append(f"block {index}: {key} is {found[key]!r}, not {value!r}")


def compare_found(case):
    found, wanted, nears = case.found["blocks"], case.wanted["blocks"], case.found["near"]
    if len(found) != len(wanted):
        case.faults.append(f"{len(found)} blocks, not {len(wanted)}; near: {nears}")
        return
    for index, (block, expected) in enumerate(zip(found, wanted)):
        compare_block(case, index, block, expected)
    if case.wanted.get("near") and not any(case.wanted["near"] in n["why"] for n in nears):
        case.faults.append(f"near is {nears}, not {case.wanted['near']!r}")


# ---- what is computed


def features(path, block):
    """The block's input and output as ONNX Runtime computes them, node by node."""
    model = onnx.load(path)
    kept = {o.name for o in model.graph.output}
    model.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
                              for name in (block["input"], block["output"]) if name not in kept)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(3)
    feed = {}
    for i in session.get_inputs():
        shape = [d if isinstance(d, int) else BATCH.get(d, 64) for d in i.shape or (2, 16, 6, 5)]
        feed[i.name] = random.standard_normal(shape).astype(np.float32)
    return session.run([block["input"], block["output"]], feed)


def jobs_of(case, folder):
    for index, (block, wanted) in enumerate(zip(case.found["blocks"], case.wanted["blocks"])):
        if wanted.get("runs"):
            job = Job(case, index, wanted["runs"], f"{folder}/{case.path.parent.name}.{case.path.stem}.{index}")
            x, job.reference = features(case.path, block)
            np.save(job.x_path, np.ascontiguousarray(x))
            yield job


def run_on(program, device, jobs):
    """Runs all in one process; one line of figures."""
    lines = "".join(f"{job.case.path}\t{job.index}\t{job.x_path}\t{job.y_path}\n" for job in jobs)
    said, *answers = map(json.loads, ask(program, device, lines=lines).splitlines())
    if len(answers) != len(jobs):
        sys.exit(f"check: {device}: {len(answers)} answers to {len(jobs)} blocks")
    ran, refused, worst, worst_name = 0, 0, 0.0, "none"
    for job, answer in zip(jobs, answers):
        why = answer.get("error")
        if job.wanted is not True:
            refused += 1
            if f": {job.wanted}: " not in (why or ""):
                job.fault(f"{device}: {'runs' if why is None else why}: not refused for its {job.wanted!r}")
        elif why is not None:
            job.fault(f"{device}: does not run: {why}")
        else:
            ran += 1
            error = compare_output(job, device)
            if not error <= worst:
                worst, worst_name = error, job.case.name
            pathlib.Path(job.y_path).unlink()
    if ran == 0:
        sys.exit(f"check: {device}: no block ran")
    print(f"{device} ({said['driver']}): {ran} blocks run, largest error {worst:.2g} of the largest output ({worst_name}); {refused} refused by field")


def compare_output(job, device):
    y = np.load(job.y_path)
    if y.shape != job.reference.shape:
        job.fault(f"{device}: y is {y.shape}, not {job.reference.shape}")
        return math.inf
    error = float(np.abs(y.astype(np.float64) - job.reference).max() / np.abs(job.reference).max())
    if not error <= BOUND:
        job.fault(f"{device}: error {error:.2g} of the largest output, at most {BOUND} allowed")
    if job.first is None:
        job.first = y.tobytes()
    elif y.tobytes() != job.first:
        job.fault(f"{device}: other bits than the first device's")
    return error


# ---- the command


def as_inspected(block):
    """What `exciton inspect --json` has to say of a block that DUMP describes; what a kind or gate hasn't is null."""
    hard, layers = block["gate"] == "hard-sigmoid", len(block["bias"])
    return {"name": block["name"], "kind": block["kind"], "input": block["input"], "output": block["output"], "channels": block["channels"] or None,
            "hidden": block["hidden"] or None, "bias": block["bias"], "activation": block["activation"] if layers == 2 else None,
            "gate": {"kind": block["gate"], "slope": block["slope"] if hard else None, "offset": block["offset"] if hard else None},
            "residual": block["residual"], "then": {"add": block["add"], "activation": block["then"]}, "clean": block["clean"],
            **({} if block["clean"] else {"why": block["why"]})}


def differs(found, wanted):
    if isinstance(wanted, dict):
        return [f"{key}: {d}" for key in wanted for d in differs(found.get(key, "absent"), wanted[key])]
    return [] if found is wanted or same(found, wanted) else [f"{found!r}, not {wanted!r}"]


def inspect(exciton, case):
    said = json.loads(ask(exciton, "inspect", case.path, "--json", "--explain"))
    if len(said["blocks"]) != len(case.found["blocks"]):
        case.faults.append(f"exciton inspect: {len(said['blocks'])} blocks")
    for block, found, wanted in zip(said["blocks"], case.found["blocks"], case.wanted["blocks"]):
        case.faults += [f"exciton inspect: {d}" for d in differs(block, as_inspected(found))]
        refused = wanted.get("runs")
        if refused and block["unsupported"] != (None if refused is True else refused):
            case.faults.append(f"exciton inspect: unsupported is {block['unsupported']!r}")
    if said["near"] != case.found["near"]:
        case.faults.append(f"exciton inspect: near is {said['near']}")


def run_by_command(exciton, device, job):
    name = job.case.found["blocks"][job.index]["name"]
    ask(exciton, "run", "--weights", f"{job.case.path}:{name}", "--input", job.x_path, "--output", job.y_path, "--device", device)
    if np.load(job.y_path).tobytes() != job.first:
        job.fault("exciton run: other bits than the library's")


def check_command(exciton, device, cases, jobs):
    for case in cases:
        inspect(exciton, case)
    jobs = [job for job in jobs if job.first is not None]
    for job in jobs:
        run_by_command(exciton, device, job)
    print(f"exciton: {len(cases)} files inspected, {len(jobs)} blocks run on {device}")


def report(folder, cases):
    blocks = [b for c in cases for b in c.found["blocks"]]
    clean = sum(b["clean"] for b in blocks)
    nears = sum(bool(c.wanted.get("near")) for c in cases)
    failed = [c for c in cases if c.faults]
    print(f"{folder.name}: {len(cases)} files: {len(blocks)} blocks, {clean} of them clean; {nears} files with a reason for none; {len(failed)} failed")
    for case in failed:
        print(f"  {case.name}: {'; '.join(case.faults)}")
    return len(failed)


def main():
    dump, run_blocks, exciton = sys.argv[1:4]
    devices, folders = sys.argv[4].split(","), [pathlib.Path(f) for f in sys.argv[5:]]
    cases = [Case(path) for folder in folders for path in sorted(folder.glob("*.onnx"))]
    for folder in folders:
        made, count = folder.with_suffix(".made").read_text().strip(), sum(case.path.parent == folder for case in cases)
        if count == 0 or made.split()[0] != str(count):
            sys.exit(f"check: {folder}: {count} files, but its maker said {made!r}")
    for case in cases:
        case.found = json.loads(ask(dump, case.path))
        compare_found(case)
    with tempfile.TemporaryDirectory() as scratch:
        jobs = [job for case in cases if not case.faults for job in jobs_of(case, scratch)]
        for device in devices:
            run_on(run_blocks, device, jobs)
        check_command(exciton, devices[0], cases, jobs)
    failed = sum(report(folder, [c for c in cases if c.path.parent == folder]) for folder in folders)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
