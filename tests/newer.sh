#!/usr/bin/env bash
# The suites in a later Debian, with its libcurl, OpenSSL and Python libraries;
# the last line is `N passed, N failed`.
set -euo pipefail

usage()
{
	cat <<'TEXT'
usage: tests/newer.sh [--debian SUITE] [--root DIR] [--suite NAME]...
                      [--program NAME]...

Makes a root of the Debian of that name (trixie, the default, or sid), installs
there what tests/lib/packages.sh names, and runs tests/run.sh on the commit that
is checked out: the suites unit, integration, cli and python, or those named;
or just the named programs. It says which versions it tried.

--root DIR keeps the root in DIR, or takes the one that is there.

Needs root, namespaces and a Debian mirror; without them it is skipped. What was
downloaded is kept in build/clean-root (ENCLAVE_CLIENT_CLEAN_ROOT_CACHE).
TEXT
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/root.sh
. "$top/tests/lib/root.sh"

root_cache=${ENCLAVE_CLIENT_CLEAN_ROOT_CACHE:-$top/build/clean-root}
# The longest that tests/run.sh may take: it ends its tests itself.
RUN_SECONDS_MAX=5400

debian=trixie
keep=
suites=()
programs=()
arguments=("$@")
while [ $# -gt 0 ]; do
	case $1 in
	--debian | --root | --suite | --program)
		[ $# -ge 2 ] || { usage >&2 && exit 2; }
		;;&
	--debian) debian=$2 && shift 2 ;;
	--root) keep=$2 && shift 2 ;;
	--suite) suites+=(--suite "$2") && shift 2 ;;
	--program) programs+=("$2") && shift 2 ;;
	-h | --help) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
done
[ "${#suites[@]}" -gt 0 ] ||
	suites=(--suite unit --suite integration --suite cli --suite python)

root_enter_namespaces ${arguments[@]+"${arguments[@]}"}

work=$(mktemp -d)
root=${keep:-$work/root}
log=$work/log
clean_up()
{
	root_unmount
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT

make_root()
{
	if [ ! -x "$root/usr/bin/apt-get" ]; then
		root_make "$debian" || return 1
	else
		root_mount || return 1
	fi
}

install_packages()
{
	inside_apt install "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" ||
		return 1
	root_keep_downloads "$debian"
}

# The commit, and the documents that are data of their own.
lay_sources()
{
	rm -rf --one-file-system "$root/srv/enclave-client" \
		"$root/srv/vectors"
	mkdir -p "$root/srv/enclave-client"
	git -c safe.directory='*' -C "$top" archive HEAD |
		tar -x -C "$root/srv/enclave-client" || return 1
	[ -z "${ENCLAVE_CLIENT_VECTORS:-}" ] ||
		cp -R "$ENCLAVE_CLIENT_VECTORS" "$root/srv/vectors"
}

versions()
{
	# shellcheck disable=SC2016
	inside dpkg-query -W -f='${Package} ${Version}\n' libcurl4-openssl-dev \
		libssl-dev libcbor-dev libcjson-dev gcc python3 python3-cffi \
		python3-requests python3-urllib3 python3-httpx python3-httpcore
}

in_sources()
{
	local vectors=()

	[ ! -d "$root/srv/vectors" ] ||
		vectors=(ENCLAVE_CLIENT_VECTORS=/srv/vectors)
	inside env --chdir=/srv/enclave-client ${vectors[@]+"${vectors[@]}"} \
		timeout --kill-after=60 "$RUN_SECONDS_MAX" "$@"
}

run_programs()
{
	in_sources meson setup build/test &&
		in_sources ninja -C build/test &&
		in_sources meson test -C build/test --no-rebuild -t 3 \
			--print-errorlogs "${programs[@]}"
}

# Adds what tests/run.sh counted to what was counted here.
run_suites()
{
	local last status=0

	in_sources tests/run.sh "${suites[@]}" </dev/null 2>&1 |
		tee "$log" || status=$?
	last=$(tail -n 1 "$log")
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		[ "$status" -eq 0 ] || [ "${BASH_REMATCH[2]}" -gt 0 ] ||
			failed=$((failed + 1))
	else
		failed=$((failed + 1))
		printf 'tests/run.sh ended without its count\n'
	fi
}

run_all()
{
	step "a Debian $debian" make_root || return 0
	step 'what the tests need' install_packages || return 0
	step 'the sources' lay_sources || return 0
	step 'the versions' versions || return 0
	sed 's/^/    /' "$log"
	if [ "${#programs[@]}" -gt 0 ]; then
		step "${programs[*]}" run_programs || return 0
	else
		run_suites
	fi
}

run_all
finish
