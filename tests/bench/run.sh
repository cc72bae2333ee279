#!/usr/bin/env bash
# Builds for speed, runs every benchmark and prints its figures, one line of
# JSON each: {"name":...,"value":...,"unit":...}, and "limit" and "verdict"
# where README.md has a limit.
set -euo pipefail

usage()
{
	cat <<'TEXT'
usage: tests/bench/run.sh [--build-dir DIR] [NAME]...

Builds into DIR (default build/bench) and runs the benchmarks, one after the
other: all of them, or the named ones. Ratios are measured within one run, so a
busy machine changes them little; other times it does. Beside a figure stands its
limit, if it has one (tests/bench/README.md); only limits of what no machine
changes make the run fail.
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/lib/environment.sh
. "$top/tests/lib/environment.sh"

build=$top/build/bench
while [ $# -gt 0 ]; do
	case $1 in
	--build-dir)
		[ $# -ge 2 ] || { usage >&2 && exit 2; }
		build=$2 && shift 2
		;;
	-h | --help) usage && exit 0 ;;
	-*) usage >&2 && exit 2 ;;
	*) break ;;
	esac
done

environment_clear
[ -f "$build/build.ninja" ] ||
	meson setup --buildtype=release "$build" "$top" >&2
ninja -C "$build" >&2
status=0
meson test -C "$build" --benchmark --no-rebuild --logbase bench --quiet "$@" \
	>&2 || status=$?
whole=()
[ $# -gt 0 ] || whole=(--whole)
sed -n '/^{"name":/p' "$build/meson-logs/bench.txt" |
	"$top/tests/bench/judge.py" ${whole[@]+"${whole[@]}"} || status=$?
exit "$status"
