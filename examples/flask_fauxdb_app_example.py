"""A Flask app that shows what the cache spares a database.

Run it with `flask --app examples/flask_fauxdb_app_example run` and open the address it prints. The page needs the
stock value three times. Reload it: the data is looked at once for its version and not read. Follow the link: the data
has changed, so the next page reads it again, once.
"""

from __future__ import annotations

from collections import Counter, UserDict
from threading import Lock
from typing import TYPE_CHECKING, Any

from flask import Flask, g, redirect, render_template_string, url_for

from versioned_lru_cache import versioned_lru_cache_with_ttl

if TYPE_CHECKING:
    from werkzeug import Response

PAGE = """\
<!doctype html>
<html lang="en">
<title>A cache in front of a faux database</title>
<h1>Stock: {{ value }}</h1>
<p>This page asked for the stock value three times.</p>
<table>
  <tr><th>What happened since the app started</th><th>How often</th></tr>
  {%- for what, count in accesses.items() %}
  <tr><td>{{ what }}</td><td>{{ count }}</td></tr>
  {%- endfor %}
</table>
<p><a href="{{ url_for('page') }}">Load the page again</a></p>
<p><a href="{{ url_for('change') }}">Change the data</a></p>
</html>
"""


class FauxDatabase(UserDict[str, int]):
    """A dict that counts how often it is read, written and asked for its version."""

    def __init__(self, rows: dict[str, int]) -> None:
        self.changes = 0
        self.accesses = Counter({"version asked": 0, "row read": 0, "row written": 0})
        self._lock = Lock()  # the development server answers each request on a thread of its own
        super().__init__()
        self.data.update(rows)  # what was there from the start is not counted

    def __getitem__(self, product: str) -> int:
        with self._lock:
            self.accesses["row read"] += 1
            return super().__getitem__(product)

    def __setitem__(self, product: str, pieces: int) -> None:
        with self._lock:
            self.accesses["row written"] += 1
            self.changes += 1
            super().__setitem__(product, pieces)

    def add(self, product: str, pieces: int) -> None:
        """Add to the pieces of a product, as one change."""
        with self._lock:
            self.accesses["row written"] += 1
            self.changes += 1
            self.data[product] += pieces

    def version(self) -> str:
        """Tell the states of the data apart without reading the data."""
        with self._lock:
            self.accesses["version asked"] += 1
            return str(self.changes)


app = Flask(__name__)
database = FauxDatabase({"apples": 120, "pears": 80, "quinces": 7})


def stock_version(*args: Any, **kwargs: Any) -> str:
    """Ask for the version: cheap, and needed once in a request however often the value is."""
    return database.version()


@versioned_lru_cache_with_ttl(
    proxy_to_session_context_object=g,
    generate_version_func=stock_version,
    module_name=__name__,
)
def stock_value() -> int:
    """Read every row of the database: the work that is worth remembering."""
    return sum(database[product] for product in database)


@app.get("/")
def page() -> str:
    """Show the stock value and what it has cost so far."""
    # In a real app these calls would be far apart: a menu, a header, the page itself.
    values = {stock_value(), stock_value(), stock_value()}
    return render_template_string(PAGE, value=values.pop(), accesses=database.accesses)


@app.get("/change")
def change() -> Response:
    """Change the data. A link does it to keep the page small; a real app would want a POST for this."""
    database.add("apples", 10)
    return redirect(url_for("page"))
