#!/usr/bin/env bash
# End-to-end tests of the program as a user runs it: tests/cli/run.sh build/milliwatt
# Each case is a command, the exit status it must have, and text that must stand in what it prints.
set -u
cd "$(dirname "$0")/../.."
mw=$(realpath "${1:-build/milliwatt}")
model=examples/digits/model.h5
data=examples/digits/digits.npz
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# expect NAME STATUS TEXT COMMAND...: TEXT is a fixed string in stdout or stderr ('' for any). What fails must say why
# on stderr.
expect() {
  local name=$1 want=$2 text=$3
  shift 3
  "$@" >"$tmp/stdout" 2>"$tmp/stderr" </dev/null
  local got=$?
  if [ $got -ne "$want" ]; then
    echo "FAILED $name: exit $got, wanted $want"
  elif [ $got -ne 0 ] && ! grep -qE '^milliwatt: .{3,}|^usage: ' "$tmp/stderr" "$tmp/stdout"; then
    echo "FAILED $name: exit $got without a word"
  elif [ -n "$text" ] && ! cat "$tmp/stdout" "$tmp/stderr" | grep -qF -- "$text"; then
    echo "FAILED $name: no '$text' in what it printed"
  else
    passed=$((passed + 1))
    return
  fi
  failed=$((failed + 1))
  sed 's/^/    /' "$tmp/stdout" "$tmp/stderr" | head -8
}
# The value of a key at the top of a JSON receipt.
field() { sed -n "s/^  \"$2\": \([^,]*\),*\$/\1/p" "$1"; }
# check NAME CONDITION...: an arithmetic or test command that must hold.
check() {
  local name=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $name: $*"; fi
}
at_least() { awk -v a="${1:-nan}" -v b="$2" 'BEGIN { exit !(a + 0 >= b + 0 && a != "nan" && a != "") }'; }

# ---- help and mistakes ----
expect 'help' 0 'usage: milliwatt COMMAND' "$mw" --help
expect 'no command' 2 'usage' "$mw"
expect 'unknown command' 2 "no command 'fly'" "$mw" fly
for c in info optimize quantize prune cluster train run eval bench list; do
  expect "$c --help" 0 'example:' "$mw" $c --help
  expect "$c unknown option" 2 "no option '--wings'" "$mw" $c --wings
done
expect 'info without a model' 2 'usage' "$mw" info
expect 'a file that is not there' 1 'nothing.tflite: No such file' "$mw" info nothing.tflite
expect 'a folder' 1 'not a regular file' "$mw" info examples
echo 'hello' >"$tmp/text.tflite"
expect 'not a model' 1 'not a .tflite, .h5 or .keras file' "$mw" info "$tmp/text.tflite"
expect 'quantize without -o' 2 'add -o' "$mw" quantize $model
expect 'quantize a wrong scheme' 2 "--scheme 'int3'" "$mw" quantize $model -o "$tmp/x.tflite" --scheme int3
expect 'quantize without calibration' 1 'calibrat' "$mw" quantize $model -o "$tmp/x.tflite"
expect 'quantize to a wrong suffix' 1 '.tflite or .h5' "$mw" quantize $model -o "$tmp/x.bin" --scheme dynamic
expect 'quantize --keep that matches nothing' 1 'nosuchlayer' "$mw" quantize $model -o "$tmp/x.tflite" --calibrate $data --scale 1/16 --keep nosuchlayer
check 'a failure writes nothing' test ! -e "$tmp/x.tflite"
expect 'eval without data' 2 'add --data' "$mw" eval $model
expect 'eval with a bad scale' 2 'a number other than 0' "$mw" eval $model --data $data --scale 1/0
expect 'eval with data that do not fit' 1 'wants [?,8,8,1]' "$mw" eval $model --data tests/cli/two_columns.csv
expect 'run without a way' 2 'give either' "$mw" run $model --output "$tmp/out"
expect 'list of nothing' 1 "no table 'birds'" "$mw" list birds

# ---- options: ranges, values that are missing, and what would do nothing ----
for c in run bench eval; do
  case $c in run) more="--data $data --output $tmp/o" ;; eval) more="--data $data" ;; *) more= ;; esac
  for b in 0 65537 9223372036854775808 1152921504606846977 99999999999999999999 -1 1.5; do
    # shellcheck disable=SC2086
    expect "$c --batch $b" 2 '--batch takes a whole number from 1 to 65536' "$mw" $c $model $more --batch=$b
  done
  for t in 0 257 4294967297 -1; do
    # shellcheck disable=SC2086
    expect "$c --threads $t" 2 '--threads takes a whole number from 1 to 256' "$mw" $c $model $more --threads $t
  done
done
for s in nan inf 0 -1 1e300; do
  expect "bench --seconds $s" 2 '--seconds takes a number' "$mw" bench $model --seconds $s
done
expect 'bench --runs 0' 2 '--runs takes a whole number from 1' "$mw" bench $model --runs 0
expect 'eval --scale 0' 2 'a number other than 0' "$mw" eval $model --data $data --scale 0
expect 'eval --samples 0' 2 '--samples takes a whole number' "$mw" eval $model --data $data --samples 0
expect 'run --random --batch' 2 '--batch does nothing without --data' "$mw" run $model --random --batch 7 --output "$tmp/o"
expect 'run --seed without --random' 2 '--seed does nothing without --random' "$mw" run $model --data $data --seed 7 --output "$tmp/o"
expect 'run --random --next' 2 '--next does nothing without --input' "$mw" run $model --random --next --output "$tmp/o"
expect 'run --random --data' 2 'exclude each other' "$mw" run $model --random --data $data --output "$tmp/o"
expect 'run with too few inputs' 2 'an invocation without --input' "$mw" run $model --input tests/cli/two_images.npy --next --output "$tmp/o"
for o in '--split x' '--scale 7' '--offset 1' '--samples 3'; do
  # shellcheck disable=SC2086
  expect "quantize $o without --calibrate" 2 'does nothing without --calibrate' "$mw" quantize $model -o "$tmp/x.tflite" --scheme dynamic $o
done
expect 'a method that would do nothing' 1 'would do nothing' "$mw" quantize $model -o "$tmp/x.tflite" --scheme dynamic --method entropy
expect 'a percentile that would do nothing' 1 'would do nothing' "$mw" quantize $model -o "$tmp/x.tflite" --calibrate $data --scale 1/16 --method mse --percentile 99
expect 'a percentile without a method' 2 'does nothing without --method' "$mw" quantize $model -o "$tmp/x.tflite" --calibrate $data --percentile 99
expect 'an option for a value' 2 "'--scale' is an option" "$mw" quantize $model -o "$tmp/x.tflite" --calibrate $data --keep --scale 1/16
expect 'an option twice' 2 '--data is given twice' "$mw" eval $model --data $data --data $data
expect 'an empty value' 2 "--output takes DIR" "$mw" run $model --random --output ''
expect 'a bad shape' 2 'not a shape' "$mw" info $model --input-shape 1,0,2
expect 'over the input' 2 'written over' "$mw" quantize $model -o ./$model --scheme weights
expect 'a file for a folder' 1 'is a file' "$mw" run $model --random --output "$tmp/text.tflite"
expect 'folders are made' 0 'written to' "$mw" run $model --random --output "$tmp/a/b/c"
expect 'help of a command' 0 'milliwatt bench: ' "$mw" help bench
expect 'help of schemes' 0 'int4-block ' "$mw" quantize --help
if [ -w /dev/full ]; then
  for c in "info $model --json" "info $model" '--help' 'list ops'; do
    # shellcheck disable=SC2086
    "$mw" $c >/dev/full 2>"$tmp/stderr"
    check "stdout is full: $c" test $? -eq 1
    check "stdout is full, said: $c" grep -q 'milliwatt: standard output: ' "$tmp/stderr"
  done
fi

# ---- lists and looks ----
for t in ops kernels layers passes formats devices data schemes qat methods io losses optimizers schedules commands; do
  expect "list $t" 0 'name' "$mw" list $t
done
expect 'list ops --json' 0 '"CONV_2D"' "$mw" list ops --json
expect 'info of a Keras file' 0 'CONV_2D' "$mw" info $model
expect 'info --graph' 0 'graph "' "$mw" info $model --graph
expect 'info --graph --json' 0 '"graph": "' "$mw" info $model --graph --json
expect 'info --json' 0 '"macs":' "$mw" info $model --json

# ---- the main job ----
expect 'optimize' 0 'operators' "$mw" optimize $model -o "$tmp/float.tflite"
expect 'optimize again' 0 'operators' "$mw" optimize "$tmp/float.tflite" -o "$tmp/float2.tflite"
for scheme in int8 int16x8 int8x4 dynamic float16 int4 int4-block weights; do
  expect "quantize $scheme" 0 '"file_bytes"' "$mw" quantize $model -o "$tmp/$scheme.tflite" --scheme $scheme --calibrate $data --scale 1/16 --samples 100 --json
  "$mw" eval "$tmp/$scheme.tflite" --data $data --scale 1/16 --against $model --json >"$tmp/$scheme.json"
  check "accuracy of $scheme" at_least "$(field "$tmp/$scheme.json" top1)" 0.97
  check "agreement of $scheme" at_least "$(field "$tmp/$scheme.json" agreement)" 0.97
done
size() { stat -c %s "$1"; }
check 'int8 is about a quarter' test "$(size "$tmp/int8.tflite")" -lt $(($(size $model) * 27 / 100))
check 'float16 is about a half' test "$(size "$tmp/float16.tflite")" -lt $(($(size $model) * 52 / 100))
check 'int4 is about an eighth' test "$(size "$tmp/int4.tflite")" -lt $(($(size $model) * 16 / 100))
for io in int8 uint8 float; do
  expect "quantize --io $io" 0 'written' "$mw" quantize $model -o "$tmp/io_$io.tflite" --calibrate $data --scale 1/16 --samples 50 --io $io
done
expect 'io int8' 0 'int8 ' "$mw" info "$tmp/io_int8.tflite"
for method in minmax moving-average percentile entropy mse; do
  expect "quantize --method $method" 0 'written' "$mw" quantize $model -o "$tmp/m.tflite" --calibrate $data --scale 1/16 --samples 100 --method $method
done
expect 'quantize with every option' 0 'written' "$mw" quantize $model -o "$tmp/best.tflite" --calibrate $data --scale 1/16 --samples 64 --equalize --bias-correction --adaround
expect 'quantize --keep' 0 'kept float' "$mw" quantize $model -o "$tmp/keep.tflite" --calibrate $data --scale 1/16 --samples 50 --keep 'fc*'
expect 'the same bytes again' 0 '' "$mw" quantize $model -o "$tmp/int8_b.tflite" --scheme int8 --calibrate $data --scale 1/16 --samples 100 --threads 2
check 'quantize is deterministic' cmp "$tmp/int8.tflite" "$tmp/int8_b.tflite"
expect 'quantize to .h5' 0 'integer * scale' "$mw" quantize $model -o "$tmp/q.h5" --scheme int8 --calibrate $data --scale 1/16 --samples 100
expect 'eval of the .h5' 0 '"top1": 0.9' "$mw" eval "$tmp/q.h5" --data $data --scale 1/16 --json
expect 'bench' 0 '"median_us":' "$mw" bench "$tmp/int8.tflite" --runs 20 --json
expect 'bench --per-op' 0 'CONV_2D' "$mw" bench "$tmp/int8.tflite" --runs 20 --per-op --threads 2 --batch 4

expect 'eval against itself' 0 '"exact": true' "$mw" eval $model --data $data --scale 1/16 --against $model --samples 20 --json
check 'an exact match has no SQNR' grep -q '"sqnr_db": null' "$tmp/stdout"
expect 'eval against itself, as text' 0 'the outputs are equal' "$mw" eval $model --data $data --scale 1/16 --against $model --samples 20
# ---- what is odd is said ----
expect 'a scale that is not used' 0 'WARNING: --scale and --offset are not used' "$mw" eval "$tmp/io_uint8.tflite" --data $data --scale 1/16
expect 'inputs that saturate' 0 'is --scale missing?' "$mw" eval "$tmp/int8.tflite" --data $data
expect 'warnings in JSON' 0 '"warnings": [' "$mw" eval "$tmp/int8.tflite" --data $data --json
expect 'integers for a float network' 0 'needs --scale 1/16' "$mw" quantize $model -o "$tmp/m.tflite" --calibrate $data --samples 20
"$mw" eval "$tmp/int8.tflite" --data $data --scale 1/16 >"$tmp/quiet"
check 'nothing odd, nothing said' test "$(grep -c WARNING "$tmp/quiet")" = 0
# ---- quantization-aware training ----
qat() { "$mw" train $model -o "$@" --data $data --scale 1/16 --lr 0.0001; }
expect 'train to .tflite without --qat' 2 'with --qat' qat "$tmp/x.tflite" --epochs 1
expect 'a wrong --qat' 2 "--qat 'int3': there are int8" qat "$tmp/x.tflite" --epochs 1 --qat int3
expect '--qat-start without --qat' 2 '--qat-start does nothing without --qat' qat "$tmp/x.h5" --epochs 1 --qat-start 0.5
expect '--keep of --qat that matches nothing' 1 'nosuchlayer' qat "$tmp/x.tflite" --epochs 1 --qat int8 --keep nosuchlayer
for scheme in int8 int4 int16x8; do
  expect "train --qat $scheme" 0 'validation accuracy' qat "$tmp/qat_$scheme.tflite" --epochs 1 --qat $scheme --validation $data
  "$mw" eval "$tmp/qat_$scheme.tflite" --data $data --scale 1/16 --json >"$tmp/qat_$scheme.json"
  check "accuracy of --qat $scheme" at_least "$(field "$tmp/qat_$scheme.json" top1)" 0.97
done
expect 'train --qat, learned ranges, later, to .h5' 0 'weights trained' qat "$tmp/qat.h5" --epochs 1 --qat int4 --qat-learn-ranges --qat-start 0.3
expect 'its .h5 is a Keras model' 0 'CONV_2D' "$mw" info "$tmp/qat.h5"
expect 'train --qat with a teacher' 0 'teacher' qat "$tmp/qat_taught.tflite" --epochs 1 --qat int4 --teacher $model
expect 'distill --qat' 0 'teacher' "$mw" distill $model --width 0.5 -o "$tmp/qat_half.tflite" --data $data --scale 1/16 --epochs 2 --qat int8
expect 'its .tflite is of integers' 0 'i8,i8,i32?' "$mw" info "$tmp/qat_half.tflite"
expect 'train --qat --keep' 0 'weights trained' qat "$tmp/qat_keep.tflite" --epochs 1 --qat int8 --keep FULLY_CONNECTED
expect 'what was kept is float' 0 'DEQUANTIZE' "$mw" info "$tmp/qat_keep.tflite"

# ---- pruning and clustering ----
expect 'prune without -o' 2 'add -o' "$mw" prune $model --sparsity 0.5
expect 'prune without a sparsity' 2 'add --sparsity' "$mw" prune $model -o "$tmp/x.h5"
expect 'prune all' 1 'sparsity 1, allowed' "$mw" prune $model -o "$tmp/x.h5" --sparsity 1
expect 'a structure with a sparsity' 2 'fixes the sparsity' "$mw" prune $model -o "$tmp/x.h5" --structure 2:4 --sparsity 0.5
expect 'a wrong scope' 2 'layer or global' "$mw" prune $model -o "$tmp/x.h5" --sparsity 0.5 --scope all
expect 'prune --skip that matches nothing' 1 'nosuchlayer' "$mw" prune $model -o "$tmp/x.h5" --sparsity 0.5 --skip nosuchlayer
expect 'sparse needs .tflite' 2 'encoding of .tflite' "$mw" prune $model -o "$tmp/x.h5" --sparsity 0.5 --sparse
expect 'sensitivity needs data' 2 '--data' "$mw" prune $model --sensitivity
expect 'sensitivity writes nothing' 2 'writes no file' "$mw" prune $model --sensitivity --data $data -o "$tmp/x.h5"
expect 'cluster without a number' 2 'add --clusters' "$mw" cluster $model -o "$tmp/x.h5"
expect 'too many clusters' 2 'from 2 to 256' "$mw" cluster $model -o "$tmp/x.h5" --clusters 257
for s in $("$mw" list structures --json | sed -n 's/.*"name": "\(.*\)",/\1/p' | grep -v channel); do
  case $s in *:*) how=() ;; *) how=(--sparsity 0.75) ;; esac
  expect "prune --structure $s" 0 "$s" "$mw" prune $model -o "$tmp/p.tflite" --structure $s "${how[@]}"
  expect "prune --structure $s --sparse" 0 'sparse kernels' "$mw" prune $model -o "$tmp/ps.tflite" --structure $s "${how[@]}" --sparse
  expect "$s: sparse is the same" 0 'no difference' "$mw" eval "$tmp/ps.tflite" --against "$tmp/p.tflite" --data $data --scale 1/16
  check "$s: sparse is smaller" [ $(stat -c %s "$tmp/ps.tflite") -lt $(stat -c %s "$tmp/p.tflite") ]
done
expect 'prune to .h5' 0 '"deflated_bytes"' "$mw" prune $model -o "$tmp/p.h5" --sparsity 0.8 --scope global --skip conv1 --data $data --scale 1/16 --json
cp "$tmp/stdout" "$tmp/prune.json"
check 'prune says how much is zero' at_least "$(field "$tmp/prune.json" sparsity)" 0.79
check 'prune measures' at_least "$(field "$tmp/prune.json" top1_before)" 0.95
check 'a pruned .h5 is smaller' [ $(stat -c %s "$tmp/p.h5") -lt $(($(stat -c %s $model) / 2)) ]
expect 'prune what is pruned' 0 '0.8' "$mw" prune "$tmp/p.h5" -o "$tmp/p2.h5" --sparsity 0.1
expect 'prune channels' 0 '"macs"' "$mw" prune $model -o "$tmp/ch.h5" --structure channel --sparsity 0.4 --data $data --scale 1/16 --json
check 'fewer channels are a smaller file' [ $(stat -c %s "$tmp/ch.h5") -lt $(($(stat -c %s $model) * 8 / 10)) ]
expect 'fewer channels, then int8' 0 'written' "$mw" quantize "$tmp/ch.h5" -o "$tmp/chq.tflite" --calibrate $data --scale 1/16 --samples 50
expect 'fewer channels of int8' 0 'MACs a run' "$mw" prune "$tmp/chq.tflite" -o "$tmp/chq2.tflite" --structure channel --sparsity 0.2 --scope global
expect 'too few channels' 1 'cannot be removed, at most' "$mw" prune $model -o "$tmp/x.h5" --structure channel --sparsity 0.999
expect 'sensitivity of channels' 1 'not for' "$mw" prune $model --sensitivity --data $data --structure channel
expect 'prune while training' 0 '"trained_weights"' "$mw" prune $model -o "$tmp/pt.h5" --sparsity 0.9 --data $data --scale 1/16 --epochs 6 --seed 1 --lr-schedule step --json
cp "$tmp/stdout" "$tmp/pt.json"
check 'pruned by a schedule it is accurate' at_least "$(field "$tmp/pt.json" top1)" 0.9
check 'and as sparse as asked for' at_least "$(field "$tmp/pt.json" sparsity)" 0.89
expect 'N:M while training' 0 '2:4' "$mw" prune $model -o "$tmp/pn.tflite" --structure 2:4 --data $data --scale 1/16 --epochs 1
expect 'channels, then training' 0 'weights trained' "$mw" prune $model -o "$tmp/pc.h5" --structure channel --sparsity 0.5 --data $data --scale 1/16 --epochs 3
expect 'a schedule without training' 2 'does nothing without --epochs' "$mw" prune $model -o "$tmp/x.h5" --sparsity 0.5 --schedule constant
expect 'training without data' 2 'does nothing without --data' "$mw" prune $model -o "$tmp/x.h5" --sparsity 0.5 --epochs 1
expect 'zeros by a schedule and the best epoch' 1 'an earlier epoch has fewer' "$mw" prune $model -o "$tmp/x.h5" --sparsity 0.5 --data $data --epochs 2 --keep-best
expect 'train keeps zeros' 0 'written' "$mw" train "$tmp/pt.h5" -o "$tmp/pk.h5" --data $data --scale 1/16 --epochs 1 --keep-zeros
expect 'they are there' 0 '"sparsity": 0.9' "$mw" prune "$tmp/pk.h5" -o "$tmp/pk2.h5" --sparsity 0.01 --json
expect 'train with pruning and clusters' 0 'written' "$mw" train $model -o "$tmp/pq.h5" --data $data --scale 1/16 --epochs 2 --sparsity 0.5 --clusters 16
expect 'clusters while training' 0 'values a kernel' "$mw" cluster $model -o "$tmp/ct.h5" --clusters 8 --data $data --scale 1/16 --epochs 2
expect 'sensitivity' 0 'top1' "$mw" prune $model --sensitivity --data $data --scale 1/16 --structure 2:4
expect 'sensitivity as JSON' 0 '"sqnr_db"' "$mw" prune $model --sensitivity --data $data --scale 1/16 --sparsity 0.9 --json
expect 'cluster to .h5' 0 '"values": 16' "$mw" cluster "$tmp/p.h5" -o "$tmp/c.h5" --clusters 16 --data $data --scale 1/16 --json
cp "$tmp/stdout" "$tmp/cluster.json"
check 'clustering keeps zeros' at_least "$(field "$tmp/cluster.json" sparsity)" 0.79
expect 'cluster again' 0 'written' "$mw" cluster "$tmp/p.h5" -o "$tmp/c2.h5" --clusters 16
expect 'clusters a channel' 0 'values a channel' "$mw" cluster $model -o "$tmp/c.tflite" --clusters 4 --per-channel
expect 'both, then int8' 0 'written' "$mw" quantize "$tmp/c.h5" -o "$tmp/cq.tflite" --calibrate $data --scale 1/16 --samples 50 --per-tensor

expect 'nothing to quantize' 1 'quantized already' "$mw" quantize "$tmp/int8.tflite" -o "$tmp/x.tflite" --scheme dynamic

# ---- training ----
train() { "$mw" train "$@" --data $data --scale 1/16; }
expect 'train without -o' 2 'add -o' "$mw" train $model --data $data --epochs 1
expect 'train without data' 2 'add --data' "$mw" train $model -o "$tmp/t.h5" --epochs 1
expect 'train without epochs' 2 'add --epochs' "$mw" train $model -o "$tmp/t.h5" --data $data
expect 'train to .tflite' 2 'is written as .h5' train $model -o "$tmp/t.tflite" --epochs 1
expect 'train over its input' 2 'written over' train $model -o ./$model --epochs 1
expect 'train a .tflite' 1 'did not come from Keras' train "$tmp/float.tflite" -o "$tmp/t.h5" --epochs 1
expect 'train --momentum alone' 2 '--momentum does nothing without --optimizer' train $model -o "$tmp/t.h5" --epochs 1 --momentum 0.9
expect 'train --resume alone' 2 '--resume does nothing without --checkpoint' train $model -o "$tmp/t.h5" --epochs 1 --resume
expect 'train --freeze that matches nothing' 1 "'nosuch' matches no layer" train $model -o "$tmp/t.h5" --epochs 1 --freeze nosuch
expect 'train on data that do not fit' 1 'wants [?,8,8,1]' "$mw" train $model -o "$tmp/t.h5" --data tests/cli/two_columns.csv --epochs 1
expect 'train that diverges' 1 'in step ' train $model -o "$tmp/t.h5" --epochs 3 --optimizer adamw --lr 1e5 --weight-decay 1e6
check 'a failed train writes nothing' test ! -e "$tmp/t.h5"
expect 'train from the initializers' 0 '"val_accuracy": 0.9' train $model -o "$tmp/t.h5" --epochs 3 --initialize --seed 1 --validation $data --csv "$tmp/t.csv" --svg "$tmp/t.svg" --json
check 'train: the CSV has a line an epoch' test "$(wc -l <"$tmp/t.csv")" = 4
check 'train: the SVG has two panels' test "$(grep -c font-weight "$tmp/t.svg")" = 2
expect 'the trained model is read' 0 '"top1": 0.9' "$mw" eval "$tmp/t.h5" --data $data --scale 1/16 --json
expect 'train with two threads' 0 'written' train $model -o "$tmp/t2.h5" --epochs 3 --initialize --seed 1 --validation $data --threads 2
check 'threads change nothing' cmp "$tmp/t.h5" "$tmp/t2.h5"
# Stopped by Ctrl-C, then gone on with: the same bytes.
expect 'train, uninterrupted' 0 'written' train $model -o "$tmp/whole.h5" --epochs 12 --seed 2 --augment-shift 0.1 --batch 8
stopped() { timeout --foreground --preserve-status -k 60 -s INT 0.6 "$mw" train $model -o "$tmp/half.h5" --epochs 12 --seed 2 --augment-shift 0.1 --batch 8 --checkpoint "$tmp/run.ckpt" --resume --data $data --scale 1/16; }
for _ in 1 2; do
  stopped >"$tmp/stdout" 2>"$tmp/stderr"
  [ $? -eq 0 ] || check 'an interrupted train says how to go on' grep -q 'with --resume goes on from' "$tmp/stderr"
done
check 'an interrupted train has a checkpoint' test -s "$tmp/run.ckpt"
check 'an interrupted train writes the model so far' test -s "$tmp/half.h5"
expect 'train, resumed' 0 'written' train $model -o "$tmp/rest.h5" --epochs 12 --seed 2 --augment-shift 0.1 --batch 8 --checkpoint "$tmp/run.ckpt" --resume --threads 2
check 'a stop changes nothing' cmp "$tmp/whole.h5" "$tmp/rest.h5"
expect 'a checkpoint of another run' 1 "it has 'seed 2', this run 'seed 3'" train $model -o "$tmp/x.h5" --epochs 12 --seed 3 --augment-shift 0.1 --batch 8 --checkpoint "$tmp/run.ckpt" --resume
cp "$tmp/run.ckpt" "$tmp/kept.ckpt"
full_checkpoint() { ( ulimit -f 100; trap '' XFSZ; train $model -o "$tmp/x.h5" --epochs 13 --checkpoint "$tmp/run.ckpt" ); }
expect 'a full disk at a checkpoint' 1 'run.ckpt: File too large' full_checkpoint
check 'a full disk loses no earlier checkpoint' cmp "$tmp/run.ckpt" "$tmp/kept.ckpt"
printf '{"class_name": "Sequential", "config": {"name": "net", "layers": [{"class_name": "Flatten", "config": {"name": "f", "batch_input_shape": [null, 8, 8, 1]}}, {"class_name": "Dense", "config": {"name": "d", "units": 10, "activation": "softmax"}}]}, "keras_version": "2.15.0"}' >"$tmp/net.json"
expect 'train a config' 0 '"val_accuracy": 0.9' train "$tmp/net.json" -o "$tmp/net.h5" --epochs 10 --lr 0.01 --validation $data --json
expect 'a config as a model' 0 'keras-json' "$mw" info "$tmp/net.json"

# ---- Ctrl-C ends what takes long, at once and with a word ----
interrupted() {
  local name=$1 begin=$SECONDS
  shift
  expect "$name, interrupted" 1 'cancelled' timeout --foreground --preserve-status -k 30 -s INT 1 "$@"
  check "$name, interrupted at once" test $((SECONDS - begin)) -le 5
}
interrupted bench "$mw" bench $model --seconds 60
interrupted 'bench of a batch' "$mw" bench $model --seconds 60 --batch 2048

# ---- run: batches, sets, threads ----
expect 'run --random' 0 'runs' "$mw" run "$tmp/int8.tflite" --random --output "$tmp/r1"
expect 'run on a set' 0 'runs' "$mw" run "$tmp/float.tflite" --data $data --scale 1/16 --output "$tmp/set1"
expect 'run on a set in batches' 0 'runs' "$mw" run "$tmp/float.tflite" --data $data --scale 1/16 --batch 7 --threads 2 --output "$tmp/set7"
check 'a batch gives the same results' cmp "$tmp/set1/out_0.npy" "$tmp/set7/out_0.npy"
expect 'run on an array' 0 'runs' "$mw" run "$tmp/int8.tflite" --input tests/cli/two_images.npy --output "$tmp/a"
expect 'run twice' 0 'runs' "$mw" run "$tmp/int8.tflite" --input tests/cli/two_images.npy --next --input tests/cli/two_images.npy --output "$tmp/b"
check 'the second invocation has its name' cmp "$tmp/a/out_0.npy" "$tmp/b/out_0.s1.npy"
expect 'an array that does not fit' 1 'takes int8 [' "$mw" run "$tmp/int8.tflite" --input "$tmp/set1/out_0.npy" --output "$tmp/c"

# ---- how things are printed ----
expect 'eval says how data are read' 0 'x_test; labels: y_test' "$mw" eval $model --data $data --scale 1/16 --samples 20
expect 'quantize says how data are read' 0 'x_train; labels: y_train' "$mw" quantize $model -o "$tmp/said.tflite" --calibrate $data --scale 1/16 --samples 20
for c in "info $model" 'list ops' 'list kernels' "optimize $model -o $tmp/blank.tflite" "bench $model --runs 20 --per-op"; do
  # shellcheck disable=SC2086
  expect "no blanks at the ends of lines: $c" 0 '' "$mw" $c
  check "no blanks at the ends of lines: $c" test "$(grep -c ' $' "$tmp/stdout")" = 0
done
printf '\xef\xbb\xbflabel,a,b\n0,1,2\n1,3,4\n' >"$tmp/bom.csv"
expect 'a CSV with a byte-order mark' 1 "wants [?,8,8,1]" "$mw" eval $model --data "$tmp/bom.csv"
check 'its label column is no feature' grep -qF 'samples of shape [?,2]' "$tmp/stderr"

# ---- files are written beside and renamed ----
if [ "$(id -u)" -ne 0 ]; then
  mkdir "$tmp/locked" && chmod 555 "$tmp/locked"
  expect 'a folder that cannot be written' 1 'cannot write' "$mw" optimize $model -o "$tmp/locked/x.tflite"
fi
expect 'a folder that is not there' 1 'cannot write' "$mw" optimize $model -o "$tmp/no/such/x.tflite"
# A disk that is full, as a limit on the size of files: the reason, once, and nothing of a library.
full() { ( ulimit -f 100; trap '' XFSZ; exec "$mw" quantize $model -o "$1" --scheme weights ); }
for suffix in h5 tflite; do
  expect "a full disk, .$suffix" 1 "milliwatt: $tmp/full.$suffix: File too large" full "$tmp/full.$suffix"
  check "a full disk, .$suffix: one line" test "$(wc -l <"$tmp/stderr")" = 1
  check "a full disk, .$suffix: one name" test "$(grep -o "full.$suffix" "$tmp/stderr" | wc -l)" = 1
  check "a full disk, .$suffix: nothing is left" test -z "$(find "$tmp" -name "full*")"
done
# Distillation: a teacher beside the labels.
distil() { "$mw" train $model -o "$tmp/distilled.h5" --data $data --scale 1/16 --epochs 1 "$@"; }
expect 'train --teacher' 0 'written' distil --teacher $model --alpha 0.3 --match conv1=conv1
expect 'a teacher without such a layer' 1 "has no layer 'conv9'" distil --teacher $model --match conv9=conv1
expect 'distill --width' 0 'written' "$mw" distill $model --width 0.5 -o "$tmp/half.h5" --data $data --scale 1/16 --epochs 1
check 'distill --width: smaller' test "$(stat -c %s "$tmp/half.h5")" -lt 200000
expect 'distill without a student' 2 'who learns' "$mw" distill $model -o "$tmp/half.h5" --data $data --epochs 1
expect '--alpha without a teacher' 2 '--teacher' distil --alpha 0.3

check 'no temporary files are left' test -z "$(find "$tmp" -name '*.tflite.*')"

echo "cli: $passed passed, $failed failed"
[ $failed -eq 0 ]
