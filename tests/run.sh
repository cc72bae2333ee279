#!/usr/bin/env bash
# Builds everything and runs every test; the last line is `N passed, N failed`.
set -euo pipefail

usage()
{
	cat <<'TEXT'
usage: tests/run.sh [--suite NAME]... [--sanitize address,undefined|thread]
                    [--build-dir DIR]

Installs what is missing (on Debian 12, as root or through sudo), builds into
DIR (default build/test, reused) and runs the tests: all of them, or those of
the named suites. Two suites run only when they are named: style and long, which
need clang; long takes most of an hour. lint judges the text of the sources and
is left out under a sanitizer. ENCLAVE_CLIENT_VECTORS names the folder of real
documents; without it their tests are skipped.
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/environment.sh
. "$top/tests/lib/environment.sh"
# shellcheck source=tests/lib/stage.sh
. "$top/tests/lib/stage.sh"

sanitize=none
build=
suites=()
while [ $# -gt 0 ]; do
	case $1 in
	--suite | --sanitize | --build-dir)
		[ $# -ge 2 ] || { usage >&2 && exit 2; }
		;;&
	--suite) suites+=("$2") && shift 2 ;;
	--sanitize) sanitize=$2 && shift 2 ;;
	--build-dir) build=$2 && shift 2 ;;
	-h | --help) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
done

setup=(-Db_sanitize="$sanitize")
# How much slower than a plain build a program may be before it hangs. Three
# stands for a machine that others use as well.
timeout_multiplier=3
case $sanitize in
none)
	default_build=build/test
	;;
address,undefined | thread)
	default_build=build/test-${sanitize//,/-}
	timeout_multiplier=20
	setup+=(-Dc_args='-fno-sanitize-recover=all -fno-omit-frame-pointer')
	;;
*)
	usage >&2
	exit 2
	;;
esac
build=${build:-$top/$default_build}

select=()
for suite in ${suites[@]+"${suites[@]}"}; do
	select+=(--suite "$suite")
done
if [ "${#select[@]}" -eq 0 ]; then
	select=(--no-suite style --no-suite long)
	[ "$sanitize" = none ] || select+=(--no-suite lint)
	[ "$sanitize" != thread ] || select+=(--suite threads)
fi

packages=("${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}")
case " ${suites[*]-} " in
*" style "* | *" long "*) packages+=("${PACKAGES_STYLE[@]}") ;;
esac

stage_dir=$(mktemp -d)
export TMPDIR="$stage_dir"
# shellcheck disable=SC2317
clean_up()
{
	rm -rf "$stage_dir"
}
trap clean_up EXIT

give_up()
{
	echo '0 passed, 1 failed'
	exit 1
}

# A build directory of an older checkout is taken up again, if that is possible.
configure()
{
	if [ -f "$build/build.ninja" ]; then
		meson setup --reconfigure "$build" "$top" "${setup[@]}" &&
			return
		rm -rf "$build"
	fi
	meson setup "$build" "$top" "${setup[@]}"
}

run_tests()
{
	meson test -C "$build" --list --no-rebuild "${select[@]}" |
		grep ' / ' >"$stage_dir/expected" || return 1
	# Which tests failed is the summary's business.
	meson test -C "$build" --no-rebuild --logbase run --quiet \
		-t "$timeout_multiplier" "${select[@]}" || true
}

# Whatever a test started must have ended with it, or be about to.
check_left_running()
{
	local left

	for _ in {1..30}; do
		left=$(environment_left_running)
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	printf '%s\n' "$left"
	while read -r pid _; do
		kill "$pid" 2>/dev/null || true
	done < <(environment_left_running)
	return 1
}

stage 'packages' packages_need "${packages[@]}" || give_up
environment_clear
environment_mark
stage 'configure' configure || give_up
stage 'build' ninja -C "$build" || give_up
rm -f "$build/meson-logs/run.json"
stage 'tests' run_tests || give_up
status=0
python3 -B "$top/tests/lib/summary.py" "$build" run \
	"$stage_dir/expected" >"$stage_dir/summary" || status=1
left=0
stage 'nothing is left running' check_left_running || left=1
sed '$d' "$stage_dir/summary"
tail -n 1 "$stage_dir/summary" | awk -v left="$left" '
	{ $1 += 1 - left; $3 += left; print }'
[ "$status" -eq 0 ] && [ "$left" -eq 0 ]
