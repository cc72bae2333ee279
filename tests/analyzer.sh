#!/usr/bin/env bash
# The whole build under gcc -fanalyzer: nothing is found but what
# tests/analyzer-exceptions.txt names with its reason, and all of that is.
# The analyser of gcc 12 is sure of C alone, and slow: it has a build of its own.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/environment.sh
. "$top/tests/lib/environment.sh"
# shellcheck source=tests/lib/stage.sh
. "$top/tests/lib/stage.sh"

build=$top/build/analyzer
exceptions=$top/tests/analyzer-exceptions.txt
stage_dir=$(mktemp -d)
trap 'rm -rf "$stage_dir"' EXIT
export TMPDIR="$stage_dir"

give_up()
{
	echo '0 passed, 1 failed'
	exit 1
}

configure()
{
	[ -f "$build/build.ninja" ] || meson setup -Dtests=false \
		-Dwerror=false -Dc_args=-fanalyzer "$build" "$top"
}

# Everything anew: what was compiled before says nothing again.
analyse()
{
	ninja -C "$build" -t clean >/dev/null
	LC_ALL=C ninja -C "$build" | tee "$stage_dir/log"
}

# "file function warning" of each finding.
findings()
{
	awk '
	/: In function / {
		split($0, part, "\047")
		function_name = part[2]
		# What the compiler has split off is named name.part.0.
		sub(/\..*/, "", function_name)
	}
	/ warning: .*\[-W/ {
		file = $1
		sub(/:.*/, "", file)
		sub(/^(\.\.\/)*/, "", file)
		option = $0
		sub(/.*\[-W/, "", option)
		sub(/\].*/, "", option)
		print file, function_name, option
	}' "$stage_dir/log" | sort -u >"$stage_dir/found"
	sed -n 's/^\([^# :]* [^ :]* [^ :]*\): .*/\1/p' "$exceptions" |
		sort -u >"$stage_dir/excepted"
}

# listed TITLE FILE: its lines, where there are any.
listed()
{
	[ ! -s "$2" ] || { echo "$1:" && sed 's/^/  /' "$2"; }
}

stage 'packages' packages_need "${PACKAGES_BUILD[@]}" || give_up
environment_clear
stage 'configure' configure || give_up
stage 'analyser' analyse || give_up
findings
comm -23 "$stage_dir/found" "$stage_dir/excepted" >"$stage_dir/new"
comm -13 "$stage_dir/found" "$stage_dir/excepted" >"$stage_dir/gone"
comm -12 "$stage_dir/found" "$stage_dir/excepted" >"$stage_dir/known"
listed 'found' "$stage_dir/new"
listed 'excepted, and not found any more' "$stage_dir/gone"
failed=$(cat "$stage_dir/new" "$stage_dir/gone" | wc -l)
printf '%d passed, %d failed\n' "$((1 + $(wc -l <"$stage_dir/known")))" "$failed"
[ "$failed" -eq 0 ]
