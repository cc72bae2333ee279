#!/usr/bin/env bash
# Runs test programs under valgrind, in one process each: a request from end to
# end by default. tests/valgrind.sh [NAME OF A MESON TEST]...
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/environment.sh
. "$top/tests/lib/environment.sh"
# shellcheck source=tests/lib/stage.sh
. "$top/tests/lib/stage.sh"

build=$top/build/valgrind
names=("$@")
[ "${#names[@]}" -gt 0 ] || names=(request)
stage_dir=$(mktemp -d)
trap 'rm -rf "$stage_dir"' EXIT
export TMPDIR="$stage_dir"

give_up()
{
	echo '0 passed, 1 failed'
	exit 1
}

# -O1 keeps valgrind's idea of what is initialised exact.
configure()
{
	[ -f "$build/build.ninja" ] ||
		meson setup --buildtype=debug -Doptimization=1 "$build" "$top"
}

# valgrind slows a program down thirtyfold, and one thread runs at a time.
run_tests()
{
	local list

	list=$(meson test -C "$build" --list --no-rebuild | grep ' / ')
	for name in "${names[@]}"; do
		grep -E " / $name\$" <<<"$list" || return 1
	done >"$stage_dir/expected"
	CK_FORK=no CK_TIMEOUT_MULTIPLIER=50 meson test -C "$build" \
		--no-rebuild --quiet --logbase run -t 30 \
		--wrapper="valgrind --quiet --error-exitcode=99 --leak-check=full \
			--errors-for-leak-kinds=definite,indirect \
			--suppressions=$top/tests/valgrind.supp" \
		"${names[@]}" || true
}

stage 'packages' packages_need "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" \
	valgrind || give_up
environment_clear
stage 'configure' configure || give_up
stage 'build' ninja -C "$build" || give_up
rm -f "$build/meson-logs/run-valgrind.json"
stage 'tests under valgrind' run_tests || give_up
python3 -B "$top/tests/lib/summary.py" "$build" run-valgrind \
	"$stage_dir/expected"
