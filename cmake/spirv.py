#!/usr/bin/env python3
"""Makes a shader keep exciton's arithmetic, or checks that it does.

spirv.py [--optimiser SPIRV-OPT] IN.spv OUT.inc
                          adds NoContraction to every float instruction that lacks it, lets SPIRV-OPT inline and remove (it
                          leaves arithmetic alone that is so marked), writes the words for a C array
spirv.py --check IN...    fails where an instruction lacks it; reads .spv and .inc

Refused in both: what has no fixed order or rounding (dot and matrix products, fused multiply-add, library functions of
float, float atomics, sub-group operations, filtered images, relaxed precision, fast-math and other roundings), and whatever
else makes a float and isn't known here: a list of what is allowed doesn't age.
"""
import os
import struct
import subprocess
import sys
import tempfile

MAGIC = 0x07230203
OP_EXT_INST_IMPORT, OP_EXT_INST, OP_EXECUTION_MODE, OP_FUNCTION, OP_SPEC_CONSTANT_OP = 11, 12, 16, 54, 52
OP_TYPE_FLOAT, OP_TYPE_VECTOR, OP_TYPE_MATRIX = 22, 23, 24
OP_DECORATE, OP_MEMBER_DECORATE = 71, 72
NO_CONTRACTION = 42
DECORATIONS = {0: "RelaxedPrecision", 39: "FPRoundingMode", 40: "FPFastMathMode", 4475: "FPMaxErrorDecorationINTEL", 6170: "FPMaxErrorDecorationINTEL"}
MODES = {4460: "DenormFlushToZero", 4463: "RoundingModeRTZ", 5620: "RoundingModeRTPINTEL", 5621: "RoundingModeRTNINTEL", 6028: "FPFastMathDefault"}

ARITHMETIC = {127: "OpFNegate", 129: "OpFAdd", 131: "OpFSub", 133: "OpFMul", 136: "OpFDiv",
              142: "OpVectorTimesScalar"}
REFUSED = {116: "OpQuantizeToF16", 140: "OpFRem", 141: "OpFMod", 143: "OpMatrixTimesScalar", 144: "OpVectorTimesMatrix", 145: "OpMatrixTimesVector",
           146: "OpMatrixTimesMatrix", 147: "OpOuterProduct", 148: "OpDot", 6035: "OpAtomicFAddEXT",
           5614: "OpAtomicFMinEXT", 5615: "OpAtomicFMaxEXT", 4459: "OpCooperativeMatrixMulAddKHR", 5361: "OpCooperativeMatrixMulAddNV"}
REFUSED.update({op: "a group operation" for op in [*range(259, 275), *range(5000, 5008)]})
REFUSED.update({op: "a sub-group operation" for op in [*range(333, 367), *range(4421, 4433), 5296, *range(5571, 5582)]})
REFUSED.update({op: "a sampled image" for op in [*range(87, 95), 96, 97, *range(305, 313), 314, 315]})
REFUSED.update({op: "a derivative" for op in range(207, 216)})
# What may have a float as its result and computes nothing: constants, loads, calls, moves, choices, and numbers from integers.
MOVES = {1, 12, 43, 44, 46, 50, 51, 52, 54, 55, 57, 61, 77, 78, 79, 80, 81, 82, 83, 95, 111, 112, 124, 169, 245}
# Their first operand may be a type, but isn't their result's: names, types, decorations.
NO_RESULT_TYPE = {5, 6, *range(19, 40), *range(71, 76)}
# Of GLSL.std.450 integers only: absolute value, sign, smaller, larger, clamp.
LIBRARY = {5, 7, 38, 39, 41, 42, 44, 45}


class Refused(Exception):
    pass


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".inc"):
        words = [int(word, 16) for word in data.decode().replace(",", " ").split()]
    else:
        if len(data) % 4:
            raise Refused("the length is no multiple of 4")
        words = list(struct.unpack("<%dI" % (len(data) // 4), data))
    if len(words) < 5 or words[0] != MAGIC:
        raise Refused("not SPIR-V in this byte order")
    return words


def instructions(words):
    """(first word's index, opcode, operands)"""
    at = 5
    while at < len(words):
        count, opcode = words[at] >> 16, words[at] & 0xFFFF
        if count == 0 or at + count > len(words):
            raise Refused("word %d: an instruction beyond the end" % at)
        yield at, opcode, words[at + 1:at + count]
        at += count


def library(operands):
    return struct.pack("<%dI" % len(operands[1:]), *operands[1:]).split(b"\0")[0].decode("utf-8", "replace")


def look(at, opcode, operands, libraries, floats):
    """Refuses the one instruction; keeps which ids are libraries and types of floats."""
    if opcode in REFUSED:
        raise Refused("word %d: %s" % (at, REFUSED[opcode]))
    if opcode == OP_EXT_INST_IMPORT:
        name = library(operands)
        if name != "GLSL.std.450" and not name.startswith("NonSemantic."):
            raise Refused("word %d: functions of %s" % (at, name))
        if name == "GLSL.std.450":
            libraries.add(operands[0])
    elif opcode == OP_EXT_INST and operands[2] in libraries and operands[3] not in LIBRARY:
        raise Refused("word %d: function %d of GLSL.std.450" % (at, operands[3]))
    elif opcode == OP_TYPE_FLOAT:
        if operands[1] != 32:
            raise Refused("word %d: floats of %d bits" % (at, operands[1]))
        floats.add(operands[0])
    elif opcode == OP_TYPE_MATRIX:
        raise Refused("word %d: a matrix" % at)
    elif opcode == OP_TYPE_VECTOR and operands[1] in floats:
        floats.add(operands[0])
    elif opcode == OP_SPEC_CONSTANT_OP and (operands[2] in ARITHMETIC or operands[2] in REFUSED):
        raise Refused("word %d: float arithmetic of specialisation constants" % at)
    elif opcode in (OP_DECORATE, OP_MEMBER_DECORATE):
        kind = operands[1 if opcode == OP_DECORATE else 2]
        if kind in DECORATIONS:
            raise Refused("word %d: %s" % (at, DECORATIONS[kind]))
    elif opcode == OP_EXECUTION_MODE and operands[1] in MODES:
        raise Refused("word %d: %s" % (at, MODES[operands[1]]))
    elif opcode not in NO_RESULT_TYPE and operands and operands[0] in floats and opcode not in MOVES and opcode not in ARITHMETIC:
        raise Refused("word %d: opcode %d makes a float and isn't known here" % (at, opcode))


def examine(words):
    """Ids of float results, ids that are decorated, and where a decoration may be put in."""
    arithmetic, decorated, libraries, floats, place = [], set(), set(), set(), None
    for at, opcode, operands in instructions(words):
        look(at, opcode, operands, libraries, floats)
        if opcode in ARITHMETIC:
            arithmetic.append((operands[1], ARITHMETIC[opcode]))
        elif opcode == OP_DECORATE:
            place = at
            if operands[1] == NO_CONTRACTION:
                decorated.add(operands[0])
    if place is None:
        raise Refused("no OpDecorate to put others beside")
    return arithmetic, decorated, place


def add_missing(words):
    arithmetic, decorated, place = examine(words)
    added = []
    for result, _ in arithmetic:
        if result not in decorated:
            added += [3 << 16 | OP_DECORATE, result, NO_CONTRACTION]
    return words[:place] + added + words[place:]


def optimise(words, optimiser):
    with tempfile.TemporaryDirectory() as folder:
        given, made = os.path.join(folder, "given.spv"), os.path.join(folder, "made.spv")
        with open(given, "wb") as file:
            file.write(struct.pack("<%dI" % len(words), *words))
        run = subprocess.run([optimiser, "-O", "--target-env=vulkan1.1", given, "-o", made], stderr=subprocess.PIPE, check=False)
        if run.returncode:
            raise Refused("%s: status %d: %s" % (optimiser, run.returncode, run.stderr.decode("utf-8", "replace").strip()))
        return read(made)


def make(path, optimiser=None):
    """The words of a module as they are embedded."""
    words = add_missing(read(path))
    return add_missing(optimise(words, optimiser)) if optimiser else words


def check(words):
    arithmetic, decorated, _ = examine(words)
    for result, name in arithmetic:
        if result not in decorated:
            raise Refused("%s %%%d lacks NoContraction" % (name, result))


def write(path, words):
    lines = [", ".join("0x%08x" % word for word in words[i:i + 8]) for i in range(0, len(words), 8)]
    with open(path, "w") as file:
        file.write(",\n".join(lines) + "\n")


def main(arguments):
    optimiser = None
    if len(arguments) == 4 and arguments[0] == "--optimiser":
        optimiser, arguments = arguments[1], arguments[2:]
    if len(arguments) >= 2 and arguments[0] == "--check":
        paths, out = arguments[1:], None
    elif len(arguments) == 2:
        paths, out = arguments[:1], arguments[1]
    else:
        sys.stderr.write(__doc__)
        return 2
    for path in paths:
        try:
            words = make(path, optimiser) if out else read(path)
            check(words)
            if out:
                write(out, words)
        except (Refused, OSError, ValueError) as why:
            sys.stderr.write("spirv.py: %s: %s\n" % (path, why))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
