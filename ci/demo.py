"""The SE blocks of a real model on real text: extract what ONNX Runtime computes, run it with exciton, compare.

extract MODEL PICTURE OUT   runs the text-direction classifier on the lines of the picture, as they are and upside down, and
                            keeps each block's features before (NAME.x.npy) and after (NAME.y.npy) and all weights
compare EXCITON OUT         runs each block on every device that the command lists and prints one table
"""
import json
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np

BLOCKS = 9
BOUND = 2e-6  # of the largest output
REQUIRED = ("host", "pocl", "lavapipe")


def fail(line):
    sys.exit(f"ci/demo: {line}")


# ---- lines of text


def box_mean(image, radius):
    """Mean over a square around each pixel, edges repeated."""
    size = 2 * radius + 1
    sums = np.pad(np.pad(image, radius, mode="edge").cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    return (sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]) / size**2


def text_lines(page):
    """Row ranges of lines: runs of rows where enough pixels are darker than their surroundings (the page is lit unevenly)."""
    ink = (page < box_mean(page, 12) - 18).sum(axis=1)
    lines, start = [], None
    for row, full in enumerate([*(ink > page.shape[1] * 0.03), False]):
        if full and start is None:
            start = row
        elif not full and start is not None:
            if 8 <= row - start <= 40:
                lines.append((max(start - 2, 0), row + 2))
            start = None
    return lines


def classifier_input(page, lines):
    """As the model wants it: 3 x 48 x 192, (v / 255 - 0.5) / 0.5, the rest of a short line zero."""
    from PIL import Image

    samples = []
    for turned in (False, True):
        for first, last in lines:
            line = Image.fromarray(page[first:last].astype(np.uint8))
            line = line.rotate(180) if turned else line
            width = min(192, -(-48 * line.width // line.height))
            sample = np.zeros((3, 48, 192), np.float32)
            sample[:, :, :width] = (np.asarray(line.resize((width, 48), Image.BILINEAR), np.float32) / 255 - 0.5) / 0.5
            samples.append(sample)
    return np.stack(samples)


# ---- blocks of the model


def find_blocks(graph):
    """SE blocks by structure: the Mul of a tensor with GlobalAveragePool, Conv, Relu, Conv, HardSigmoid of the same tensor."""
    from onnx import numpy_helper

    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    made_by = {name: node for node in graph.node for name in node.output}

    def layer(name):
        """Weights' name, weights, bias and input of a 1x1 convolution, whose bias may be an Add behind it."""
        node, bias = made_by.get(name), None
        if node is not None and node.op_type == "Add":
            reshape = made_by.get(node.input[1])
            values = reshape.input[0] if reshape is not None and reshape.op_type == "Reshape" else node.input[1]
            bias, node = constants.get(values), made_by.get(node.input[0])
        if node is None or node.op_type != "Conv" or node.input[1] not in constants:
            return None
        weights = constants[node.input[1]]
        if weights.ndim != 4 or weights.shape[2:] != (1, 1):
            return None
        if len(node.input) > 2:
            bias = constants.get(node.input[2])
        return (node.input[1], weights[:, :, 0, 0], bias, node.input[0])

    def block_of(x, gate, y):
        node = made_by.get(gate)
        if node is None or node.op_type != "HardSigmoid":
            return None
        slope = {a.name: a.f for a in node.attribute}
        fc2 = layer(node.input[0])
        relu = made_by.get(fc2[3]) if fc2 else None
        fc1 = layer(relu.input[0]) if relu is not None and relu.op_type == "Relu" else None
        pool = made_by.get(fc1[3]) if fc1 else None
        if pool is None or pool.op_type != "GlobalAveragePool" or pool.input[0] != x:
            return None
        return {"name": os.path.commonprefix([fc1[0], fc2[0]]).rstrip("_./"), "x": x, "y": y, "fc1": fc1[1], "b1": fc1[2], "fc2": fc2[1],
                "b2": fc2[2], "slope": slope.get("alpha", 0.2), "offset": slope.get("beta", 0.5)}

    blocks = []
    for node in graph.node:
        if node.op_type == "Mul":
            block = block_of(*node.input, node.output[0]) or block_of(*reversed(node.input), node.output[0])
            if block:
                blocks.append(block)
    return blocks


def block_in_double(block, x):
    """The published formula, to know that what was extracted is the block."""
    s = x.astype(np.float64).mean(axis=tuple(range(2, x.ndim)))
    h = np.maximum(s @ block["fc1"].T.astype(np.float64) + block["b1"], 0)
    g = np.clip(block["slope"] * (h @ block["fc2"].T.astype(np.float64) + block["b2"]) + block["offset"], 0, 1)
    return g.reshape(g.shape + (1,) * (x.ndim - 2)) * x


def relative_error(y, reference):
    return float(np.abs(y.astype(np.float64) - reference).max() / np.abs(reference).max())


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(array.astype("<f4").tobytes())


def extract(model_path, picture, out):
    import onnx
    import onnxruntime
    from PIL import Image

    out.mkdir(parents=True, exist_ok=True)
    model = onnx.load(model_path)
    blocks = find_blocks(model.graph)
    if len(blocks) != BLOCKS:
        fail(f"{model_path}: {len(blocks)} SE blocks found, {BLOCKS} expected")

    names = [block[side] for block in blocks for side in ("x", "y")]
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    page = np.asarray(Image.open(picture).convert("L"), np.float64)
    lines = text_lines(page)
    if len(lines) < 4:
        fail(f"{picture}: {len(lines)} lines of text found")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    results = session.run(None, {session.get_inputs()[0].name: classifier_input(page, lines)})
    turned = results[0].argmax(axis=1)
    right = int((turned[: len(lines)] == 0).sum() + (turned[len(lines):] == 1).sum())
    print(f"{len(lines)} lines of text, as they are and upside down: direction recognised in {right} of {2 * len(lines)}")

    tensors, metadata = {}, {}
    for block, x, y in zip(blocks, results[1::2], results[2::2]):
        error = relative_error(y, block_in_double(block, x))
        if not error < BOUND:
            fail(f"{block['name']}: what was extracted is {error:.1e} away from ONNX Runtime in double precision")
        name = block["name"]
        np.save(out / f"{name}.x.npy", np.ascontiguousarray(x))
        np.save(out / f"{name}.y.npy", np.ascontiguousarray(y))
        tensors |= {f"{name}.fc1.weight": block["fc1"], f"{name}.fc1.bias": block["b1"], f"{name}.fc2.weight": block["fc2"], f"{name}.fc2.bias": block["b2"]}
        metadata |= {f"{name}.activation": "relu", f"{name}.gate": "hard-sigmoid", f"{name}.gate.slope": f"{block['slope']:.9g}",
                     f"{name}.gate.offset": f"{block['offset']:.9g}", f"{name}.output": "scale", f"{name}.then": "nothing"}
    write_safetensors(out / "blocks.safetensors", tensors, metadata)
    (out / "blocks.json").write_text(json.dumps([block["name"] for block in blocks]))


# ---- exciton


def call(*arguments):
    """The command's JSON, or a line that says what went wrong."""
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        return None, (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
    return json.loads(done.stdout), None


def order(device):
    driver = device["driver"]
    return REQUIRED.index(driver) if driver in REQUIRED else len(REQUIRED)


def compare(exciton, out):
    blocks = json.loads((out / "blocks.json").read_text())
    listing, why = call(exciton, "devices", "--json")
    if listing is None:
        fail(f"exciton devices: {why}")
    devices = sorted(listing["devices"], key=order)
    faults = [f"{driver}: no such device; absent: {listing['absent']}" for driver in REQUIRED if driver not in [d["driver"] for d in devices]]
    if len(blocks) < BLOCKS:
        faults.append(f"{len(blocks)} blocks, {BLOCKS} expected")

    head = ("block", "N x C x H x W", "device", "schedule", "form", "dispatches", "time/us", "error", "bits as host")
    rows = []
    for name in blocks:
        reference = np.load(out / f"{name}.y.npy")
        host = None
        for device in devices:
            label = device["driver"] if device["api"] == "host" else f"{device['api']}:{device['driver']}"
            path = out / f"{name}.{device['api']}-{device['driver']}.npy"
            path.unlink(missing_ok=True)
            said, why = call(exciton, "run", "--weights", f"{out / 'blocks.safetensors'}:{name}", "--input", out / f"{name}.x.npy", "--output", path,
                             "--device", device["selected_by"], "--json")
            row = [name, " x ".join(map(str, reference.shape)), label]
            if said is None:
                faults.append(f"{name} on {label}: {why}")
                rows.append([*row, "failed"])
                continue
            y = np.load(path)
            host = y if device["api"] == "host" else host
            same = y.dtype == np.float32 and host is not None and y.tobytes() == host.tobytes()
            error = relative_error(y, reference) if y.shape == reference.shape else float("inf")
            rows.append([*row, said["schedule"], said["form"], str(said["dispatches"]), f"{said['microseconds']:.0f}", f"{error:.1e}", "yes" if same else "NO"])
            if not error <= BOUND:
                faults.append(f"{name} on {label}: error {error:.1e} of the largest output, at most {BOUND} allowed")
            if not same:
                faults.append(f"{name} on {label}: other bits than host")
            if not 1 <= said["dispatches"] <= 2:
                faults.append(f"{name} on {label}: {said['dispatches']} dispatches")

    widths = [max(len(row[i]) for row in [head, *rows] if i < len(row)) for i in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        print("  ".join(cell.rjust(width) if 5 <= i <= 7 else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths))).rstrip())
    print("error: the largest difference from ONNX Runtime, divided by the largest output")
    if faults:
        fail("\n         ".join(faults))
    print(f"{len(blocks)} blocks on {len(devices)} devices: every error at most {BOUND}, all bits equal, one or two dispatches each")


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "extract":
        extract(sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4]))
    elif len(sys.argv) == 4 and sys.argv[1] == "compare":
        compare(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        sys.exit(__doc__)
