#!/usr/bin/env bash
# Runs the fuzz targets and writes down what was done.
set -euo pipefail

usage()
{
	cat <<'TEXT'
usage: tests/fuzz/run.sh [--log FILE] [--build-dir DIR] [--share]
                         SECONDS [TARGET]...

Builds with clang, libFuzzer and the address and undefined sanitizers into
DIR (default build/fuzz), runs each target (fuzz-evidence, ...) for SECONDS on
one core (with --share: for its share of SECONDS), and appends a line for each
to FILE (default tests/fuzz/log.md), with the seconds of CPU time that it had.
What a run learns is kept in DIR/corpus; an input that fails is kept in
DIR/findings, and the exit status is 1.
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$top/build/fuzz
log=$top/tests/fuzz/log.md
share=no
while [ $# -ge 2 ]; do
	case $1 in
	--share) share=yes && shift ;;
	--log) log=$2 && shift 2 ;;
	--build-dir) build=$2 && shift 2 ;;
	*) break ;;
	esac
done
[ $# -ge 1 ] || { usage >&2 && exit 2; }
[[ $1 =~ ^[0-9]+$ ]] || { usage >&2 && exit 2; }
seconds=$1
shift

catalogue=$build/tests/catalogue
export ENCLAVE_CLIENT_FUZZ_ROOT=$catalogue/root.pem

[ -f "$build/build.ninja" ] ||
	CC=clang meson setup "$build" "$top" -Db_sanitize=address,undefined \
		-Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=all'
targets=("$@")
if [ "${#targets[@]}" -eq 0 ]; then
	mapfile -t targets < <(ninja -C "$build" -t targets all |
		sed -n 's#^tests/fuzz/\(fuzz-[^/:]*\):.*#\1#p')
fi
ninja -C "$build" tests/catalogue/manifest.json tests/fuzz/eif-corpus \
	tests/fuzz/map-corpus tests/fuzz/body-corpus "${targets[@]/#/tests/fuzz/}"

if [ "$share" = yes ]; then
	# libFuzzer takes 0 for no end.
	seconds=$((seconds / ${#targets[@]} + 1))
fi

# The folder of what a target starts from.
seeds_of()
{
	local folder=$build/tests/fuzz/${1#fuzz-}-corpus
	if [ -d "$folder" ]; then
		echo "$folder"
		return
	fi
	mkdir -p "$build/corpus/documents"
	cp "$catalogue"/*.cose "$build/corpus/documents"
	echo "$build/corpus/documents"
}

mkdir -p "$build/findings"
TIMEFORMAT='%U %S'
failed=0
for target in "${targets[@]}"; do
	corpus=$build/corpus/$target
	output=$build/findings/$target.txt
	mkdir -p "$corpus"
	seeds=$(seeds_of "$target")
	result=nothing
	{
		time "$build/tests/fuzz/$target" -max_len=16500 -timeout=10 \
		-max_total_time="$seconds" -print_final_stats=1 \
		-artifact_prefix="$build/findings/$target-" \
		"$corpus" "$seeds" 2>"$output"
	} 2>"$output.time" || {
		result=finding
		failed=1
	}
	cpu=$(awk '{ printf "%d", $1 + $2 }' "$output.time")
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$output")
	coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$output" | tail -n 1)
	printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' \
		"$(date -u +%Y-%m-%d)" \
		"$(git -C "$top" rev-parse --short HEAD)" "$target" \
		"$seconds" "$cpu" "${executions:-?}" "${coverage:-?}" "$result" \
		>>"$log"
	tail -n 1 "$log"
done
exit "$failed"
