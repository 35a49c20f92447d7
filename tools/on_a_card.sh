#!/usr/bin/env bash
# For a machine with an NVIDIA card, CUDA 13, CMake, Ninja and a Python that has the extra `test`: builds for
# that card alone, and runs what needs one, in less than 8 minutes. What it measured is left in the folder given.
#   bash tools/on_a_card.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-build/card}
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)

step() { printf '\n== %s (%d s)\n' "$1" "$SECONDS"; }

step "build for $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)"
cmake -G Ninja -S . -B "$out" -DCMAKE_BUILD_TYPE=Release -DFACEPRINT_CUDA=ON -DFACEPRINT_TESTS=ON \
  -DFACEPRINT_PYTHON=ON -DCMAKE_CUDA_ARCHITECTURES="$capability-real"
cmake --build "$out"
rm -rf "$out/package"
mkdir "$out/package"
cp -r python/faceprint "$out/package/"
rm -f "$out"/package/faceprint/*.so
cp "$out"/python/bindings/*.so "$out/package/faceprint/"
export PYTHONPATH=$PWD/$out/package

step "the C++ tests"
ctest --test-dir "$out" --output-on-failure -R '^cuda'

if command -v compute-sanitizer >/dev/null; then
  for tool in memcheck racecheck initcheck synccheck; do
    step "compute-sanitizer: $tool"
    status=0
    timeout 60 compute-sanitizer --tool "$tool" --error-exitcode 1 "$out/tests/cuda/test_cuda" >"$out/$tool.log" ||
      status=$?
    if [ $status -eq 124 ]; then
      echo "unfinished after a minute"
    elif [ $status -ne 0 ]; then
      tail -n 40 "$out/$tool.log"
      exit 1
    fi
  done
else
  echo "compute-sanitizer is not here"
fi

step "the Python tests"
python -m pytest -q -m cuda

step "speed"
python -m faceprint bench --device cuda --json >"$out/bench.json"
FACEPRINT_BACKEND=cuda python -m faceprint info --json >"$out/info.json"
python bench/python/card.py --out "$out/card.json"
step "done; $out/bench.json and $out/card.json hold the times"
