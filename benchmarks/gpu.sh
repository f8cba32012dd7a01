#!/usr/bin/env bash
# Everything that is to be measured on a GPU, one table after another.
# Usage: bash benchmarks/gpu.sh OUT [DEVICE] [FP32 TF32 BF16 BANDWIDTH]
# The last four are the device's own figures, 10^12 operations and bytes a second; the defaults are
# those of an H200 (dense, without structured sparsity).
# In the environment:
#   PARTS      what is measured, of: steps side runs (all of them)
#   BACKEND    torch or tensorflow
#   NETWORKS PRECISIONS          of the comparisons with hand-written loops
#   STEPS LARGE_STEPS REPEATS    of those, the second of ResNet-50
#   DURATION LEVELS              of the whole runs on CIFAR-10: 160ep and 15; 100it is the least
#   LTSPEC_DATA                  has cifar10/ for them (docs/data.md)
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?where results go}
device=${2:-cuda}
fp32=${3:-67} tf32=${4:-495} bf16=${5:-989} bandwidth=${6:-4.8}
python=${PYTHON:-python3} backend=${BACKEND:-torch} parts=${PARTS:-steps side runs}
steps=${STEPS:-400} large=${LARGE_STEPS:-40} repeats=${REPEATS:-5}
duration=${DURATION:-160ep} levels=${LEVELS:-15}
networks=${NETWORKS:-lenet resnet20 vgg16 resnet50} precisions=${PRECISIONS:-float32 tf32 bf16}
mkdir -p "$out"

# Each network and precision twice: deterministic, as a run is, and free to choose, as the
# hand-written loop always is.
measure_steps() {
  local precision peak network count
  for precision in $precisions; do
    case $precision in float32) peak=$fp32 ;; tf32) peak=$tf32 ;; *) peak=$bf16 ;; esac
    for network in $networks; do
      count=$steps
      [ "$network" = resnet50 ] && count=$large
      # There is no hand-written ResNet-50 for TensorFlow.
      [ "$network $backend" = "resnet50 tensorflow" ] && continue
      local call=("$python" benchmarks/training_steps.py --backend "$backend" --device "$device"
        --network "$network" --precision "$precision" --steps "$count" --repeats "$repeats"
        --peak "$peak" --bandwidth "$bandwidth")
      echo "== $network, $precision, deterministic"
      "${call[@]}" --json "$out/steps-$network-$precision.json"
      echo "== $network, $precision, free"
      "${call[@]}" --no-deterministic --json "$out/steps-$network-$precision-free.json"
    done
  done
}

measure_side_by_side() {
  local call=("$python" benchmarks/side_by_side.py --backend "$backend" --device "$device"
    --steps "$steps")
  "${call[@]}" --processes 1 2 4 8 16 --repeats 3 --json "$out/side-by-side.json"
  "${call[@]}" --processes 1 --repeats "$repeats" --json "$out/deterministic.json"
  "${call[@]}" --processes 1 --repeats "$repeats" --no-deterministic --json "$out/free.json"
}

# Usage: lottery NAME SPEC ARGUMENTS...; the wall-clock time of a whole `ltspec run` in a new store.
lottery() {
  local name=$1 spec=$2 began ended
  shift 2
  rm -rf "$out/store-$name"
  began=$(date +%s.%N)
  "$python" -m ltspec run "$spec" --backend "$backend" --device "$device" \
    --store "$out/store-$name" --set replicates=1 --set 'branches={}' \
    --set "train.duration=$duration" "$@" | tee "$out/run-$name.txt"
  ended=$(date +%s.%N)
  awk -v name="$name" -v duration="$duration" -v began="$began" -v ended="$ended" 'BEGIN {
    printf "{\"run\": \"%s\", \"duration\": \"%s\", \"seconds\": %.1f}\n", name, duration, ended - began
  }' | tee "$out/run-$name.json"
  rm -rf "$out/store-$name"
}

measure_runs() {
  if [ ! -d "${LTSPEC_DATA:-}/cifar10" ]; then
    echo "no cifar10/ in LTSPEC_DATA (${LTSPEC_DATA:-not set}): whole runs are left out"
    return
  fi
  local drops='train.lr_schedule={name: step, drops: [50%, 75%], factor: 0.1}'
  local warm='train.lr_schedule={name: step, drops: [50%, 75%], factor: 0.1, warmup: 48%}'
  local resnet20=examples/resnet20_cifar10.yaml
  # One level from step 0: two trainings of that duration.
  lottery resnet20-two "$resnet20" --set "$drops" --set prune.schedule.levels=1 \
    --set prune.rewind.to=0it
  lottery resnet20-imp "$resnet20" --set "$drops" --set "prune.schedule.levels=$levels" \
    --set prune.rewind.to=3%
  lottery resnet20-imp-side "$resnet20" --set "$drops" --set "prune.schedule.levels=$levels" \
    --set prune.rewind.to=3% --set replicates=3 --side-by-side 3
  lottery vgg16-two examples/vgg16_cifar10.yaml --set "$warm" --set prune.schedule.levels=1
}

"$python" -m ltspec backends | tee "$out/backends.txt"
for part in $parts; do
  case $part in
    steps) measure_steps ;;
    side) measure_side_by_side ;;
    runs) measure_runs ;;
    *) echo "no such part: $part" >&2 && exit 2 ;;
  esac
done
