#!/usr/bin/env bash
# Everything that is to be measured on a GPU, one table after another; about twenty minutes.
# Usage: bash benchmarks/gpu.sh OUT [DEVICE] [FP32 TF32 BF16 BANDWIDTH]
# The last four are the device's own figures, 10^12 operations and bytes a second; the defaults are
# those of an H200 (dense, without structured sparsity).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?where results go}
device=${2:-cuda}
fp32=${3:-67} tf32=${4:-495} bf16=${5:-989} bandwidth=${6:-4.8}
python=${PYTHON:-python3}
steps=${STEPS:-400} large=${LARGE_STEPS:-40} repeats=${REPEATS:-5}
mkdir -p "$out"

"$python" -m ltspec backends | tee "$out/backends.txt"
for precision in float32 tf32 bf16; do
  case $precision in float32) peak=$fp32 ;; tf32) peak=$tf32 ;; *) peak=$bf16 ;; esac
  for network in resnet20 vgg16 resnet50; do
    count=$steps
    [ "$network" = resnet50 ] && count=$large
    "$python" benchmarks/training_steps.py --device "$device" --network "$network" \
      --precision "$precision" --steps "$count" --repeats "$repeats" \
      --peak "$peak" --bandwidth "$bandwidth" --json "$out/steps-$network-$precision.json"
  done
done
"$python" benchmarks/side_by_side.py --device "$device" --processes 1 2 4 8 16 \
  --steps "$steps" --repeats 3 --json "$out/side-by-side.json"
"$python" benchmarks/side_by_side.py --device "$device" --processes 1 \
  --steps "$steps" --repeats "$repeats" --json "$out/deterministic.json"
"$python" benchmarks/side_by_side.py --device "$device" --processes 1 --no-deterministic \
  --steps "$steps" --repeats "$repeats" --json "$out/free.json"
