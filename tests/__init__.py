"""The tests, in folders; `README.md` says what lies where."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
