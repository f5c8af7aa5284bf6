"""The data of the demo: a SQLite file of generated sales, a report over it and the version of what the report reads.

The version of a region is a counter in a table of its own, raised by triggers in the same transaction as every insert,
update and delete of a sale. Reading it is one look-up by primary key; the report has to go through all rows.

Why not something SQLite has already? `PRAGMA data_version` says "another connection has changed something since *this*
connection last looked": every connection counts for itself and does not count its own changes, so numbers from two
connections mean nothing beside each other. `total_changes()` is of one connection too. A file's modification time
is too coarse, and with a write-ahead log the changes go to another file first. None of them knows about regions.

What the counter misses is what goes past the triggers: a backup that is copied over the file (the counter goes back and
can reach the same number with other rows), a change made while the triggers are dropped, and the row that an
`INSERT OR REPLACE` pushes out (SQLite fires its delete trigger only with `PRAGMA recursive_triggers` on).
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONS = ("north", "east", "south", "west", "islands")
PRODUCTS = ("bread", "cheese", "coffee", "honey", "olives", "tea", "vinegar", "wine")
DAYS = tuple((date(2025, 1, 1) + timedelta(days=day)).isoformat() for day in range(365))
CUSTOMERS = range(1, 20_001)
QUANTITIES = range(1, 10)
PRICES_IN_CENTS = range(99, 5_000)

# Both are part of the file's name: a file is never replaced by one of another shape, it gets a neighbour.
SCHEMA_NUMBER = 1
SEED = 20_250_101

ROWS_PER_BATCH = 20_000

# No index on region: the report is meant to be work.
TABLES = """
CREATE TABLE sales (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    region TEXT NOT NULL,
    product TEXT NOT NULL,
    customer INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    price_cents INTEGER NOT NULL
);
CREATE TABLE region_changes (region TEXT PRIMARY KEY, changes INTEGER NOT NULL) WITHOUT ROWID;
"""

# A sale that moves to another region changes the report of both.
TRIGGERS = """
CREATE TRIGGER sale_added AFTER INSERT ON sales BEGIN
    UPDATE region_changes SET changes = changes + 1 WHERE region = new.region;
END;
CREATE TRIGGER sale_removed AFTER DELETE ON sales BEGIN
    UPDATE region_changes SET changes = changes + 1 WHERE region = old.region;
END;
CREATE TRIGGER sale_changed AFTER UPDATE ON sales BEGIN
    UPDATE region_changes SET changes = changes + 1 WHERE region IN (old.region, new.region);
END;
"""

INSERT = "INSERT INTO sales (day, region, product, customer, quantity, price_cents) VALUES (?, ?, ?, ?, ?, ?)"

REPORT = """
SELECT product, substr(day, 1, 7) AS month,
    count(*), sum(quantity), sum(quantity * price_cents), count(DISTINCT customer)
FROM sales WHERE region = ? GROUP BY product, month ORDER BY product, month
"""

Sale = tuple[str, str, str, int, int, int]


@dataclass(frozen=True)
class ReportLine:
    """What was sold of one product in one month."""

    product: str
    month: str
    sales: int
    pieces: int
    revenue_cents: int
    customers: int


@dataclass(frozen=True)
class RegionReport:
    """All lines of one region. Frozen, because every request that is served from the cache gets this very object."""

    region: str
    lines: tuple[ReportLine, ...]

    @property
    def sales(self) -> int:
        """The number of sales in the region."""
        return sum(line.sales for line in self.lines)


def sales_file(folder: Path, rows: int) -> Path:
    """Return the database of that many rows in the folder; make it, with a progress bar, if it is not there yet.

    The rows are written to a file of another name, which gets its own only when it is complete and on the disk. So a
    run that was interrupted leaves nothing that could be taken for a finished file.
    """
    path = folder / f"sales-{SCHEMA_NUMBER}-{SEED}-{rows}.sqlite3"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder) as unfinished:
        draft = Path(unfinished) / path.name
        _generate(draft, rows)
        with draft.open("r+b") as written:
            os.fsync(written.fileno())
        if not path.exists():  # another process may have been faster, and be serving its file already
            draft.rename(path)
    return path


def _generate(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        # Half a file is worth nothing here, so SQLite need not be able to go back.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(TABLES)
        connection.executemany("INSERT INTO region_changes VALUES (?, 0)", [(region,) for region in REGIONS])
        source = random.Random(SEED)
        with tqdm(total=rows, desc="Generating sales", unit=" rows", unit_scale=True) as progress:
            for start in range(0, rows, ROWS_PER_BATCH):
                batch = min(ROWS_PER_BATCH, rows - start)
                connection.executemany(INSERT, generated_sales(source, batch, REGIONS))
                progress.update(batch)
        connection.executescript(TRIGGERS)  # commits the rows first
        # With a write-ahead log an insert does not wait for the reports that are being read.
        connection.execute("PRAGMA journal_mode = WAL")


def generated_sales(source: random.Random, count: int, regions: tuple[str, ...]) -> Iterator[Sale]:
    """Draw sales of one of the regions each; the same source gives the same sales."""
    return zip(
        source.choices(DAYS, k=count),
        source.choices(regions, k=count),
        source.choices(PRODUCTS, k=count),
        source.choices(CUSTOMERS, k=count),
        source.choices(QUANTITIES, k=count),
        source.choices(PRICES_IN_CENTS, k=count),
        strict=True,
    )


def region_version(path: Path, region: str) -> int:
    """Read how many changes the region has seen: one row, found by its key."""
    with closing(sqlite3.connect(path)) as connection:
        (changes,) = connection.execute("SELECT changes FROM region_changes WHERE region = ?", (region,)).fetchone()
    return int(changes)


def region_report(path: Path, region: str) -> RegionReport:
    """Go through all sales and sum up those of the region, by product and month."""
    with closing(sqlite3.connect(path)) as connection:
        return RegionReport(region, tuple(ReportLine(*line) for line in connection.execute(REPORT, (region,))))


def insert_sales(path: Path, region: str, count: int) -> None:
    """Add that many sales to the region in one transaction."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("BEGIN IMMEDIATE")  # so that two inserts at once draw from different sources
        (last,) = connection.execute("SELECT max(id) FROM sales").fetchone()
        connection.executemany(INSERT, generated_sales(random.Random(last), count, (region,)))
