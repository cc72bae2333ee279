# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are for those who read this file in
# Debian packages: what is needed, what is missing, installing it.

# What the library and the command are built from.
PACKAGES_BUILD=(gcc libc6-dev meson ninja-build pkg-config
	libcurl4-openssl-dev libssl-dev libcbor-dev libcjson-dev)
# What the tests need beside that.
PACKAGES_TEST=(g++ check curl mandoc libevent-dev nginx-light haproxy tinyproxy
	openssl ca-certificates
	python3 python3-cbor2 python3-cryptography python3-pytest
	python3-cffi python3-dev python3-setuptools python3-wheel python3-pip
	python3-venv python3-requests python3-httpx python3-h2 mypy gunicorn)
# What the suite `style` needs.
PACKAGES_STYLE=(clang-format clang-tidy clang cppcheck shellcheck codespell)

# Servers that Debian starts when it installs them; nothing here wants that.
PACKAGES_SERVICES=(nginx haproxy tinyproxy)

# Prints which of the named packages are not installed.
packages_missing()
{
	local name

	for name in "$@"; do
		dpkg-query -W -f='${Status}\n' "$name" 2>/dev/null |
			grep -q '^install ok installed' || echo "$name"
	done
}

packages_as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif [ -t 0 ]; then
		sudo "$@"
	else
		sudo -n "$@"
	fi
}

packages_can_be_root()
{
	[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null
}

packages_apt_install()
{
	packages_as_root env DEBIAN_FRONTEND=noninteractive apt-get \
		-o DPkg::Lock::Timeout=300 -q -y install \
		--no-install-recommends "$@"
}

# A server must neither start now nor at the next boot.
packages_hold_services()
{
	[ ! -e /usr/sbin/policy-rc.d ] || return 0
	# shellcheck disable=SC2016
	packages_as_root sh -c 'printf "#!/bin/sh\nexit 101\n" \
		>/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d'
	packages_policy_is_ours=yes
}

packages_release_services()
{
	local service name

	if [ -n "${packages_policy_is_ours:-}" ]; then
		packages_as_root rm -f /usr/sbin/policy-rc.d
		packages_policy_is_ours=
	fi
	command -v systemctl >/dev/null || return 0
	for service in "${PACKAGES_SERVICES[@]}"; do
		for name in "$@"; do
			case $name in
			"$service" | "$service"-*)
				packages_as_root systemctl disable \
					"$service.service" || true
				;;
			esac
		done
	done
}

# Installs those that are missing. The package lists are fetched only when
# what is there does not do.
packages_install()
{
	local missing status=0

	mapfile -t missing < <(packages_missing "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	packages_hold_services
	packages_apt_install "${missing[@]}" || {
		packages_as_root apt-get -o DPkg::Lock::Timeout=300 -q update &&
			packages_apt_install "${missing[@]}"
	} || status=$?
	packages_release_services "${missing[@]}"
	return "$status"
}

# Elsewhere than on Debian, or without root: names what is missing, by the
# names that Debian gives it. Prints nothing when everything is there.
packages_name_missing()
{
	local probe

	if command -v dpkg-query >/dev/null; then
		packages_missing "$@"
		return
	fi
	for probe in meson:meson ninja-build:ninja pkg-config:pkg-config gcc:cc; do
		command -v "${probe#*:}" >/dev/null || echo "${probe%%:*}"
	done
	command -v pkg-config >/dev/null || return 0
	for probe in libcurl4-openssl-dev:libcurl libssl-dev:openssl \
		libcbor-dev:libcbor libcjson-dev:libcjson check:check \
		libevent-dev:libevent_openssl; do
		pkg-config --exists "${probe#*:}" || echo "${probe%%:*}"
	done
	for probe in python3-cbor2:cbor2 python3-cryptography:cryptography \
		python3-pytest:pytest; do
		python3 -c "import ${probe#*:}" 2>/dev/null ||
			echo "${probe%%:*}"
	done
}

# Everything that is named is there afterwards, or the missing are named on
# standard error and the status is 1.
packages_need()
{
	local missing

	mapfile -t missing < <(packages_name_missing "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	if command -v apt-get >/dev/null && packages_can_be_root; then
		packages_install "$@" && return 0
	fi
	printf 'missing: %s\n' "${missing[*]}" >&2
	printf 'on Debian: apt-get install --no-install-recommends %s\n' \
		"${missing[*]}" >&2
	return 1
}
