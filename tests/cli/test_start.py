"""What the command line costs before it does anything."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "timm", "lightgbm", "sklearn", "sqlalchemy", "pandas", "scipy")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from advisor.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        f"except SystemExit as end:\n    assert not end.code\nprint([m for m in {HEAVY} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout.strip().endswith("[]"), result.stdout


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, advisor\nprint([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
