#!/bin/sh
# Runs one target under libFuzzer: fuzz/run.sh TARGET SECONDS [OPTIONS OF LIBFUZZER]…
#
# The target gives up its rights and writes nowhere but to a directory in memory. What it has found lies in
# fuzz/artifacts/TARGET afterwards, the corpus as it has grown in fuzz/target/corpus/TARGET. With a file in
# place of SECONDS it runs that input, and shows what the target says.
set -eu
target=$1 seconds=$2
shift 2
if [ -f "$seconds" ]; then seconds=$(realpath "$seconds"); fi
cd "$(dirname "$0")"
program=$(../tests/target.sh "$PWD/target")/release/$target
place=$(mktemp -d /dev/shm/crun-lua-fuzz.XXXXXX)
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/corpus" "$place/artifacts" "target/corpus/$target" "artifacts/$target"
cp "$program" "$place/program"
# Sanitizers start a program for the names in a stack, which the filter takes for a change.
export CRUN_LUA_FUZZ_PLACE="$place" ASAN_OPTIONS=symbolize=0:detect_leaks=0
ulimit -c 0
if [ -f "$seconds" ]; then
  cp "$seconds" "$place/input"
  chmod 755 "$place" && chmod 644 "$place/input"
  export CRUN_LUA_FUZZ_SHOW=1
  "$place/program" -timeout=60 -rss_limit_mb=2500 "$place/input" "$@"
  exit
fi
for dir in "corpus/$target" "target/corpus/$target"; do
  [ -d "$dir" ] && find "$dir" -type f -exec cp -t "$place/corpus" {} +
done
if [ "$target" = config ]; then
  for dir in good bad; do
    for file in ../tests/fixtures/oci/config/"$dir"/*.json; do
      cp "$file" "$place/corpus/$dir-${file##*/}"
    done
  done
fi
[ "$(id -u)" != 0 ] || chown -R 61234:61234 "$place"
status=0
"$place/program" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2500 -malloc_limit_mb=1500 -max_len=4096 -reduce_inputs=0 -len_control=0 -print_final_stats=1 \
  -close_fd_mask=3 -artifact_prefix="$place/artifacts/" "$@" "$place/corpus" || status=$?
find "$place/artifacts" -type f -exec cp -t "artifacts/$target" {} +
rm -rf "target/corpus/$target" && cp -r "$place/corpus" "target/corpus/$target"
exit "$status"
