#!/usr/bin/env bash
# `striate train digits` and the same network and recipe in PyTorch, in turn, on the same machine.
#   bench/digits.sh [ROUNDS]      PYTHON=... names an interpreter with torch; default: a virtual environment under target/
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
python=${PYTHON:-target/bench-venv/bin/python}
if [ ! -x "$python" ]; then
  echo "making a virtual environment with PyTorch in target/bench-venv (several GB)" >&2
  python3 -m venv target/bench-venv
  target/bench-venv/bin/pip install --quiet torch numpy
fi
cargo build --release --quiet
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export STRIATE_HOME=$home
for ((round = 0; round < rounds; round++)); do
  start=$(date +%s.%N)
  "${CARGO_TARGET_DIR:-target}/release/striate" train digits --seed "$round" --json | tail -n 1
  awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "striate wall seconds %.2f\n", b - a }'
  "$python" bench/digits_torch.py data/mnist --seed "$round"
  "$python" bench/digits_torch.py data/mnist --seed "$round" --channels-last
  MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=-1 MALLOC_TOP_PAD_=268435456 \
    "$python" bench/digits_torch.py data/mnist --seed "$round" --channels-last
done
