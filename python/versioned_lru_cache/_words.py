"""Words of messages: nouns with the article that they have in English."""

from __future__ import annotations


def with_article(noun: str) -> str:
    """Return a noun with its article, by its first letter: "an int", "a str"."""
    return f"{'an' if noun[:1] in 'aeioAEIO' else 'a'} {noun}"


def a_type(value: object) -> str:
    """Return the name of an object's type with its article."""
    return with_article(type(value).__name__)
