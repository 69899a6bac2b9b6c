"""Writes the table of timm's models: ``python -m research.model_table > meta_data/models.csv``.

Every registered model is traced once at its native resolution. The table is what lets advice be given without torch.
"""

from __future__ import annotations

import csv
import sys

from advisor.describe.model_description import FIELDS
from advisor.describe.model_trace import trace


def main() -> None:
    """Write one row a model to stdout; name on stderr what cannot be traced."""
    import timm

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(FIELDS)
    for name in timm.list_models():
        try:
            writer.writerow(trace(name).to_row())
        except Exception as error:  # isolation: one model that cannot be traced must not cost the table the others
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
