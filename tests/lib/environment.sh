# shellcheck shell=bash
# What a developer's environment must not decide.

# Call it after packages are installed: apt may need the proxy.
environment_clear()
{
	local name

	for name in $(compgen -e); do
		case ${name,,} in
		*_proxy | *_ca_bundle | ssl_cert_file | ssl_cert_dir | \
			sslkeylogfile | openssl_conf | openssl_modules | \
			curl_home | netrc | ck_* | pytest_* | pythonpath | \
			meson_testthreads | [alt]san_options | ubsan_options | \
			ld_preload | ld_library_path | malloc_*)
			unset "$name"
			;;
		esac
	done
	export LC_ALL=C.UTF-8
	# Debian's own tools before a version manager's; servers are in sbin.
	export PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
}

# Marks what is started from here on, so that it can be found when it is left.
environment_mark()
{
	export ENCLAVE_CLIENT_TEST_RUN="$$-$RANDOM$RANDOM"
}

# Prints "PID COMMAND" of each marked process but this shell and its children
# of the moment.
environment_left_running()
{
	local environ pid

	for environ in /proc/[0-9]*/environ; do
		pid=${environ#/proc/}
		pid=${pid%/environ}
		case $pid in "$BASHPID" | "$$") continue ;; esac
		grep -qsz "^ENCLAVE_CLIENT_TEST_RUN=$ENCLAVE_CLIENT_TEST_RUN$" \
			"$environ" || continue
		[ -r "/proc/$pid/cmdline" ] || continue
		printf '%s %s\n' "$pid" \
			"$(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	done
}
