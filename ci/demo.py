"""The SE blocks of three models that read text, on a page of text: ONNX Runtime's outputs, exciton's, and both against double.

demo.py EXCITON MODELS PICTURE SCRATCH   MODELS: the folder of the ONNX files

Prints one table. Exit status 1 when a block is missing, its parameters or weights are not those that the witness
(demo_witness.py, which knows nothing of exciton) found, an output is further than BOUND from the formula in double, or further
from ONNX Runtime's than BOUND and what ONNX Runtime itself is from the formula, or a device has other bits than host.
"""
import json
import pathlib
import struct
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

import demo_pictures as pictures
from demo_witness import find_blocks, in_double

# From the formula: of the largest input or output, since a gate near 0 is a small difference of large numbers, and its error
# is multiplied by x. From ONNX Runtime: of the largest output.
BOUND = 2e-6
REQUIRED = ("host", "pocl", "lavapipe")
MODELS = (
    ("detector", "ch_PP-OCRv4_det_infer.onnx", 10, pictures.for_detector, pictures.detector_says),
    ("recogniser", "ch_PP-OCRv4_rec_infer.onnx", 2, pictures.for_recogniser, pictures.recogniser_says),
    ("classifier", "ch_ppocr_mobile_v2.0_cls_infer.onnx", 9, pictures.for_classifier, pictures.classifier_says),
)
HEAD = ("model", "block", "N x C x H x W", "slope", "residual", "device", "dispatches", "error", "exciton", "ONNX Runtime", "bits as host")
RIGHT = range(6, 10)  # columns of numbers


def call(*arguments):
    """The command's JSON, and None or what went wrong."""
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        return None, (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
    return json.loads(done.stdout), None


def distance(y, reference):
    """Of the largest output."""
    if y.shape != reference.shape:
        return float("inf")
    return float(np.abs(y.astype(np.float64) - reference).max() / np.abs(reference).max())


# ---- what exciton found, against the witness


def parameters(block):
    """As `exciton inspect --json` has to show them."""
    return {
        "kind": "se", "input": block["x"], "output": block["y"], "channels": block["fc2"]["weight"].shape[0], "hidden": block["fc1"]["weight"].shape[0],
        "bias": [block["fc1"]["bias"] is not None, block["fc2"]["bias"] is not None], "activation": "relu",
        "gate": {"kind": "hard-sigmoid", "slope": block["slope"], "offset": block["offset"]}, "residual": block["residual"],
        "then": {"add": block["then_add"], "activation": "relu" if block["then_relu"] else "identity"}, "clean": block["clean"],
    }


def differences(found, wanted, where=""):
    for key, value in wanted.items():
        if key not in found:
            yield f"no {where}{key}"
        elif isinstance(value, dict):
            yield from differences(found[key], value, f"{where}{key}.")
        elif (np.float32(found[key]) if isinstance(value, np.float32) else found[key]) != value:
            yield f"{where}{key} is {found[key]}, the witness has {value}"


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    return metadata, {name: np.frombuffer(data[8 + size :][slice(*t["data_offsets"])], "<f4").reshape(t["shape"]) for name, t in header.items()}


def weights_differ(exciton, model, name, block, path):
    """What `exciton extract` wrote, bit by bit."""
    path.unlink(missing_ok=True)
    done = subprocess.run([exciton, "extract", f"{model}:{name}", "-o", str(path)], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        return [done.stderr.strip()]
    metadata, tensors = read_safetensors(path)
    wanted = {f"{name}.{fc}.{part}": block[fc][part] for fc in ("fc1", "fc2") for part in ("weight", "bias") if block[fc][part] is not None}
    faults = [f"extracted {key} is not the witness's" for key, value in wanted.items()
              if key not in tensors or tensors[key].shape != value.shape or tensors[key].tobytes() != value.tobytes()]
    faults += [f"extracted {key} is unknown to the witness" for key in tensors.keys() - wanted.keys()]
    said = {"activation": "relu", "gate": "hard-sigmoid", "output": "residual" if block["residual"] else "scale"}
    faults += [f"extracted {key} is {metadata.get(f'{name}.{key}')}, not {value}" for key, value in said.items() if metadata.get(f"{name}.{key}") != value]
    faults += [f"extracted gate.{key} is {metadata.get(f'{name}.gate.{key}')}, not {block[key]}" for key in ("slope", "offset")
               if np.float32(metadata.get(f"{name}.gate.{key}", "nan")) != block[key]]
    return faults


# ---- what ONNX Runtime computes


def reference(path, blocks, feed):
    """The model's output and each block's input and output."""
    model = onnx.load(path)
    names = [block[side] for block in blocks for side in ("x", "y")]
    kept = {o.name for o in model.graph.output}
    model.graph.output.extend(onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, None) for n in dict.fromkeys(names) if n not in kept)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    output, *features = session.run([session.get_outputs()[0].name, *names], {session.get_inputs()[0].name: feed})
    return output, session.get_modelmeta().custom_metadata_map, list(zip(features[::2], features[1::2]))


# ---- the demo


class Demo:
    def __init__(self, exciton, scratch):
        self.exciton, self.scratch, self.rows, self.faults, self.counts, self.slow = exciton, scratch, [], [], [], []
        listing, why = call(exciton, "devices", "--json")
        if listing is None:
            sys.exit(f"ci/demo: exciton devices: {why}")
        self.devices = sorted(listing["devices"], key=lambda d: REQUIRED.index(d["driver"]) if d["driver"] in REQUIRED else len(REQUIRED))
        there = [d["driver"] for d in self.devices]
        self.faults += [f"{driver}: no such device; absent: {listing['absent']}" for driver in REQUIRED if driver not in there]

    def model(self, title, path, expected, feed, says):
        blocks = find_blocks(onnx.load(path))
        if len(blocks) != expected:
            self.faults.append(f"{title}: the witness found {len(blocks)} blocks, {expected} expected")
        output, properties, features = reference(path, blocks, feed)
        print(f"{title} on {' x '.join(map(str, feed.shape))}: {says(output, properties)}", flush=True)
        found, why = call(self.exciton, "inspect", path, "--json")
        if found is None:
            self.faults.append(f"{title}: exciton inspect: {why}")
            return
        by_output = {b["output"]: b for b in found["blocks"]}
        if len(found["blocks"]) != len(blocks) or len(by_output) != len(blocks):
            self.faults.append(f"{title}: exciton found {len(found['blocks'])} blocks, the witness {len(blocks)}")
        right, errors = 0, []
        for block, (x, y) in zip(blocks, features):
            mine = by_output.get(block["y"])
            if mine is None:
                self.faults.append(f"{title}: exciton has no block that makes {block['y']}")
                continue
            wrong = [*differences(mine, parameters(block)),
                     *weights_differ(self.exciton, path, mine["name"], block, self.scratch / "block.safetensors")]
            self.faults += [f"{title} {mine['name']}: {fault}" for fault in wrong]
            right += not wrong
            errors += self.block(title, f"{path}:{mine['name']}", mine, block, x, y)
        worst = [f"{max(e[i] for e in errors):.1e}" if errors else "none" for i in range(3)]
        self.counts.append(f"{title}: {len(found['blocks'])} blocks, {right} with the witness's parameters and weights, {len(errors)} runs; "
                           f"largest error {worst[0]}; from double: exciton {worst[1]}, ONNX Runtime {worst[2]}")

    def block(self, title, weights, mine, block, x, y):
        """Runs it on every device: a row each."""
        exact = in_double(block, x)
        theirs = distance(y, exact)
        start = [title, mine["name"], " x ".join(map(str, x.shape)), f"{mine['gate']['slope']:.7g}", "yes" if mine["residual"] else "no"]
        x_path, y_path = self.scratch / "x.npy", self.scratch / "y.npy"
        np.save(x_path, np.ascontiguousarray(x))
        host, errors = None, []
        for device in self.devices:
            label = device["driver"] if device["api"] == "host" else f"{device['api']}:{device['driver']}"
            y_path.unlink(missing_ok=True)
            said, why = call(self.exciton, "run", "--weights", weights, "--input", x_path, "--output", y_path, "--device", device["selected_by"], "--json")
            if said is None:
                self.faults.append(f"{title} {mine['name']} on {label}: {why}")
                self.rows.append([*start, label, "failed"])
                continue
            ours = np.load(y_path)
            host = ours if device["api"] == "host" else host
            same = ours.dtype == np.float32 and host is not None and ours.tobytes() == host.tobytes()
            errors.append((distance(ours, y), distance(ours, exact), theirs))
            self.rows.append([*start, label, str(said["dispatches"]), *(f"{e:.1e}" for e in errors[-1]), "yes" if same else "NO"])
            error, own, _ = errors[-1]
            allowed = BOUND * max(1, float(np.abs(x).max() / np.abs(exact).max()))
            if not own <= allowed:
                self.faults.append(f"{title} {mine['name']} on {label}: {own:.1e} from double, at most {allowed:.1e} allowed")
            if not error <= BOUND + theirs:
                self.faults.append(f"{title} {mine['name']} on {label}: error {error:.1e}, at most {BOUND + theirs:.1e} allowed")
            if not same:
                self.faults.append(f"{title} {mine['name']} on {label}: other bits than host")
            # Three-stages is what remains where a device can't run the others (rows too long for a driver that counts iterations).
            if said["schedule"] == "three-stages":
                self.slow.append(f"{mine['name']} on {label} in {said['dispatches']}")
            elif not 1 <= said["dispatches"] <= 2 * said["pieces"]:
                self.faults.append(f"{title} {mine['name']} on {label}: {said['dispatches']} dispatches for {said['pieces']} pieces")
        return errors

    def finish(self):
        widths = [max(len(row[i]) for row in [HEAD, *self.rows] if i < len(row)) for i in range(len(HEAD))]
        for row in (HEAD, ["-" * width for width in widths], *self.rows):
            print("  ".join(cell.rjust(width) if i in RIGHT else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
        print("error: the largest difference of exciton from ONNX Runtime; exciton, ONNX Runtime: each from the formula in double.\n"
              "All are divided by the largest output.")
        print("\n".join(self.counts))
        print("one or two dispatches a block" + (f", but three-stages for {', '.join(self.slow)}" if self.slow else ""))
        if self.faults:
            sys.exit("ci/demo: " + "\n         ".join(self.faults))
        blocks = sum(m[2] for m in MODELS)
        if len(self.rows) != blocks * len(self.devices):
            sys.exit(f"ci/demo: {len(self.rows)} runs, not {blocks} on each of {len(self.devices)} devices")
        print(f"{blocks} blocks on {len(self.devices)} devices: parameters and weights right, every output within {BOUND} of the formula "
              "and, beyond ONNX Runtime's own error, of ONNX Runtime's; all bits equal")


def main():
    exciton, models, picture, scratch = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4])
    page = pictures.load(picture)
    if len(pictures.text_lines(page)) < 4:
        sys.exit(f"ci/demo: {picture}: fewer than 4 lines of text found")
    demo = Demo(exciton, scratch)
    for title, file, expected, prepare, says in MODELS:
        demo.model(title, models / file, expected, prepare(page), says)
    demo.finish()


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main()
