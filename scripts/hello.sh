#!/usr/bin/env bash
# What one wants to know when the day begins. Asks nothing of the network.
set -euo pipefail
cd "$(dirname "$0")/.."

branch=$(git branch --show-current)
echo "Hello! It is $(date '+%A, %-d %B %Y'). This is versioned-lru-cache on branch $branch."
echo
if [ -z "$(git status --porcelain)" ]; then
    echo "Nothing is uncommitted."
else
    git status --short
fi
echo
git log --oneline --max-count=5 2>/dev/null || echo "No commits yet."
echo
if [ -x "$VENV/bin/python" ]; then
    echo "$VENV has $("$VENV/bin/python" --version)."
else
    echo "$VENV is not there yet: \`make dev-install\` makes it with $("$PYTHON" --version)."
fi
echo
make --no-print-directory help
