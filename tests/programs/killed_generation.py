"""A process that is killed while it generates the example's sales."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def die_after_the_first_batch(examples: str, folder: str) -> None:
    sys.path.insert(0, examples)
    import sales_database

    draw = sales_database.generated_sales

    def draw_once_then_die(source, count, regions):
        if count < sales_database.ROWS_PER_BATCH:
            os.kill(os.getpid(), signal.SIGKILL)
        return draw(source, count, regions)

    sales_database.generated_sales = draw_once_then_die
    sales_database.sales_file(Path(folder), sales_database.ROWS_PER_BATCH + 1)
