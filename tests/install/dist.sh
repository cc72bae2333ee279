#!/usr/bin/env bash
# Two source archives of one commit have equal bytes, and hold what a build
# needs; the last line is `N passed, N failed`.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

step()
{
	local name=$1
	shift

	if "$@" </dev/null >"$work/log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok - %s\n' "$name"
	else
		failed=$((failed + 1))
		printf 'not ok - %s\n' "$name"
		tail -n 40 "$work/log"
	fi
}

# archive NAME: from a clone and a build of its own, as another person would.
archive()
{
	git -c safe.directory='*' clone -q "$top" "$work/$1" &&
		meson setup -Dtests=false "$work/$1/build" "$work/$1" &&
		meson dist -C "$work/$1/build" --no-tests
}

# A second apart, so that no date of the moment can be the same.
two_archives()
{
	archive one && sleep 1.1 && archive two
}

same_bytes()
{
	cmp "$work"/one/build/meson-dist/*.tar.xz \
		"$work"/two/build/meson-dist/*.tar.xz
}

builds()
{
	mkdir "$work/unpacked"
	tar -C "$work/unpacked" --strip-components=1 -xf \
		"$work"/one/build/meson-dist/*.tar.xz
	meson setup -Dtests=false "$work/unpacked/build" "$work/unpacked" &&
		ninja -C "$work/unpacked/build"
}

if ! git -c safe.directory='*' -C "$top" rev-parse HEAD >/dev/null 2>&1; then
	printf 'skipped: not a git checkout\n0 passed, 0 failed, 1 skipped\n'
	exit 0
fi
step 'two archives of one commit' two_archives
step 'they have equal bytes' same_bytes
step 'what is in it builds' builds
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
