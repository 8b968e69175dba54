#!/bin/sh
# Makes the virtual environment $1 with the first Python that is new enough, or says what is missing.
set -eu
venv=$1

# An environment whose Python still runs is kept.
if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    exit 0
fi

for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        found=$candidate
        break
    fi
done

if [ -z "${found:-}" ]; then
    echo "evouch needs Python 3.11 or newer, and there is none on the path." >&2
    echo "Where it has another name: make demo PYTHON=/path/to/python3" >&2
    exit 1
fi

if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "This Python ($found, $version) came without venv, which evouch is installed with." >&2
    echo "On Debian and Ubuntu: sudo apt-get install python$version-venv    then run make again." >&2
    exit 1
fi

rm -rf "$venv"
"$found" -m venv "$venv"
