#!/usr/bin/env bash
# An attested answer, a refused build and a refused impostor, on this machine:
# three enclaves of the local kind, and attest-curl.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build/quickstart
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/environment.sh
. "$top/tests/lib/environment.sh"
# shellcheck source=tests/lib/stage.sh
. "$top/tests/lib/stage.sh"

stage_dir=$(mktemp -d)
pids=()

# shellcheck disable=SC2317
clean_up()
{
	local pid

	for pid in ${pids[@]+"${pids[@]}"}; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" || true
	done
	rm -rf "$stage_dir"
}
trap clean_up EXIT

configure()
{
	[ -f "$build/build.ninja" ] || meson setup "$build" "$top"
}

compile()
{
	ninja -C "$build" bindings/cli/attest-curl \
		tests/local_enclave/local-enclave
}

# start NAME OPTION...: a local enclave that answers for enclave.test. Its
# ready line goes to $stage_dir/NAME.
start()
{
	local name=$1 tries
	shift

	"$build/tests/local_enclave/local-enclave" --state "$stage_dir/state" \
		--instance "$name" --host enclave.test "$@" \
		>"$stage_dir/$name" 2>"$stage_dir/$name.log" &
	pids+=($!)
	for tries in $(seq 100); do
		[ ! -s "$stage_dir/$name" ] || return 0
		sleep 0.1
	done
	cat "$stage_dir/$name.log" >&2
	echo "the local enclave $name did not start in $((tries / 10)) s" >&2
	return 1
}

# text NAME MEMBER: of the ready line.
text()
{
	sed -E "s/.*\"$2\":\"?([^\",}]*).*/\\1/" "$stage_dir/$1"
}

# ask NAME EXPECTED: sends the same secret to whoever answers for enclave.test,
# and insists on the exit status.
ask()
{
	local status=0

	"$build/bindings/cli/attest-curl" -sS \
		--insecure-nitro-root "$(text genuine nitro_root)" \
		--cacert "$(text genuine web_ca)" \
		--pcr "0=$pcr0" \
		--connect-to "enclave.test:443:127.0.0.1:$(text "$1" port)" \
		-H 'Authorization: Bearer s3cret' -d 'amount=42' \
		-w '%{onattested}\nsent under PCR0 %{attestation_pcr0}\n' \
		https://enclave.test/payments 2>"$stage_dir/said" || status=$?
	grep -v 'insecure: ' "$stage_dir/said" || true
	echo "exit status $status"
	[ "$status" -eq "$2" ] || {
		echo "expected exit status $2" >&2
		return 1
	}
}

# shellcheck disable=SC2119
stage 'packages' packages_need "${PACKAGES_BUILD[@]}" check libevent-dev
environment_clear
stage 'configure' configure
stage 'build' compile

pcr0=$(printf 'a0%.0s' {1..48})
start genuine --pcr "0=$pcr0"
start other-build --pcr "0=$(printf 'bb%.0s' {1..48})"
start impostor --relay "https://127.0.0.1:$(text genuine port)"

printf '\n1. The enclave that runs what was accepted answers:\n\n'
ask genuine 0

printf '\n2. An enclave that runs something else is refused:\n\n'
ask other-build 115

printf '\n3. An impostor with a valid certificate, a key of its own and the
   genuine evidence is refused:\n\n'
ask impostor 116

printf '\n   All that the impostor ever received:\n\n'
sed -nE 's/.*"event":"request_started".*"method":"([^"]*)","path":"([^"]*)".*("headers":\{[^}]*\}).*/   \1 \2  \3/p' \
	"$stage_dir/state/impostor.log.jsonl"
! grep -q 's3cret\|amount=42' "$stage_dir/state/impostor.log.jsonl" || {
	echo "the impostor received a secret" >&2
	exit 1
}
