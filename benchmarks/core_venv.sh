#!/usr/bin/env bash
# Verifies a bundle in a fresh environment that holds the core alone: requirements/core.txt, with hashes, and the
# wheel without its extras. Needs the package index, and a workspace that was applied.
#
#   benchmarks/core_venv.sh [WORKSPACE]        (default: specs/demo)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
space=${1:-specs/demo}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seconds() { echo "$1: $(( ($(date +%s%N) - $2) / 1000000 )) ms"; }

.venv/bin/bigcode bundle "$space" --output "$work/bundle"
.venv/bin/python -m build --wheel --no-isolation --outdir "$work" . >"$work/build.log"

started=$(date +%s%N)
.venv/bin/python -m venv "$work/venv"
"$work/venv/bin/python" -m pip -qq --disable-pip-version-check install --require-hashes -r requirements/core.txt
"$work/venv/bin/python" -m pip -qq --disable-pip-version-check install --no-deps "$work"/bigcode-*.whl
seconds 'installed the core' "$started"
"$work/venv/bin/python" -m pip --disable-pip-version-check list --format freeze | tr '\n' ' '
echo
du -sh "$work/venv" | sed 's/\t.*//;s/^/size: /'

cd "$work"
for package in torch dask distributed transformers mlflow datasketch numpy pandas; do
  if venv/bin/python -c "import $package" 2>/dev/null; then echo "$package is here, and should not be" >&2; exit 1; fi
done
started=$(date +%s%N)
venv/bin/bigcode verify bundle
seconds 'verified' "$started"
