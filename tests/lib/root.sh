# shellcheck shell=bash
# A Debian that debootstrap has just made, and what is run in it. The reader
# sets $root (the folder), $log (a file) and $root_cache (what was downloaded).
# shellcheck disable=SC2154

root_mirror=${ENCLAVE_CLIENT_CLEAN_ROOT_MIRROR:-http://deb.debian.org/debian}
passed=0
failed=0

skip()
{
	printf 'skipped: %s\n0 passed, 0 failed, 1 skipped\n' "$1"
	exit 0
}

finish()
{
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" -eq 0 ]
}

# Mounts and processes of the root end with the namespaces they are in. Starts
# the caller's script anew, in them.
root_enter_namespaces()
{
	[ -z "${ENCLAVE_CLIENT_CLEAN_ROOT_INSIDE:-}" ] || return 0
	[ "$(id -u)" -eq 0 ] || skip 'not root'
	unshare --mount --pid --fork true 2>/dev/null || skip 'no namespaces'
	packages_need debootstrap || skip 'no debootstrap'
	export ENCLAVE_CLIENT_CLEAN_ROOT_INSIDE=yes
	exec unshare --mount --pid --fork --kill-child "$0" "$@"
}

# step NAME COMMAND...: its output is shown when it fails.
step()
{
	local name=$1 start=$SECONDS
	shift

	if "$@" </dev/null >"$log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok - %s (%d s)\n' "$name" "$((SECONDS - start))"
		return
	fi
	failed=$((failed + 1))
	printf 'not ok - %s\n' "$name"
	tail -n 60 "$log"
	return 1
}

# Nothing of the caller's environment; downloads are kept for the next run.
inside()
{
	chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
		DEBIAN_FRONTEND=noninteractive \
		${http_proxy:+http_proxy="$http_proxy"} \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		"$@"
}

inside_apt()
{
	inside apt-get -q -y --no-install-recommends \
		-o APT::Keep-Downloaded-Packages=true "$@"
}

# The archives of one suite are of no use to another.
root_archives()
{
	if [ "$1" = bookworm ]; then
		printf '%s/archives\n' "$root_cache"
	else
		printf '%s/archives-%s\n' "$root_cache" "$1"
	fi
}

root_keep_downloads()
{
	local archives

	archives=$(root_archives "$1")
	mkdir -p "$archives"
	cp -n "$root"/var/cache/apt/archives/*.deb "$archives" \
		2>/dev/null || true
}

root_make_tarball()
{
	local made

	[ ! -f "$root_cache/$1.tar.gz" ] || return 0
	mkdir -p "$root_cache"
	made=$(mktemp -d -p "$root_cache") || return 1
	debootstrap --variant=minbase --make-tarball="$made/$1.tar.gz" \
		"$1" "$made/bootstrap" "$root_mirror" &&
		mv "$made/$1.tar.gz" "$root_cache"
	local status=$?
	rm -rf --one-file-system "$made"
	return "$status"
}

# Python's multiprocessing wants semaphores, a test of a terminal a terminal.
root_mount()
{
	mkdir -p "$root/dev/shm" "$root/dev/pts"
	mount -t proc proc "$root/proc" &&
		mount -t tmpfs tmpfs "$root/dev/shm" &&
		mount -t devpts -o newinstance,ptmxmode=0666 devpts \
			"$root/dev/pts"
}

root_unmount()
{
	umount "$root/dev/pts" "$root/dev/shm" "$root/proc" 2>/dev/null || true
}

# root_make SUITE: in $root, over what was there.
root_make()
{
	root_make_tarball "$1" || return 1
	rm -rf --one-file-system "$root"
	debootstrap --variant=minbase \
		--unpack-tarball="$root_cache/$1.tar.gz" \
		"$1" "$root" "$root_mirror" || return 1
	cp /etc/resolv.conf "$root/etc/resolv.conf" || return 1
	# As the installer leaves it.
	printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n' \
		>"$root/etc/hosts"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	cp "$(root_archives "$1")"/*.deb "$root/var/cache/apt/archives" \
		2>/dev/null || true
	root_mount && inside_apt update
}
