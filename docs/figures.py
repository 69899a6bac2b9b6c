"""`make docs`: draws the README's picture from the real program's answer on the demo's unseen dataset."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent / "demo"))

COMMAND = "advisor suggest --dataset stripes --model test_resnet --scratch --img-size 32 --max-epochs 20"


def main() -> None:
    from demo import write_stripes

    from advisor.advise.advisor import Advisor
    from advisor.advise.render import to_table

    with tempfile.TemporaryDirectory() as folder:
        os.environ["ADVISOR_STORE"] = f"sqlite:///{folder}/records.db"
        os.environ["ADVISOR_CACHE_DIR"] = f"{folder}/cache"
        # The picture shows the evidence that ships, whatever its author has trained.
        os.environ["ADVISOR_METAMODEL_DIR"] = f"{folder}/metamodel"
        write_stripes(Path(folder) / "stripes")
        suggestion = Advisor().suggest(
            Path(folder) / "stripes", model="test_resnet", pretrained=False, img_size=32, max_epochs=20
        )
    console = Console(record=True, width=110, file=open(os.devnull, "w"), highlight=False)  # noqa: SIM115
    console.print(f"[bold]$ {COMMAND}[/bold]\n")
    console.print(to_table(suggestion))
    target = Path(__file__).parent / "images" / "suggest.svg"
    target.write_text(console.export_svg(title="advisor suggest", unique_id="suggest"), encoding="utf-8")
    print(target)


if __name__ == "__main__":
    main()
