"""Where sources can be changed so that a test should notice: the mutants of ci/mutate.

A mutant replaces one token of C, OpenCL C or GLSL (and puts one in, for an index): operators of arithmetic, of comparison
(the other side of the bound, and the opposite), of logic and of bits, assignments with one, constants by one, indices by
one, the smaller for the larger of two, a barrier for nothing. Left out is what no run can tell or no compiler takes:
comments, strings, #if and #include, declarations of arrays, attributes, layout(...), enumerations of names without a
value, _Static_assert.
"""
import collections
import hashlib
import re

Mutant = collections.namedtuple("Mutant", "file line function kind offset old new")

TOKEN = re.compile(r"""(?P<number>0[xX][0-9a-fA-F]+[uUlL]*|(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?[fF]?|\d+[uUlL]*)
                     |(?P<word>[A-Za-z_]\w*)
                     |(?P<operator><<=|>>=|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||\#\#|[-+*/%&|^]=|[-+*/%&|^~!<>=?:;,.(){}\[\]\\#])""", re.X)

ARITHMETIC = {"+": "-", "-": "+", "*": "+", "/": "*", "%": "*", "+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=", "%=": "*="}
BOUNDARY = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
NEGATION = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
LOGIC = {"&&": "||", "||": "&&"}
BITS = {"&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<", "&=": "|=", "|=": "&="}
SELECTION = {"min": "max", "max": "min", "exciton_min": "exciton_max", "exciton_max": "exciton_min"}
BARRIERS = {"barrier", "_mm_sfence", "mem_fence"}
NO_OPERAND = {"return", "case", "sizeof", "else", "do", "in"}
TYPES = {"float", "float4", "float8", "int", "uint", "uint8", "int8", "vec", "vec4", "bool", "char", "size_t", "double", "void", "uint32_t",
         "uint64_t", "uint16_t", "uint8_t", "int32_t", "unsigned", "part", "Eight", "struct", "const", "shared", "exciton_kernel_spec"}


def blank(text):
    """Comments, strings and directives (a #define's body stays) as blanks, every offset kept."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())

    def directive(match):
        define = re.match(r"[ \t]*#[ \t]*define[ \t]+\w+(\([^)\n]*\))?", match.group())
        return spaces(match) if not define else " " * define.end() + match.group()[define.end():]

    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", spaces, text, flags=re.S)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", directive, text, flags=re.M)


def functions(text):
    """(offset, name) where each function, macro or table begins, ascending."""
    starts = [(m.start(), m.group(1)) for m in re.finditer(r"^[^\s#/*}{][^;={}]*?\b(\w+)\s*\([^;{}]*\)\s*\{", text, re.M | re.S)]
    starts += [(m.start(), m.group(1)) for m in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M)]
    starts += [(m.start(), m.group(1)) for m in re.finditer(r"^(?:static |const |typedef )[^;(){}]*?\b(\w+)(?:\[[^\]]*\])*\s*=?\s*\{", text, re.M)]
    return sorted(starts)


def left_out(line):
    """Whether a whole line is none of ours."""
    return re.search(r"\blayout\s*\(|_Static_assert|__attribute__|_Pragma|#error|\bvector_size\b|PRI[ux]\d", line) is not None


def is_binary(tokens, i, code):
    """Whether tokens[i] has an operand on both sides: ours have blanks around them then."""
    before, after = tokens[i - 1], tokens[i + 1]
    operand = before.lastgroup == "number" or before.group() in ")]" or (before.lastgroup == "word" and before.group() not in NO_OPERAND)
    return operand and code[tokens[i].start() - 1] in " \n" and code[tokens[i].end()] in " \n\\" and after.group() not in (")", ",", ";")


def one_more(number):
    """The literal of the next number, in the same spelling."""
    hexadecimal = re.fullmatch(r"(0[xX])([0-9a-fA-F]+)([uUlL]*)", number)
    if hexadecimal:
        digits = hexadecimal.group(2)
        return f"{hexadecimal.group(1)}{(int(digits, 16) + 1) % 16 ** len(digits):0{len(digits)}x}{hexadecimal.group(3)}"
    whole = re.fullmatch(r"(\d+)([uUlL]*)", number)
    if whole:
        return f"{int(whole.group(1)) + 1}{whole.group(2)}"
    suffix = number[-1] if number[-1] in "fF" else ""
    return repr(float(number.rstrip("fF")) + 1.0) + suffix


def closing(tokens, i):
    """Index of the bracket that closes tokens[i]."""
    depth = 0
    for j in range(i, len(tokens)):
        depth += (tokens[j].group() in "([{") - (tokens[j].group() in ")]}")
        if depth == 0:
            return j
    return len(tokens) - 1


def is_declaration(tokens, i):
    """tokens[i] is `[` of a declared array, or of a designated initialiser."""
    name, before = tokens[i - 1], tokens[i - 2] if i > 1 else None
    if name.lastgroup != "word":
        return name.group() != "]" and name.group() != ")"
    return before is not None and (before.group() in TYPES or (before.lastgroup == "word" and before.group() not in NO_OPERAND))


def changes(code, gl):
    """(offset, old, new, kind) of every mutant of a blanked text."""
    tokens = list(TOKEN.finditer(code))
    one = " + 1u" if gl else " + 1"
    skip = set()  # numbers in declarations
    for i in range(1, len(tokens) - 1):
        token, text = tokens[i], tokens[i].group()
        at = token.start()
        if token.lastgroup == "number":
            before, after = tokens[i - 1].group(), tokens[i + 1].group()
            if i in skip or before in ("case", ".", "##") or after in (":", "##") and before == "case":
                continue
            yield at, text, one_more(text), "constant"
        elif token.lastgroup == "word":
            if text in SELECTION and tokens[i + 1].group() == "(":
                yield at, text, SELECTION[text], "bound"
            elif text in BARRIERS and tokens[i + 1].group() == "(" and tokens[i - 1].group() in ";{})":
                yield at, code[at:tokens[closing(tokens, i + 1)].end()], "", "barrier"
        elif text == "[":
            end = closing(tokens, i)
            if is_declaration(tokens, i):
                skip.update(range(i, end))
            elif end - i > 2 or tokens[i + 1].lastgroup == "word":  # a lone constant has a mutant of its own
                yield tokens[end].start(), "", one, "index"
        elif text in ("++", "--") or not is_binary(tokens, i, code):
            if text == "-" and code[token.end()] not in " =" and tokens[i - 1].group() not in ")]":
                yield at, text, "+", "arithmetic"
        elif text in ARITHMETIC:
            yield at, text, ARITHMETIC[text], "arithmetic"
        elif text in LOGIC:
            yield at, text, LOGIC[text], "logic"
        elif text in BITS:
            yield at, text, BITS[text], "bits"
        elif text in NEGATION:
            yield at, text, NEGATION[text], "comparison"
            if text in BOUNDARY:
                yield at, text, BOUNDARY[text], "bound"


def of_text(file, text):
    code, lines = blank(text), text.split("\n")
    starts = functions(text)
    gl = file.endswith((".cl", ".comp", ".glsl")) or file.startswith("kernels/")
    for offset, old, new, kind in changes(code, gl):
        line = text.count("\n", 0, offset) + 1
        if left_out(lines[line - 1]):
            continue
        name = next((n for at, n in reversed(starts) if at <= offset), "-")
        yield Mutant(file, line, name, kind, offset, old, new)


def apply(mutant, text):
    return text[:mutant.offset] + mutant.new + text[mutant.offset + len(mutant.old):]


def key(mutant, text):
    """The same as long as the file is."""
    return hashlib.sha256(f"{mutant.file}\0{apply(mutant, text)}".encode()).hexdigest()[:24]


def sample(mutants, count, seed):
    """`count` of them, spread evenly over files and kinds, the same for the same seed: rounds over the groups of (file,
    kind), and in each the mutant whose hash is next."""
    groups = collections.defaultdict(list)
    for m in mutants:
        rank = hashlib.sha256(f"{seed}\0{m.file}\0{m.line}\0{m.offset}\0{m.new}".encode()).digest()
        groups[m.file, m.kind].append((rank, m))
    total, credit, chosen = len(mutants), {}, []
    for group in groups.values():
        group.sort(reverse=True)
    while groups and len(chosen) < min(count, total):  # the group that lacks most of its share
        for name in groups:
            credit[name] = credit.get(name, 0) + len(groups[name])
        name = max(sorted(groups), key=lambda n: credit[n])
        credit[name] -= total
        chosen.append(groups[name].pop()[1])
        if not groups[name]:
            del groups[name]
    return chosen
