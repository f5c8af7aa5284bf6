#!/usr/bin/env bash
# Builds a wheel for each CPython from 3.10 to 3.14 that is on PATH or was installed by pyenv, and runs the
# tests on it. Free-threaded builds are left out: the package does not claim to support them.
set -euo pipefail
cd "$(dirname "$0")/.."

# Prints the path of a CPython $1 that runs. pyenv puts shims on PATH for versions that are not selected:
# those do not run.
find_python() {
    local candidate usable='import sys, sysconfig
sys.exit(sys.implementation.name != "cpython" or bool(sysconfig.get_config_var("Py_GIL_DISABLED")))'
    local pyenv=${PYENV_ROOT:-$HOME/.pyenv}
    for candidate in "$(command -v "python$1" || true)" "$pyenv/versions/$1".*/bin/python; do
        if "$candidate" -c "$usable" 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
}

tested=() missing=() failed=()
for version in 3.10 3.11 3.12 3.13 3.14; do
    python=$(find_python "$version")
    if [ -z "$python" ]; then
        missing+=("$version")
        continue
    fi
    echo "== CPython $version"
    if "${MAKE:-make}" --no-print-directory pytest PYTHON="$python" VENV=".venvs/$version"; then
        tested+=("$version")
    else
        failed+=("$version")
    fi
done

echo "passed: ${tested[*]:-none}; failed: ${failed[*]:-none}; not found: ${missing[*]:-none}"
[ ${#failed[@]} -eq 0 ] && [ ${#tested[@]} -gt 0 ]
