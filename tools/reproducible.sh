#!/usr/bin/env bash
# Builds the sdist and a wheel of it twice, from two folders and with other modes and times of files, and fails where a
# byte differs.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
commit=$(git rev-parse HEAD)
export PIP_DISABLE_PIP_VERSION_CHECK=1 SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")

python3 -m venv "$work/tools"
"$work/tools/bin/pip" install --quiet build
build() { # UMASK FOLDER
  umask "$1"
  mkdir -p "$2"
  git archive "$commit" | tar -x --touch -C "$2"
  "$work/tools/bin/python" -m build --outdir "$2/dist" "$2"
}
(build 022 "$work/first")
(build 077 "$work/second/elsewhere")

for first in "$work"/first/dist/*; do
  sha256sum "$first" | sed "s#$work/##"
  cmp "$first" "$work/second/elsewhere/dist/${first##*/}"
done
