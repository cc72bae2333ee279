#!/usr/bin/env bash
# Shows that each rule has a test which fails when the rule is taken out:
# tests/mutants/run.sh [--only PATTERN] [--jobs N]
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/lib/packages.sh
. "$top/tests/lib/packages.sh"
# shellcheck source=tests/lib/environment.sh
. "$top/tests/lib/environment.sh"

packages_need "${PACKAGES_BUILD[@]}" "${PACKAGES_TEST[@]}" patch >&2 || {
	echo '0 passed, 1 failed'
	exit 1
}
environment_clear
exec python3 -B "$top/tests/mutants/mutants.py" "$@"
