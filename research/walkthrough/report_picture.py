"""Takes the picture of a report, in Chromium.

``python -m research.walkthrough.report_picture REPORT.html PICTURE.png``
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright


def main(report: str, picture: str) -> None:
    """Take the picture of a whole page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 800})
        page.goto(Path(report).resolve().as_uri())
        page.wait_for_selector(".plot svg")
        page.locator(".toggle").last.click()
        page.wait_for_timeout(500)
        shot = page.screenshot(full_page=True)
        browser.close()
    # 64 colours are enough for text and lines, and a third of the bytes.
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(64).save(picture, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
