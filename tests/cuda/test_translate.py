"""What is translated from PTX, and that nothing unknown is; and the table of docs/cuda.md that is derived."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = ".version 9.0\n.target sm_75\n.address_size 64\n\n.visible .entry kernel(\n\t.param .u64 kernel_param_0\n)\n{\n"


def translate():
    spec = importlib.util.spec_from_file_location("translate", ROOT / "tests/cuda/ptx/translate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["translate"] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def cpp_of(body: str) -> str:
    return translate().Translator(HEAD + body + "\n\tret;\n}\n", "made.ptx").cpp()


@pytest.mark.parametrize(
    ("ptx", "cpp"),
    [
        (
            "fma.rn.f32 \t%f1, %f2, %f3, 0f3F800000;",
            "put(f1, std::fma(as<float>(f2), as<float>(f3), std::bit_cast<float>",
        ),
        (
            "setp.geu.f32 \t%p1, %f1, %f2;",
            "put(p1, std::isunordered(as<float>(f1), as<float>(f2)) || as<float>(f1) >= ",
        ),
        ("@!%p1 bra \t$L__BB0_2;\n$L__BB0_2:", "if (!p1) { goto label_L__BB0_2; }"),
        ("ld.global.v2.f32 \t{%f1, %f2}, [%rd1+8];", "aligned<8>(pointer(as<std::uint64_t>(rd1)) + (8))"),
        ("mov.u32 \t%r1, %tid.x;", "put(r1, as<std::uint32_t>(threadIdx.x));"),
        ("cvt.rna.tf32.f32 %r1, %f1;", "put(r1, emulated::to_tf32(as<float>(f1)));"),
        (
            "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
            "{%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};",
            "const float second[] = {as<float>(r5), as<float>(r6)};",
        ),
        ("mov.b64 \t%rd1, kernel_param_0;", "put(rd1, reinterpret_cast<std::uint64_t>(parameters + 0));"),
        ("ld.param.u32 \t%r1, [%rd1+4];", "aligned<4>(pointer(as<std::uint64_t>(rd1)) + (4))"),
        ("bar.sync \t0;", "emulated::meet_block(false, std::source_location::current());"),
    ],
)
def test_instructions_become_cpp(ptx: str, cpp: str):
    assert cpp in cpp_of(ptx)


@pytest.mark.parametrize(
    "ptx",
    [
        "wmma.load %r1;",
        "add.ftz.f32 %f1, %f2, %f3;",
        "ex2.approx.f32 %f1, %f2;",
        "bar.sync 1;",
        "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%f1}, {%r1}, {%r2}, {%f1};",
        "cvt.rz.f32.f64 %f1, %fd1;",
    ],
)
def test_unknown_instructions_are_errors(ptx: str):
    with pytest.raises(ValueError, match=r"made.ptx:9: unknown PTX: "):
        cpp_of(ptx)


def test_the_table_of_the_manual_is_what_is_derived():
    table = subprocess.run(
        [sys.executable, ROOT / "bench/python/roofline.py"], capture_output=True, text=True, check=True
    ).stdout
    assert table in (ROOT / "docs/cuda.md").read_text()
