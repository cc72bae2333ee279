#!/usr/bin/env bash
# Builds the Debian packages in a copy of the tree, judges them with lintian,
# unpacks them into an empty root, and uses what is there. Packages go to
# build/debian.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/debian
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"

packages_need "${PACKAGES_BUILD[@]}" debhelper dh-python dpkg-dev fakeroot \
	lintian python3-all-dev python3-cffi python3-setuptools python3-wheel

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

copy_tree()
{
	mkdir "$work/tree"
	tar -C "$top" -c --exclude='./build*' --exclude=./.git \
		--exclude=__pycache__ --exclude='*.egg-info' . |
		tar -C "$work/tree" -x
	cp -R "$here" "$work/tree/debian"
	rm "$work/tree/debian/build.sh"
}

build()
{
	(cd "$work/tree" && dpkg-buildpackage -us -uc -b)
	mkdir -p "$out"
	rm -f "$out"/*.deb "$out"/*.changes "$out"/*.buildinfo
	mv "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out"
}

# Each package and what it must hold.
check_contents()
{
	local package path

	while read -r package path; do
		# To its end: dpkg-deb minds a reader that goes away.
		dpkg-deb -c "$out/$package"_*.deb | grep -- "$path" >/dev/null || {
			echo "$package has no $path" >&2
			return 1
		}
	done <<'TEXT'
libenclave-client0 libenclave-client.so.0
libenclave-client-dev enclave_client.h
libenclave-client-dev libenclave-client.a
libenclave-client-dev enclave-client.pc
libenclave-client-dev man3/enclave_client_request.3
libenclave-client-dev man7/enclave_client.7
attest-curl bin/attest-curl
python3-enclave-client enclave_client/__init__.py
python3-enclave-client enclave_client/_native
TEXT
}

# What a user of the packages does first, from an empty root.
check_use()
{
	local root=$work/root libraries pc flags package

	mkdir "$root"
	for package in "$out"/*.deb; do
		case $package in
		*-dbgsym_*) ;;
		*) dpkg-deb -x "$package" "$root" ;;
		esac
	done
	pc=$(dirname "$(find "$root" -name enclave-client.pc)")
	libraries=$(dirname "$pc")
	flags=$(PKG_CONFIG_PATH="$pc" pkg-config \
		--define-variable=prefix="$root/usr" --cflags --libs \
		enclave-client)
	# shellcheck disable=SC2086 # words, not one word
	cc -std=c11 -o "$work/minimal" "$top/examples/minimal.c" $flags
	! LD_LIBRARY_PATH=$libraries "$work/minimal" absent.json a / \
		2>"$work/said" || return 1
	grep 'absent\.json' "$work/said"
	LD_LIBRARY_PATH=$libraries "$root/usr/bin/attest-curl" --version
	LD_LIBRARY_PATH=$libraries \
		PYTHONPATH=$root/usr/lib/python3/dist-packages \
		/usr/bin/python3 -B -c 'import enclave_client'
}

copy_tree
build
check_contents
check_use
lintian --fail-on error,warning --suppress-tags-from-file \
	"$here/lintian-reasons" "$out"/*.changes
ls -l "$out"
