import os
import sys

if not getattr(sys.flags, "safe_path", False):
    # Here Python has put the working folder. What lies there under a name that we import is the script's, or anyone's.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from advisor.cli import main

main()
