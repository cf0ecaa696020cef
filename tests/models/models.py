"""Models of timm and torchvision through both PyTorch exporters: each SE, ESE and ECA module against what exciton finds.

models.py DUMP RESULTS.json [NAME...]     exports, compares, adds a row per export to RESULTS.json
models.py --table RESULTS.json            the rows as a Markdown table

DUMP is tests/data/onnx/dump.c, built; docs/models.md says how. Random weights; nothing is downloaded. One export at a time.
"""
import gc
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import torch
from onnx import numpy_helper

import truth

BOUND = 2e-6  # of the largest output of a block
SPREAD = 0.01  # of the gates between two samples, at least: below it a run compares nothing
TS, DYNAMO = "torchscript", "dynamo"
# (exporter, opset, dynamic batch, optimised)
COMMON = [(TS, 17, False, True), (DYNAMO, 18, True, True)]
WIDE = [(TS, 11, True, True), (TS, 13, False, True), (TS, 20, True, True), (DYNAMO, 18, False, False), (DYNAMO, 20, False, True),
        (DYNAMO, 21, True, False), (DYNAMO, 23, True, True)]
# name: (size of the input's plane, exports, arguments of the model)
MODELS = {
    "timm/seresnet50": (64, COMMON + WIDE, {}),
    "timm/seresnext26d_32x4d": (64, COMMON, {}),
    "timm/legacy_seresnet18": (64, COMMON + WIDE, {}),
    "timm/legacy_senet154": (64, COMMON, {}),
    "timm/efficientnet_b0": (64, COMMON + WIDE, {}),
    "timm/tf_efficientnet_b0": (64, COMMON, {}),
    "timm/tf_efficientnetv2_b0": (64, COMMON, {}),
    "timm/mobilenetv3_large_100": (64, COMMON, {}),
    "timm/mobilenetv3_small_075": (64, COMMON + WIDE, {}),
    "timm/tf_mobilenetv3_small_100": (64, COMMON, {}),
    "timm/regnety_008": (64, COMMON, {}),
    "timm/ese_vovnet19b_dw": (64, COMMON + WIDE, {}),
    "timm/ese_vovnet39b": (64, COMMON, {}),
    "timm/hgnet_tiny": (64, COMMON, {}),
    "timm/rdnet_tiny": (64, COMMON, {}),
    "timm/eca_resnet33ts": (64, COMMON, {}),
    "timm/ecaresnet26t": (64, COMMON + WIDE, {}),
    "timm/ecaresnet50d_pruned": (64, COMMON, {}),
    "timm/eca_nfnet_l0": (64, COMMON, {}),
    "timm/eca_botnext26ts_256": (64, COMMON, {"img_size": 64}),
    "timm/resnet26d+ceca": (64, COMMON + WIDE, {"block_args": {"attn_layer": "ceca"}}),
    "timm/nfnet_f0": (64, COMMON, {}),
    "timm/seresnet33ts": (64, COMMON, {}),
    "timm/seresnextaa101d_32x8d": (64, COMMON, {}),
    "timm/ghostnet_100": (64, COMMON, {}),
    "timm/repghostnet_100": (64, COMMON, {}),
    "timm/fbnetv3_b": (64, COMMON, {}),
    "timm/lcnet_050": (64, COMMON, {}),
    "timm/rexnet_100": (64, COMMON + WIDE, {}),
    "timm/hardcorenas_a": (64, COMMON, {}),
    "timm/mnasnet_small": (64, COMMON, {}),
    "timm/tinynet_e": (64, COMMON, {}),
    "timm/mixnet_s": (64, COMMON, {}),
    "timm/tresnet_m": (64, COMMON, {}),
    "timm/mobileone_s4": (64, COMMON, {}),
    "timm/fastvit_t8": (64, COMMON, {}),
    "timm/repvit_m1": (64, COMMON, {}),
    "timm/coatnet_nano_rw_224": (64, COMMON, {"img_size": 64}),
    "timm/maxvit_tiny_tf_224": (64, COMMON, {"img_size": 64}),
    "timm/efficientvit_m0": (64, COMMON, {}),
    "timm/gcvit_xxtiny": (64, COMMON, {"img_size": 64}),
    "timm/resnest14d": (64, COMMON, {}),
    "timm/cspnext_tiny": (64, COMMON, {}),
    "timm/lcnetv2_small": (64, COMMON, {}),
    "timm/shvit_s1": (64, COMMON, {}),
    "timm/efficientvim_m1": (64, COMMON, {}),
    "timm/regnetz_005": (64, COMMON, {}),
    "timm/semnasnet_075": (64, COMMON, {}),
    "timm/cs3sedarknet_l": (64, COMMON, {}),
    "torchvision/efficientnet_b0": (64, COMMON, {}),
    "torchvision/efficientnet_v2_s": (64, COMMON, {}),
    "torchvision/mobilenet_v3_large": (64, COMMON + WIDE, {}),
    "torchvision/mobilenet_v3_small": (64, COMMON, {}),
    "torchvision/regnet_y_400mf": (64, COMMON, {}),
    **{f"small/{name}": (8, COMMON + WIDE, {}) for name in ("linear", "linear_bias_silu", "linear_one_hidden", "linear_residual", "linear_mean",
                                                            "linear_flattened", "linear_1d", "spelt_hard", "eca", "ese", "channels_last")},
}


def make(name, arguments):
    torch.manual_seed(1)
    origin, name = name.split("/")
    name = name.split("+")[0]
    if origin == "timm":
        import timm
        model = timm.create_model(name, pretrained=False, num_classes=10, **arguments)
    elif origin == "small":
        import small
        model = small.MODELS[name]()
    else:
        import torchvision
        model = torchvision.models.get_model(name, weights=None, num_classes=10, **arguments)
    truth.randomise(model)
    return model.eval()


def export(model, x, path, exporter, opset, dynamic, optimised):
    names = {"input_names": ["x"], "output_names": ["y"], "opset_version": opset}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == TS:
            axes = {"x": {0: "N"}, "y": {0: "N"}} if dynamic else None
            torch.onnx.export(model, (x,), path, dynamo=False, dynamic_axes=axes, do_constant_folding=optimised, **names)
        else:
            shapes = ({0: torch.export.Dim("N", min=1, max=64)},) if dynamic else None
            torch.onnx.export(model, (x,), path, dynamo=True, dynamic_shapes=shapes, external_data=False, optimize=optimised,
                              verbose=False, **names)


# ---- Comparing


def close(found, wanted):
    return found is not None and abs(found - wanted) <= 1e-6


def initialiser(model, name):
    at = next((i for i in model.graph.initializer if i.name == name), None)
    return None if at is None else numpy_helper.to_array(at)


def same_bits(found, wanted, folded, transposed=False):
    """`transposed`: the other way round is as good. What a BatchNorm was folded into is rounded once."""
    if found is None or wanted is None or found.size != wanted.size:
        return found is None and wanted is None
    wanted = wanted.reshape(found.shape if wanted.ndim != 2 else wanted.shape)
    candidates = [found.reshape(wanted.shape)] + ([found.reshape(wanted.shape[::-1]).T] if transposed and wanted.ndim == 2 else [])
    if folded:
        return any(np.allclose(c, wanted, rtol=1e-5, atol=1e-6) for c in candidates)
    return any(np.array_equal(c.astype(np.float32), wanted.astype(np.float32)) for c in candidates)


def weights_differ(block, index, wanted, model, folder):
    """Of a block that runs, all that it would compute with; else its first matrix as the file has it."""
    matrices = [truth.numbers(m) for m in wanted["matrices"]]
    if block["refused"] is None:
        for i in range(2):
            for what, numbers in (("fc", matrices[i]), ("bias", truth.numbers(wanted["biases"][i]))):
                path = folder / f"{index}.{what}{i + 1}.npy"
                if not same_bits(np.load(path) if path.exists() else None, numbers, wanted.get("folded")):
                    return f"{what}{i + 1} differs"
        return None
    for i, matrix in enumerate(matrices):
        if not same_bits(initialiser(model, block[f"weight{i}"]), matrix, wanted.get("folded"), True):
            return f"weight {block[f'weight{i}']} differs"
    return None


def differences(block, wanted):
    """What a found block says otherwise than the module."""
    exact = {"kind": wanted["kind"], "channels": wanted["channels"], "hidden": wanted["hidden"], "activation": wanted["activation"],
             "bias": [b is not None for b in wanted["biases"]], "gate": wanted["gate"], "residual": wanted.get("residual", False),
             "channels_last": wanted.get("channels_last", False), "kernel": wanted.get("kernel", 0),
             "circular": wanted.get("circular", False)}
    problems = [f"{k} {block[k]!r}, not {v!r}" for k, v in exact.items() if block[k] != v]
    numbers = {"slope": wanted["slope"], "offset": wanted["offset"]}
    numbers.update({f"number{i}": v for i, v in enumerate(wanted["numbers"])})
    return problems + [f"{k} {block[k]!r}, not {v!r}" for k, v in numbers.items() if not close(block[k], v)]


def run(dump, path, index, x, y, folder):
    """Error of the block on host against the module's own output, of the largest value; None: it does not run."""
    np.save(folder / "x.npy", np.ascontiguousarray(x))
    out = folder / "y.npy"
    done = subprocess.run([dump, path, str(index), folder / "x.npy", out], capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    return float(np.abs(np.load(out).astype(np.float64) - y).max() / max(np.abs(y).max(), 1e-30))


def compare(dump, path, calls, folder):
    done = subprocess.run([dump, path, folder], capture_output=True, text=True)
    if done.returncode:
        return {"problems": [done.stderr.strip()]}
    found, model = json.loads(done.stdout), onnx.load(path)
    blocks, near = found["blocks"], found["near"]
    row = {"opset": next(o.version for o in model.opset_import if o.domain == ""),
           "modules": {k: sum(c[1]["kind"] == k for c in calls) for k in ("se", "ese", "eca")}, "found": 0, "clean": 0, "runnable": 0,
           "exact": 0, "names_kept": 0, "worst": None, "spread": None, "blocks": len(blocks), "problems": [], "refused": [],
           "near": [f"{n['at']}: {n['why']}" for n in near]}
    taken, order = set(), []
    for name, wanted, x, y in calls:
        # A module's block is the one with its weights; the fields are compared after that.
        at = next((i for i, b in enumerate(blocks) if i not in taken and not weights_differ(b, i, wanted, model, folder)), None)
        if at is None:
            row["problems"].append(f"{name}: not found")
            continue
        taken.add(at)
        order.append(at)
        block = blocks[at]
        problems = differences(block, wanted)
        row["problems"] += [f"{name}: {p}" for p in problems]
        row["found"] += 1
        row["exact"] += not problems
        row["clean"] += block["clean"]
        if not block["clean"]:
            row["problems"].append(f"{name}: not clean: {block['why']}")
        row["names_kept"] += all(block[f"weight{i}"] == w for i, w in enumerate(wanted["weights"]))
        if block["refused"]:
            row["refused"].append(block["refused"].split(": ", 2)[-1])
            continue
        row["runnable"] += 1
        row["spread"] = min(row["spread"] or 1.0, wanted["spread"])
        if not wanted["spread"] >= SPREAD:
            row["problems"].append(f"{name}: the gates differ by {wanted['spread']:.2g} between samples: nothing is compared")
        error = run(dump, path, at, x, y, folder)
        if not isinstance(error, float) or not error <= BOUND:
            row["problems"].append(f"{name}: runs with {error}")
        else:
            row["worst"] = max(row["worst"] or 0.0, error)
    if order != sorted(order):
        row["problems"].append("blocks are not in forward order")
    row["others"] = [blocks[i]["name"] for i in range(len(blocks)) if i not in taken]
    row["refused"] = sorted(set(row["refused"]))
    return row


# ---- All of them


def one(dump, name, results, path):
    size, exports, arguments = MODELS[name]
    model = make(name, arguments)
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(2))
    calls = truth.observe(model, x)
    for exporter, opset, dynamic, optimised in exports:
        key = f"{name} {exporter} {opset}{' dynamic' if dynamic else ''}{'' if optimised else ' unoptimised'}"
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            try:
                export(model, x if dynamic else x[:1], str(folder / "model.onnx"), exporter, opset, dynamic, optimised)
            except Exception as failure:  # an exporter's own failure is a row, not the end
                row = {"export": f"{type(failure).__name__}: {str(failure).strip().splitlines()[0][:160]}"}
            else:
                row = compare(dump, folder / "model.onnx", calls, folder)
        results[key] = {"model": name, "exporter": exporter, "opset": opset, "dynamic": dynamic, "optimised": optimised,
                        "asked": opset, **row}
        path.write_text(json.dumps(results, indent=1))
        shown = {k: v for k, v in row.items() if k not in ("near", "refused")}
        print(key, json.dumps(shown), flush=True)
        gc.collect()


COUNTS = ("found", "exact", "clean", "runnable")


def outcome(row):
    if "modules" not in row:
        return (row.get("export") or "; ".join(row["problems"]), "", "", "", "", "")
    m = row["modules"]
    return ("", " / ".join(str(m[k]) for k in ("se", "ese", "eca")), *(str(row[c]) for c in COUNTS))


def table(results):
    """A row per model; exports with another outcome have a row of their own."""
    print("| model | SE / ESE / ECA | TorchScript, opset | dynamo, opset | found | as the module | clean | run | largest error |")
    print("|---|---|---|---|---|---|---|---|---|")
    merged, totals, counted = {}, {c: 0 for c in COUNTS}, 0
    for row in results.values():
        same = merged.setdefault((row["model"], outcome(row)), {TS: [], DYNAMO: [], "worst": 0.0})
        same[row["exporter"]].append((row["opset"], f"{row['opset']}{' N' if row['dynamic'] else ''}{'' if row['optimised'] else ' plain'}"))
        same["worst"] = max(same["worst"], row.get("worst") or 0.0)
        counted += sum(row.get("modules", {}).values())
        for c in COUNTS:
            totals[c] += row.get(c, 0)
    for (model, (failure, modules, *counts)), same in merged.items():
        exports = [", ".join(text for _, text in sorted(same[e])) or "–" for e in (TS, DYNAMO)]
        worst = f"{same['worst']:.1e}" if same["worst"] else "–"
        print(f"| {model} | {modules or failure} | {' | '.join(exports)} | {' | '.join(counts)} | {worst} |")
    worst = max(row.get("worst") or 0.0 for row in results.values())
    spread = min(row["spread"] for row in results.values() if row.get("spread") is not None)
    print(f"\n{len({r['model'] for r in results.values()})} models, {len(results)} exports, {counted} modules in them: "
          + ", ".join(f"{totals[c]} {c}" for c in COUNTS) + f"; largest error {worst:.1e}; the gates of two samples differ by {spread:.2g} at least.")


def main():
    if sys.argv[1] == "--table":
        return table(json.loads(pathlib.Path(sys.argv[2]).read_text()))
    dump, path, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    results = json.loads(path.read_text()) if path.exists() else {}
    torch.set_num_threads(1)
    failed = 0
    for name in names or MODELS:
        try:
            one(dump, name, results, path)
        except Exception as failure:  # a model that this version of its library no longer has: the others are still worth it
            print(f"{name}: {type(failure).__name__}: {failure}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
