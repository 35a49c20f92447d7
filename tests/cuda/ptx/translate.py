"""Translates PTX, as nvcc makes it of our kernels, to C++ that runs on the emulated card: each instruction by itself.

An instruction that is not known is an error, never left out. Semantics are those of NVIDIA, "PTX ISA", version 9.0.
"""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

TYPES = {
    "pred": "bool",
    **{f"{kind}{bits}": f"std::uint{bits}_t" for kind in "ub" for bits in (8, 16, 32, 64)},
    **{f"s{bits}": f"std::int{bits}_t" for bits in (8, 16, 32, 64)},
    "f32": "float",
    "f64": "double",
}
SPACES = ("param", "shared", "global", "local")
SPECIAL = {"%tid": "threadIdx", "%ntid": "blockDim", "%ctaid": "blockIdx", "%nctaid": "gridDim"}
BEHIND_ALL = "static_shared_bytes"  # in C++
COMPARISONS = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">", "hs": ">=",
}  # fmt: skip
ARITHMETIC = {
    "add": "add", "sub": "subtract", "mul.lo": "multiply", "mul.wide": "multiply_wide", "mad.lo": "multiply_add",
    "fma": "std::fma", "div": "divide", "rem": "remainder", "min": "least", "max": "greatest", "abs": "magnitude",
    "neg": "negative", "and": "bit_and", "or": "bit_or", "xor": "bit_xor", "not": "bit_not", "shl": "shift_left",
    "shr": "shift_right", "rcp": "reciprocal", "sqrt": "std::sqrt", "popc": "count_ones", "brev": "reverse_bits",
    "bfind.shiftamt": "distance_of_first_one", "bfi": "insert_bits",
}  # fmt: skip


def size_of(kind: str) -> int:
    return int(kind[1:]) // 8


@dataclass
class Function:
    name: str
    is_kernel: bool
    parameters: dict[str, tuple[int, int]] = field(default_factory=dict)  # offset and bytes of each
    shared: dict[str, int | str] = field(default_factory=dict)  # offset of each array
    shared_bytes: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def parameter_bytes(self) -> int:
        return max((offset + size for offset, size in self.parameters.values()), default=0)


STATEMENT = re.compile(
    r"""\s*(?:(?P<label>\$\w+:)
           |(?P<brace>[{}])
           |(?P<head>(?:\.(?:visible|weak|extern)\s+)*\.(?:entry|func)\b[^{;]*)(?P<declared>;?)
           |(?P<other>[^;]+);)""",
    re.VERBOSE,
)


def statements(text: str) -> list[tuple[int, str]]:
    """Statements without their semicolons, labels, braces of blocks and heads of functions, with their lines."""
    text = re.sub(r"//.*|^\s*\.(?:version|target|address_size|loc|file)\b.*", "", text, flags=re.MULTILINE)
    found, start, line = [], 0, 1
    while match := STATEMENT.match(text, start):
        part = next(part for part in match.group("label", "brace", "head", "other") if part is not None)
        line += text.count("\n", start, match.end() - len(part.lstrip()))
        found.append((line, part.strip() + (match["declared"] or "")))
        line += text.count("\n", match.end() - len(part.lstrip()), match.end())
        start = match.end()
    if text[start:].strip():
        raise ValueError(f"unknown PTX in line {line}: {text[start : start + 80]}")
    return found


def operands(text: str) -> list[str]:
    return [piece.strip() for piece in re.findall(r"(?:\{[^}]*\}|\([^)]*\)|\[[^\]]*\]|[^,])+", text)]


class Translator:
    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.functions: dict[str, Function] = {}
        self.static: dict[str, int | str] = {}  # shared arrays of all functions, before those of each
        self.static_bytes = 0
        self.visible: dict[str, int | str] = {}  # and of the one that is read
        self.parameters: dict[str, tuple[int, int]] = {}  # of the same
        self.read(statements(text))

    # Declarations.

    def read(self, items: list[tuple[int, str]]) -> None:
        function, depth = None, 0
        for line, item in items:
            if head := re.match(r"(?:\.\w+\s+)*\.(entry|func)\s+(\w+)", item):
                function = self.begin(head[2], head[1] == "entry", item)
            elif function is None:
                self.static_bytes = self.add_shared(self.static, self.static_bytes, item)
            elif item in "{}":
                depth += 1 if item == "{" else -1
                function.lines.append(item)
                function = function if depth > 0 else None
            else:
                function.lines.append(self.statement(function, line, item))
            if function and item.endswith(";"):
                function = None  # only declared

    def begin(self, name: str, is_kernel: bool, head: str) -> Function:
        function = self.functions.setdefault(name, Function(name, is_kernel))
        offset = 0
        for align, kind, parameter, count in re.findall(
            r"\.param\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+(\w+)(?:\[(\d+)\])?", head
        ):
            size = size_of(kind) * int(count or 1)
            step = int(align or size_of(kind))
            offset = (offset + step - 1) // step * step
            function.parameters[parameter] = (offset, size)
            offset += size
        function.lines, function.shared_bytes = [], self.static_bytes
        return function

    def add_shared(self, arrays: dict[str, int | str], begin: int, item: str) -> int:
        """Puts an array of shared memory behind those before; returns where it ends."""
        match = re.fullmatch(r"(\.extern\s+)?\.shared\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d*)\]", item)
        if not match:
            raise self.unknown(0, item)
        if match[1]:  # what a launch asks for lies behind all others
            arrays[match[3]] = BEHIND_ALL
            return begin
        align = int(match[2])
        arrays[match[3]] = (begin + align - 1) // align * align
        return arrays[match[3]] + int(match[4])

    def unknown(self, line: int, item: str) -> ValueError:
        return ValueError(f"{self.file}:{line}: unknown PTX: {item}")

    # Statements.

    def statement(self, function: Function, line: int, item: str) -> str:
        where = f'#line {line} "{self.file}"\n'
        self.visible, self.parameters = {**self.static, **function.shared}, function.parameters
        if item.endswith(":"):
            return f"{label(item[:-1])}:;"
        if item.startswith(".reg"):
            kind, names = re.fullmatch(r"\.reg\s+\.(\w+)\s+(.*)", item, re.DOTALL).groups()
            return f"{TYPES[kind]} {', '.join(registers(names))};"
        if item.startswith(".local"):
            align, name, size = re.fullmatch(r"\.local\s+\.align\s+(\d+)\s+\.b8\s+(\w+)\[(\d+)\]", item).groups()
            return f"alignas({align}) std::byte {name}[{size}];"
        if item.startswith(".shared"):
            function.shared_bytes = self.add_shared(function.shared, function.shared_bytes, item)
            return ""
        if item.startswith(".param"):
            kind, name, count = re.fullmatch(
                r"\.param\s+(?:\.align\s+\d+\s+)?\.(\w+)\s+(\w+)(?:\[(\d+)\])?", item
            ).groups()
            return f"alignas(8) std::byte {name}[{size_of(kind) * int(count or 1)}];"
        if item.startswith(".pragma"):
            return ""
        guard, operation, rest = re.fullmatch(r"(?:@(!?%\w+)\s+)?([\w.]+)\s*(.*)", item, re.DOTALL).groups()
        code = self.instruction(function, line, operation, operands(rest))
        condition = f"if ({guard.replace('%', '')}) " if guard else ""
        return f"{where}{condition}{{ {code} }}"

    def value(self, operand: str, kind: str) -> str:
        """An operand as a C++ value of a type of PTX."""
        if operand.startswith("!"):
            return f"!{self.value(operand[1:], kind)}"
        if operand in SPECIAL or operand.rpartition(".")[0] in SPECIAL:
            name, _, axis = operand.rpartition(".")
            return f"as<{TYPES[kind]}>({SPECIAL[name]}.{axis})"
        if operand.startswith("%"):
            return operand[1:] if kind == "pred" else f"as<{TYPES[kind]}>({operand[1:]})"
        if operand in self.visible:
            return f"static_cast<{TYPES[kind]}>({self.visible[operand]})"
        if operand in self.parameters:
            return f"reinterpret_cast<std::uint64_t>(parameters + {self.parameters[operand][0]})"
        if operand.startswith("__local_depot"):
            return f"reinterpret_cast<std::uint64_t>({operand})"
        if re.fullmatch(r"0[fF][0-9A-Fa-f]{8}", operand):
            return f"std::bit_cast<float>(std::uint32_t{{0x{operand[2:]}}})"
        if re.fullmatch(r"0[dD][0-9A-Fa-f]{16}", operand):
            return f"std::bit_cast<double>(std::uint64_t{{0x{operand[2:]}}})"
        if re.fullmatch(r"-?(0x[0-9A-Fa-f]+|\d+)U?", operand):
            number = int(operand.rstrip("U"), 0)
            if kind == "pred":
                return "true" if number else "false"
            return f"static_cast<{TYPES[kind]}>({number % 2**64}ull)"
        raise ValueError(f"{self.file}: unknown operand {operand}")

    def address(self, function: Function, operand: str, space: str) -> str:
        base, offset = re.fullmatch(r"\[([^+\]]+?)(?:\+(-?\d+))?\]", operand).groups()
        if space == "param" and not base.startswith("%"):
            start = f"parameters + {function.parameters[base][0]}" if base in function.parameters else base
        elif space == "shared":
            start = f"shared + {self.value(base, 'u64' if base.startswith('%rd') else 'u32')}"
        else:
            start = f"pointer({self.value(base, 'u64')})"
        return f"{start} + ({offset or 0})"

    def instruction(self, function: Function, line: int, operation: str, given: list[str]) -> str:
        name, *modifiers = operation.split(".")
        kind = modifiers[-1] if modifiers else ""
        space = next((part for part in modifiers if part in SPACES), "generic")
        if {"ftz", "sat", "approx", "full", "volatile"} & set(modifiers):
            raise self.unknown(line, operation)

        def put(register: str, value: str) -> str:
            return f"put({register[1:]}, {value});"

        def values(*kinds: str) -> str:
            return ", ".join(self.value(operand, each) for operand, each in zip(given[1:], kinds, strict=True))

        match name:
            case "ld":
                targets = given[0].strip("{}").split(",")
                start = self.address(function, given[1], space)
                loads = (put(target.strip(), f"load<{TYPES[kind]}>(from, {i})") for i, target in enumerate(targets))
                return f"const auto* from = aligned<{len(targets) * size_of(kind)}>({start}); {' '.join(loads)}"
            case "st":
                sources = given[1].strip("{}").split(",")
                start = self.address(function, given[0], space)
                stores = (
                    f"store<{TYPES[kind]}>(to, {i}, {self.value(source.strip(), kind)});"
                    for i, source in enumerate(sources)
                )
                return f"auto* to = aligned<{len(sources) * size_of(kind)}>({start}); {' '.join(stores)}"
            case "mov" if "{" in given[1]:
                low, high = given[1].strip("{}").split(",")
                half = f"b{8 * size_of(kind) // 2}"
                return put(given[0], f"joined({self.value(low.strip(), half)}, {self.value(high.strip(), half)})")
            case "mov" if "{" in given[0]:
                low, high = given[0].strip("{}").split(",")
                whole = self.value(given[1], f"b{8 * size_of(kind)}")
                return " ".join(
                    put(target.strip(), f"half_of({whole}, {i})")
                    for i, target in enumerate((low, high))
                    if target.strip() != "_"
                )
            case "mov":
                return put(given[0], self.value(given[1], kind))
            case "cvta":
                value = self.value(given[1], "u64")
                if "shared" not in modifiers:
                    return put(given[0], value)
                base = "reinterpret_cast<std::uint64_t>(shared)"
                return put(given[0], f"{value} - {base}" if "to" in modifiers else f"{value} + {base}")
            case "cvt" if modifiers == ["rna", "tf32", "f32"]:
                return put(given[0], f"emulated::to_tf32({self.value(given[1], 'f32')})")
            case "cvt":
                target, source = modifiers[-2:]
                rounding = next(
                    (part for part in modifiers if part in ("rn", "rz", "rni", "rzi", "rmi", "rpi")), "none"
                )
                if target == "f32" and source == "f64" and rounding != "rn":
                    raise self.unknown(line, operation)
                value = f"convert<{TYPES[target]}, Rounding::{rounding}>({self.value(given[1], source)})"
                return put(given[0], value)
            case "setp":
                return self.comparison(modifiers, given, line)
            case "selp":
                first, second = self.value(given[1], kind), self.value(given[2], kind)
                return put(given[0], f"{self.value(given[3], 'pred')} ? {first} : {second}")
            case "dp4a" if modifiers == ["s32", "s32"]:
                return put(given[0], f"__dp4a({values('s32', 's32', 's32')})")
            case "mma" if modifiers == ["sync", "aligned", "m16n8k8", "row", "col", "f32", "tf32", "tf32", "f32"]:
                return self.product(given)
            case "bra":
                return f"goto {label(given[0])};"
            case "ret":
                return "return;"
            case "call":
                return self.call(given, line)
            case "bar" if modifiers[0] == "sync" and given == ["0"]:
                return "emulated::meet_block(false, std::source_location::current());"
            case "bar" if modifiers == ["red", "or", "pred"] and given[1] == "0":
                predicate = self.value(given[2], "pred")
                return put(given[0], f"emulated::meet_block({predicate}, std::source_location::current())")
            case "bar" if modifiers == ["warp", "sync"]:
                return f"emulated::meet_warp({self.value(given[0], 'u32')}, std::source_location::current());"
            case "shfl" if modifiers[0] == "sync":
                target, _, predicate = given[0].partition("|")
                arguments = values("u32", "u32", "u32", "u32")
                code = f"const Shuffled got = shuffle<Shuffle::{modifiers[1]}>({arguments}); " + put(
                    target, "got.value"
                )
                return code + (put(predicate, "got.within") if predicate else "")
            case "vote" if modifiers[:2] == ["sync", "ballot"]:
                return put(given[0], f"__ballot_sync({self.value(given[2], 'u32')}, {self.value(given[1], 'pred')})")
            case "atom" | "red":
                if name == "red":
                    given = ["_", *given]
                how = next(part for part in modifiers if part in ("add", "min", "cas"))
                start = self.address(function, given[1], space)
                arguments = ", ".join(self.value(operand, kind) for operand in given[2:])
                code = f"atomic_{how}<{TYPES[kind]}>({start}, {arguments})"
                return f"{code};" if given[0] == "_" else put(given[0], code)
        return self.arithmetic(name, modifiers, given, line)

    def product(self, given: list[str]) -> str:
        targets, first, second, sums = (operand.strip("{}").replace(" ", "").split(",") for operand in given)
        arrays = [
            f"{name}[] = {{{', '.join(self.value(operand, 'f32') for operand in operands)}}};"
            for name, operands in (("const float first", first), ("const float second", second), ("float sums", sums))
        ]
        code = "emulated::multiply_tf32(first, second, sums, std::source_location::current());"
        puts = [f"put({target[1:]}, sums[{i}]);" for i, target in enumerate(targets)]
        return " ".join([*arrays, code, *puts])

    def arithmetic(self, name: str, modifiers: list[str], given: list[str], line: int) -> str:
        kind = modifiers[-1]
        key = f"{name}.{modifiers[0]}" if f"{name}.{modifiers[0]}" in ARITHMETIC else name
        if name == "mul" and kind.startswith("f"):
            function = "multiply"
        elif key in ARITHMETIC:
            function = ARITHMETIC[key]
        else:
            raise self.unknown(line, f"{name}.{'.'.join(modifiers)}")
        kinds = [kind] * (len(given) - 1)
        if name in ("shl", "shr"):
            kinds[1] = "u32"
        if name == "bfi":
            kinds[2:] = ["u32", "u32"]
        arguments = ", ".join(self.value(operand, each) for operand, each in zip(given[1:], kinds, strict=True))
        return f"put({given[0][1:]}, {function}({arguments}));"

    def comparison(self, modifiers: list[str], given: list[str], line: int) -> str:
        how, kind = modifiers[0], modifiers[-1]
        a, b = self.value(given[1], kind), self.value(given[2], kind)
        unordered = how.endswith("u") and how[:-1] in COMPARISONS
        if how in ("nan", "num"):
            code = f"{'' if how == 'nan' else '!'}std::isunordered({a}, {b})"
        elif how in COMPARISONS or unordered:
            code = f"{a} {COMPARISONS[how.removesuffix('u') if unordered else how]} {b}"
            if kind.startswith("f"):
                unorderable = f"std::isunordered({a}, {b})"
                code = f"{unorderable} || {code}" if unordered else f"!{unorderable} && {code}"
        else:
            raise self.unknown(line, "setp." + ".".join(modifiers))
        joined = {"and": "&&", "or": "||"}
        if len(modifiers) == 3:
            code = f"({code}) {joined[modifiers[1]]} {self.value(given[3], 'pred')}"
        return f"put({given[0][1:]}, {code});"

    def call(self, given: list[str], line: int) -> str:
        if given[0].startswith("(") or given[0] not in self.functions:
            raise self.unknown(line, "call " + ", ".join(given))
        callee = self.functions[given[0]]
        names = [name.strip() for name in given[1].strip("()").split(",")]
        copies = [
            f"std::memcpy(arguments + {offset}, {name}, {size});"
            for name, (offset, size) in zip(names, callee.parameters.values(), strict=True)
        ]
        room = f"alignas(8) std::byte arguments[{callee.parameter_bytes}];"
        return f"{room} {' '.join(copies)} {callee.name}(arguments, shared);"

    def cpp(self) -> str:
        signature = "static void {}(const std::byte* parameters, std::byte* shared)"
        parts = ['#include "machine.hpp"', ""]
        parts += [signature.format(name) + ";" for name in self.functions]
        table = []
        for function in self.functions.values():
            body = "\n".join(line for line in function.lines if line)
            known = f"constexpr unsigned {BEHIND_ALL} = {function.shared_bytes};"
            parts.append(f"{signature.format(function.name)} {{\n{known}\n{body}\n}}")
            if function.is_kernel:
                places = ", ".join(f"{{{offset}, {size}}}" for offset, size in function.parameters.values())
                table.append(
                    f'{{"{demangled(function.name)}", &{function.name}, {function.shared_bytes}, {{{places}}}}}'
                )
        parts.append(f"static const bool added = translated::add({{{', '.join(table)}}});")
        return "\n".join(parts) + "\n"


def label(name: str) -> str:
    return name.replace("$", "label_")


def registers(names: str) -> list[str]:
    """`%r<3>` stands for %r0, %r1 and %r2."""
    found = []
    for name in names.split(","):
        prefix, count = re.fullmatch(r"\s*%?(\w+)(?:<(\d+)>)?\s*", name).groups()
        found += [f"{prefix}{i}" for i in range(int(count))] if count else [prefix]
    return found


def demangled(name: str) -> str:
    return subprocess.run(["c++filt", name], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.write_text(Translator(source.read_text(), source.name).cpp())
