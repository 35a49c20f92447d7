"""The page that bench/report.py makes of measurements."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

REPORT = Path(__file__).parents[2] / "bench" / "report.py"
MACHINE = {"cpu": "A", "cpus": 2, "caches": {"L1": "32K"}, "memory_bytes": 10**9, "system": "Linux", "python": "3.11"}
CEILINGS = {
    "fma_kernel": "avx2",
    "int8_kernel": "avx2",
    **{name: {"one": 1e11, "all": 1e11} for name in ("fma_flops", "int8_ops", "read_bytes")},
    "sgemm": {"kernel": "unknown", "default": 1e11},
}
FULL = {"name": "faceprint full", "exact": True, "seconds": 0.02, "rounds": [0.03, 0.02, 0.015], "share_of_limit": 0.6}
AUTO = {"name": "faceprint", "exact": True, "seconds": 0.01, "rounds": [0.01], "share_of_limit": None}


def page_of(tmp_path, **more):
    results = {
        "machine": {**MACHINE, "numpy": "2", "faceprint": "0", "backend": "avx2"},
        "ceilings": CEILINGS,
        "settings": {"threads": 1, "depth": 128},
        "peers": {},
        "missing": {"faiss": "not installed"},
        "workloads": {},
        **more,
    }
    path = tmp_path / "some.json"
    path.write_text(json.dumps(results))
    subprocess.run([sys.executable, REPORT, path], check=True, capture_output=True)
    return path.with_suffix(".md").read_text()


def workload(*contestants):
    return {"rows": 1000, "depth": 128, "queries": 1, "k": 10, "contestants": contestants}


@pytest.mark.parametrize("more", [{}, {"share_of_limit_best_round": 0.8}])
def test_a_share_is_told_of_the_median_and_of_the_best_round(tmp_path, more):
    page = page_of(tmp_path, workloads={"one": workload({**FULL, **more}, AUTO)})
    assert (
        "| 1 query | faceprint full | share of the machine's limit | 0.95 | 0.60 (best round 0.80) | **missed** |"
        in page
    )
    assert "| faceprint full | 20.000 | 2.00 | 1.00 | 0.60 |  |  | 3 |  |" in page


def test_parts_of_a_run_make_a_page(tmp_path):
    only_memory = page_of(tmp_path, memory=[{"call": "within", "rows": 200_000, "extra_bytes": 3_000_000}])
    assert "| any | faceprint | memory beyond gallery and outputs, at most | 64 MB | 3.0 MB | met |" in only_memory
    assert "| within | 200,000 | 3.0 |" in only_memory
    only_join = page_of(tmp_path, workloads={"self-join": workload({**AUTO, "share_of_limit": 0.9})})
    assert "| self-join | faceprint | times as fast as faiss Flat | 1.9 |  | not run |" in only_join
