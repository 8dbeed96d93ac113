#!/usr/bin/env bash
# All that only an NVIDIA card can show of the executor cuda: equal digests, compute-sanitizer, times. The float baselines
# are compare.py's.
#
#   benches/card.sh [the built intformer] [part ...]
#
# Parts: tests digests sanitizer bench wgpu. Without any, all. Raw logs go to benches/results/CARD-DATE/. It goes on after
# a failure, and ends with how many there were. From the environment:
#
#   MODELS, BATCHES, RUNS   what is measured
#   TESTS                   the built programs of the tests kernels, comparison, cuda and equality; else cargo builds them
#   OUT                     another folder for the logs
set -u
given=${1:+$(realpath -m "$1")}
shift $(($# > 0 ? 1 : 0))
all="tests digests sanitizer bench wgpu"
parts=${*:-$all}
for part in $parts; do
    [[ " $all " == *" $part "* ]] || { echo "expected some of $all, found $part" >&2; exit 2; }
done
tests=()
for test in ${TESTS:-}; do tests+=("$(realpath -m "$test")"); done
out=${OUT:+$(realpath -m "$OUT")}
cd "$(dirname "$0")/.."
intformer=${given:-$PWD/target/release/intformer}
models=${MODELS-swin-t swin-s swin-b}
batches=${BATCHES:-1,8,32,64}
runs=${RUNS:-50}

[ -x "$intformer" ] || { echo "expected the built command, found no $intformer: cargo build --release -p intformer-native" >&2; exit 2; }
# CUDA counts the fastest card first unless told otherwise; nvidia-smi counts as here.
export CUDA_DEVICE_ORDER=PCI_BUS_ID
device=${CUDA_VISIBLE_DEVICES:-0}
card=$(nvidia-smi --query-gpu=name --format=csv,noheader --id="${device%%,*}" 2>/dev/null) || { echo "expected an NVIDIA driver (nvidia-smi), found none" >&2; exit 3; }
out=${out:-benches/results/$(echo "$card" | tr 'A-Z' 'a-z' | tr -cs 'a-z0-9' '-' | sed 's/^-//; s/-$//')-$(date +%F)}
mkdir -p "$out"
nvidia-smi -q > "$out/card.log"

failed=0
run() {
    local name=${1//\//-} start=$SECONDS
    local log=$out/$name.log
    shift
    if "$@" > "$log" 2> "$log.errors"; then
        [ -s "$log.errors" ] || rm "$log.errors"
        echo "passed  $name  $((SECONDS - start)) s"
        tail -n 3 "$log" | cut -c 1-200
    else
        echo "FAILED  $name with $?: $log, $log.errors"
        failed=$((failed + 1))
    fi
}
asked() { [[ " $parts " == *" $1 "* ]]; }

# Every variant of every kernel against its twin, whole models against the reference: by machine code of NVRTC, and by the
# driver's from PTX. Never on the emulator.
if asked tests; then
    test_run() {
        local kernels=$1
        shift
        run "test-$kernels-$(basename "$1")" env "${environment[@]}" "$@"
    }
    for kernels in compiled built-in; do
        environment=(INTFORMER_CUDA=card INTFORMER_ALLOW_NO_ADAPTER=1 "INTFORMER_KERNELS=$kernels")
        # It would stand for PTX of the sources.
        [ "$kernels" = compiled ] || environment=(-u INTFORMER_NVRTC "${environment[@]}")
        if [ ${#tests[@]} -gt 0 ]; then
            for test in "${tests[@]}"; do
                case $(basename "$test") in
                    equality*) test_run "$kernels" "$test" cuda ;;
                    *) test_run "$kernels" "$test" ;;
                esac
            done
        elif command -v cargo > /dev/null; then
            test_run "$kernels" cargo test --release -p intformer-tests --no-default-features --features cuda,comparison \
                --test kernels --test comparison --test cuda --test equality
        else
            echo "NOT RUN: tests: TESTS names no built programs, and there is no cargo"
            break
        fi
    done
fi

# The shipped models against the reference; larger ones against the executor cpu, at batches 1, 2, 7 and 32.
if asked digests; then
    for model in glyphs glyphs-gelu; do
        run "verify-$model" "$intformer" verify "models/$model.safetensors" --random 30 --executor reference,cpu,cuda
        # No such compiler: built-in PTX.
        run "verify-$model-ptx" env INTFORMER_NVRTC=none "$intformer" verify "models/$model.safetensors" --executor cpu,cuda
    done
    for model in $models; do
        run "verify-$model-1" "$intformer" verify "$model" --image models/samples/A.png --executor cpu,cuda
        for random in 0 5 30; do
            run "verify-$model-$((random + 2))" "$intformer" verify "$model" --random "$random" --executor cpu,cuda
        done
    done
fi

if asked sanitizer; then
    if command -v compute-sanitizer > /dev/null; then
        for tool in memcheck racecheck synccheck initcheck; do
            run "sanitizer-$tool" compute-sanitizer --tool "$tool" --error-exitcode 1 \
                "$intformer" verify models/glyphs-gelu.safetensors --executor reference,cuda
        done
    else
        echo "NOT RUN: sanitizer: compute-sanitizer is not installed"
    fi
fi

if asked bench; then
    for model in $models; do
        run "bench-$model" "$intformer" bench "$model" --executor cuda --batch "$batches" --runs "$runs"
        # Each operation's time is the least of averages by itself.
        run "by-op-$model" "$intformer" bench "$model" --executor cuda --batch "$batches" --runs 3 --by-op
        run "activations-$model" "$intformer" bench "$model" --executor cuda --batch "$batches" --runs "$runs" \
            --compare-activations
    done
fi

# The same card through Vulkan; which adapter that is, the logs say.
if asked wgpu; then
    probe=("$intformer" bench models/glyphs.safetensors --executor wgpu --adapter hardware --batch 1 --runs 1)
    sentence=$("${probe[@]}" 2>&1 > /dev/null)
    case $? in
        0)
            for model in $models; do
                run "verify-$model-wgpu" "$intformer" verify "$model" --random 0 --executor cuda,wgpu --adapter hardware
                run "bench-$model-wgpu" "$intformer" bench "$model" --executor wgpu --adapter hardware --batch "$batches" \
                    --runs "$runs"
            done
            ;;
        3) echo "NOT RUN: wgpu: $(echo "$sentence" | tail -n 1)" ;;
        *) run "probe-wgpu" "${probe[@]}" ;;
    esac
fi

echo "logs in $out, $failed failed"
[ "$failed" -eq 0 ]
