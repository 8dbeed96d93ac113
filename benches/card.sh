#!/usr/bin/env bash
# All that only an NVIDIA card can show of the executor cuda: equal digests, compute-sanitizer, times. Raw logs go to
# benches/results/CARD-DATE/. The float baselines are compare.py's.
#
#   benches/card.sh [path of the built intformer]
#
# MODELS, BATCHES and RUNS change what is run. It goes on after a failure, and ends with how many there were.
set -u
cd "$(dirname "$0")/.."
intformer=$(realpath "${1:-target/release/intformer}")
models=${MODELS:-swin-t swin-s swin-b}
batches=${BATCHES:-1,8,32,64}
runs=${RUNS:-50}

[ -x "$intformer" ] || { echo "expected the built command, found no $intformer: cargo build --release -p intformer-native" >&2; exit 2; }
card=$(nvidia-smi --query-gpu=name --format=csv,noheader --id=0 2>/dev/null) || { echo "expected an NVIDIA driver (nvidia-smi), found none" >&2; exit 3; }
out=benches/results/$(echo "$card" | tr 'A-Z' 'a-z' | tr -cs 'a-z0-9' '-' | sed 's/^-//; s/-$//')-$(date +%F)
mkdir -p "$out"
nvidia-smi -q > "$out/card.log"

failed=0
run() {
    local log=$out/${1//\//-}.log
    shift
    echo "== $*"
    if "$@" > "$log" 2> "$log.errors"; then
        tail -n 3 "$log"
    else
        echo "FAILED with $?: $log, $log.errors"
        failed=$((failed + 1))
    fi
}

# Digests: the shipped models on every executor; larger ones against the executor cpu, at batches 1, 2, 7 and 32.
for model in glyphs glyphs-gelu; do
    run "verify-$model" "$intformer" verify "models/$model.safetensors" --random 30
done
for model in $models; do
    run "verify-$model-1" "$intformer" verify "$model" --image models/samples/A.png --executor cpu,cuda
    for random in 0 5 30; do
        run "verify-$model-$((random + 2))" "$intformer" verify "$model" --random "$random" --executor cpu,cuda
    done
    run "verify-$model-wgpu" "$intformer" verify "$model" --random 0 --executor cuda,wgpu
done

if command -v compute-sanitizer > /dev/null; then
    for tool in memcheck racecheck synccheck initcheck; do
        run "sanitizer-$tool" compute-sanitizer --tool "$tool" --error-exitcode 1 \
            "$intformer" verify models/glyphs-gelu.safetensors --executor reference,cuda
    done
else
    echo "NOT RUN: compute-sanitizer is not installed"
fi

for model in $models; do
    run "bench-$model" "$intformer" bench "$model" --executor cuda,wgpu --batch "$batches" --runs "$runs" --json
    run "by-op-$model" "$intformer" bench "$model" --executor cuda --batch "$batches" --runs "$runs" --by-op
    run "activations-$model" "$intformer" bench "$model" --executor cuda --batch "$batches" --runs "$runs" \
        --compare-activations --json
done

echo "logs in $out, $failed failed"
[ "$failed" -eq 0 ]
