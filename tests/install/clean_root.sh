#!/usr/bin/env bash
# What a stranger does, in a Debian 12 that debootstrap has just made; the last
# line is `N passed, N failed`.
set -euo pipefail

usage()
{
	cat <<'TEXT'
usage: tests/install/clean_root.sh [packages|build|clone]...

packages (the default) installs the packages of build/debian, which it builds
where they are missing, uses each of them against a local enclave, purges them
and wants nothing left. build runs the README's lines that build, install and
take away again, in a clone of the commit that is checked out. clone runs the
README's two commands in such a clone; that takes as long as tests/run.sh does.

Needs root, namespaces and a Debian mirror; without them it is skipped. What was
downloaded is kept in build/clean-root (ENCLAVE_CLIENT_CLEAN_ROOT_CACHE).
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/root.sh
. "$top/tests/lib/root.sh"

root_cache=${ENCLAVE_CLIENT_CLEAN_ROOT_CACHE:-$top/build/clean-root}
host=payments.example.com

parts=("$@")
[ "${#parts[@]}" -gt 0 ] || parts=(packages)
for part in "${parts[@]}"; do
	case $part in
	packages | build | clone) ;;
	-h | --help) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
done

root_enter_namespaces "${parts[@]}"

work=$(mktemp -d)
root=$work/root
log=$work/log
enclave=
clean_up()
{
	stop_enclave
	root_unmount
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT

leave_root()
{
	root_keep_downloads bookworm
	root_unmount
}

# Every path and what kind it is, but for what apt, dpkg and the linker keep of
# their own history.
list_files()
{
	inside find / -xdev \( -path /proc -o -path /sys -o -path /dev \
		-o -path /srv -o -path /tmp -o -path /var/log -o -path /var/lib/apt \
		-o -path /var/cache/apt -o -path /var/cache/ldconfig \) \
		-prune -o -printf '%y %p\n' |
		grep -v '/var/lib/dpkg/[^/]*-old$' | sort
}

build_packages()
{
	ls "$top"/build/debian/attest-curl_*.deb ||
		"$top/bindings/debian/build.sh"
}

build_enclave()
{
	local build=$top/build/quickstart

	packages_need "${PACKAGES_BUILD[@]}" check libevent-dev || return 1
	[ -f "$build/build.ninja" ] || meson setup "$build" "$top" || return 1
	ninja -C "$build" tests/local_enclave/local-enclave
}

# The packages that stand in build/debian, without debug symbols.
copy_packages()
{
	mkdir -p "$root/srv/packages"
	cp "$top"/build/debian/*_*.deb "$root/srv/packages"
	rm -f "$root"/srv/packages/*-dbgsym_*
	[ "$(find "$root/srv/packages" -name '*.deb' | wc -l)" -eq 4 ]
}

# What ours depend on, and a compiler: so that only ours come and go.
install_others()
{
	local package needs

	needs=$(for package in "$root"/srv/packages/*.deb; do
		dpkg-deb -f "$package" Depends
	done | tr ',' '\n' | grep -v libenclave-client0 | paste -sd,)
	inside_apt install gcc libc6-dev pkg-config || return 1
	inside_apt satisfy "$needs"
}

install_ours()
{
	inside sh -c 'apt-get -q -y --no-install-recommends install \
		/srv/packages/*.deb'
}

# The local enclave runs outside, and is reached over 127.0.0.1.
start_enclave()
{
	local tries

	mkdir -p "$work/state" "$root/srv/try"
	"$top/build/quickstart/tests/local_enclave/local-enclave" \
		--state "$work/state" --host "$host" >"$work/ready" &
	enclave=$!
	for tries in {1..100}; do
		[ ! -s "$work/ready" ] || break
		sleep 0.1
	done
	[ "$tries" -lt 100 ] || return 1
	port=$(sed -E 's/.*"port":([0-9]+).*/\1/' "$work/ready")
	pcr0=$(sed -E 's/.*"0":"([0-9a-f]{96})".*/\1/' "$work/ready")
	way=$host:443:127.0.0.1:$port
	cp "$work/state/web-ca.pem" "$work/state/nitro-root.pem" \
		"$root/srv/try"
	printf '{"enclaves": {"payments": {"url": "https://%s",
		"pcrs": {"PCR0": "%s"}}}}\n' "$host" "$pcr0" \
		>"$root/srv/try/enclaves.json"
	printf '{"PCR0": "%s"}\n' "$pcr0" >"$root/srv/try/measurements.json"
}

stop_enclave()
{
	[ -n "$enclave" ] || return 0
	kill "$enclave" 2>/dev/null || true
	wait "$enclave" || true
	enclave=
}

# The README's block of one language that contains a word.
readme_block()
{
	awk -v start="^\`\`\`$1\$" -v word="$2" '
		$0 ~ start { on = 1; text = ""; next }
		/^```$/ { if (on && index(text, word)) printf "%s", text
			on = 0 }
		on { text = text $0 "\n" }' "$top/README.md"
}

use_c()
{
	readme_block c 'enclave_client_request(' \
		>"$root/srv/try/readme_lines.inc"
	cp "$here/readme_program.c" "$root/srv/try"
	# shellcheck disable=SC2016
	inside sh -c 'cd /srv/try && cc -std=c11 -Wall -Wextra \
		-DCA_FILE="\"web-ca.pem\"" -DROOT_FILE="\"nitro-root.pem\"" \
		-DCONNECT_TO="\"$1\"" -o readme readme_program.c \
		$(pkg-config --cflags --libs enclave-client) &&
		[ "$(./readme)" = 200 ]' sh "$way"
}

# use_command PCR0: as the README has it, and what a test must lay in.
use_command()
{
	# shellcheck disable=SC2016
	inside sh -c 'cd /srv/try && attest-curl -sS --cacert web-ca.pem \
		--insecure-nitro-root nitro-root.pem --connect-to "$1" \
		--pcr "0=$2" "https://$3/hello"' sh "$way" "$1" "$host"
}

command_answers()
{
	use_command "$pcr0" | grep '"path":"/hello"'
}

command_refuses()
{
	local status=0

	use_command "$(printf 'ab%.0s' {1..48})" || status=$?
	[ "$status" -eq 115 ]
}

use_python()
{
	{
		cat <<TEXT
import functools, enclave_client
enclave_client.Client = functools.partial(
    enclave_client.Client, ca_file="web-ca.pem",
    insecure_nitro_root="nitro-root.pem", connect_to=["$way"])
TEXT
		readme_block python 'import enclave_client'
	} >"$root/srv/try/lines.py"
	inside sh -c 'cd /srv/try && python3 -W ignore lines.py' |
		grep '"path":"/hello"'
}

use_manual()
{
	inside test -s /usr/share/man/man3/enclave_client_request.3.gz &&
		inside test -s /usr/share/man/man1/attest-curl.1.gz
}

purge_ours()
{
	inside_apt purge attest-curl libenclave-client0 \
		libenclave-client-dev python3-enclave-client
}

nothing_is_left()
{
	list_files >"$work/after"
	diff "$work/before" "$work/after"
}

run_packages()
{
	local name

	step 'the packages are there' build_packages || return 0
	step 'the local enclave is built' build_enclave || return 0
	step 'a clean Debian 12' root_make bookworm || return 0
	step 'four packages' copy_packages || return 0
	step 'what they depend on' install_others || return 0
	list_files >"$work/before"
	step 'apt installs them' install_ours || return 0
	step 'the local enclave starts' start_enclave || return 0
	for name in use_c command_answers command_refuses use_python \
		use_manual; do
		step "${name//_/ }" "$name" || true
	done
	step 'apt purges them' purge_ours || return 0
	step 'nothing is left' nothing_is_left || true
	stop_enclave
	leave_root
}

clone()
{
	git -c safe.directory='*' -C "$top" bundle create \
		"$root/srv/source.bundle" HEAD || return 1
	inside_apt install git ca-certificates || return 1
	inside git clone -q /srv/source.bundle /srv/enclave-client
}

# The documents are data of their own, not the project's.
clone_documents()
{
	[ -n "${ENCLAVE_CLIENT_VECTORS:-}" ] || return 0
	cp -R "$ENCLAVE_CLIENT_VECTORS" "$root/srv/vectors"
}

clone_runs()
{
	local vectors=()

	[ ! -d "$root/srv/vectors" ] ||
		vectors=(ENCLAVE_CLIENT_VECTORS=/srv/vectors)
	inside env --chdir=/srv/enclave-client ${vectors[@]+"${vectors[@]}"} \
		"$@"
}

build_runs()
{
	inside env --chdir=/srv/enclave-client bash -ec "$1"
}

# As the README has it: no variable says where the library is.
installed_command_starts()
{
	inside attest-curl --version
}

run_build()
{
	local lines uninstall

	lines=$(readme_block sh 'meson setup')
	# shellcheck disable=SC2016
	uninstall=$(sed -nE 's/^`(ninja[^`]* uninstall[^`]*)`.*/\1/p' \
		"$top/README.md")
	step 'a clean Debian 12' root_make bookworm || return 0
	step 'a clone' clone || return 0
	printf 'APT::Get::Assume-Yes "true";\n' \
		>"$root/etc/apt/apt.conf.d/yes"
	step 'the packages to build from' build_runs "${lines%%$'\n'*}" ||
		return 0
	list_files >"$work/before"
	step 'it builds and installs' build_runs "${lines#*$'\n'}" || return 0
	step 'the installed command starts' installed_command_starts || true
	step 'it is taken away' build_runs "$uninstall" || return 0
	rm -rf "$root/srv/enclave-client/build"
	step 'nothing is left' nothing_is_left || true
	leave_root
}

run_clone()
{
	local command

	step 'a clean Debian 12' root_make bookworm || return 0
	step 'a clone' clone || return 0
	clone_documents
	while read -r command; do
		step "in the clone: $command" clone_runs "$command" || true
		tail -n 1 "$log"
	done < <(readme_block sh tests/run.sh | sed 's/ *#.*//')
	leave_root
}

for part in "${parts[@]}"; do
	"run_$part"
done
finish
