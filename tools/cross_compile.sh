#!/usr/bin/env bash
# Compiles and links the core, its tests and the Python module for macOS and Windows, warnings being errors, where there
# is no such machine: by zig, which brings clang, libc++ and the headers of both systems, those of MinGW for Windows.
# Nothing of it is run. On two cores it takes a quarter of an hour.
#   bash tools/cross_compile.sh [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1
[ $# -gt 0 ] || set -- aarch64-macos.11.0 x86_64-macos.11.0 x86_64-windows-gnu aarch64-windows-gnu

step() { printf '\n== %s (after %d min)\n' "$1" $((SECONDS / 60)); }

python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet cmake ninja pybind11 ziglang==0.17.1
export PATH="$work/tools/bin:$PATH"
headers=$(python -c 'import sysconfig; print(sysconfig.get_path("include"))')
library=$work/lib$(basename "$headers").a # CMake wants the version in its name
cp -rL "$headers" "$work/windows"
# What Python's own pyconfig.h for Windows says, of which its other headers ask.
cat >"$work/windows/pyconfig.h" <<'HEADER'
#define MS_WINDOWS
#define MS_WIN64
#define NT_THREADS
#define HAVE_DECLSPEC_DLL
#define Py_ENABLE_SHARED
#define HAVE_PY_SSIZE_T
#define PY_SSIZE_T_MAX LLONG_MAX
#define SIZEOF_SHORT 2
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_VOID_P 8
#define SIZEOF_WCHAR_T 2
#define SIZEOF_TIME_T 8
#define ALIGNOF_SIZE_T 8
typedef long long Py_ssize_t;
HEADER
# Python's library there, as far as a linker sees it: every name in the headers.
(printf 'LIBRARY python.dll\nEXPORTS\n' && grep -rohE '\b_?Py[A-Za-z0-9_]+' "$work/windows" | sort -u) >"$work/python.def"

build() {
  cmake -G Ninja -S . -B "$work/$1" "${options[@]}" -DCMAKE_C_COMPILER="$work/cc" -DCMAKE_CXX_COMPILER="$work/c++" \
    -DCMAKE_AR="$work/ar" -DCMAKE_RANLIB="$work/ranlib" -DCMAKE_STRIP=true -DFACEPRINT_WERROR=ON "${@:2}"
  cmake --build "$work/$1"
  rm -r "${work:?}/$1"
}

for target in "$@"; do
  for kind in cc c++; do # zig makes no bundles, which macOS has for modules
    printf '#!/bin/bash\nexec "%s" -m ziglang %s -target %s "${@/#-bundle/-dynamiclib}"\n' \
      "$work/tools/bin/python" $kind "$target" >"$work/$kind"
  done
  for kind in ar ranlib; do
    printf '#!/bin/sh\nexec "%s" -m ziglang %s "$@"\n' "$work/tools/bin/python" $kind >"$work/$kind"
  done
  chmod +x "$work"/{cc,c++,ar,ranlib}
  case $target in
    *-macos*) options=(-DCMAKE_SYSTEM_NAME=Darwin -DCMAKE_INSTALL_NAME_TOOL=true) ;;
    *)
      case $target in aarch64-*) machine=arm64 ;; *) machine=i386:x86-64 ;; esac
      python -m ziglang dlltool -d "$work/python.def" -l "$library" -m $machine
      "$work/ar" rcs "$work/libdl.a" # an empty one, for the Python of this machine asks for it
      options=(-DCMAKE_SYSTEM_NAME=Windows -DPython_INCLUDE_DIR="$work/windows" -DPython_LIBRARY="$library"
        -DCMAKE_MODULE_LINKER_FLAGS="-L$work")
      ;;
  esac
  step "$target: the core, static, its tests and the Python module"
  build static -DFACEPRINT_TESTS=ON -DFACEPRINT_PYTHON=ON -DPython_EXECUTABLE="$work/tools/bin/python"
  case $target in
    *-macos*)
      step "$target: the core, shared"
      build shared -DBUILD_SHARED_LIBS=ON
      ;;
  esac
done
step "all of it compiles; nothing was run"
