#!/usr/bin/env bash
# tests/fuzz/long.sh BUILD_DIR SECONDS: the fuzz targets as a test, one case
# for each target; they share SECONDS. What it learns stays in the build
# directory.
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if ! command -v clang >/dev/null; then
	echo '1..0 # SKIP clang is not installed'
	exit 0
fi

log=$1/fuzz-long.md
rm -f "$log"
# The flags of the caller's build are not those of a fuzzer's.
unset CC CFLAGS LDFLAGS
status=0
# Others run beside it, with a clock in view; it only wants what is left.
nice -n 10 "$top/tests/fuzz/run.sh" --log "$log" --build-dir "$1/fuzz" \
	--share "$2" >"$1/fuzz-long.log" 2>&1 || status=$?

count=0
while IFS='|' read -r _ _ _ target seconds _ executions edges result _; do
	count=$((count + 1))
	verdict='not ok'
	# A target that ran nothing has found nothing either.
	[[ ${result// /} == nothing && ${executions// /} =~ ^[1-9][0-9]*$ ]] &&
		verdict=ok
	printf '%s %d - %s, %s seconds\n' "$verdict" "$count" \
		"${target// /}" "${seconds// /}"
	printf '# executions:%sedges:%sfound:%s\n' \
		"$executions" "$edges" "$result"
done < <(cat "$log" 2>/dev/null)
if [ "$count" -eq 0 ] || { [ "$status" -ne 0 ] && [ "$status" -ne 1 ]; }; then
	count=$((count + 1))
	echo "not ok $count - tests/fuzz/run.sh runs to its end"
	sed 's/^/# /' "$1/fuzz-long.log" | tail -n 100
fi
echo "1..$count"
