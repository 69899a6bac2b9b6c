"""What can be wrong before a script has started."""

from __future__ import annotations

from research.trust.fault import BEFORE, STDERR, Fault, file, loop, pipe

_PYPROJECT = frozenset({"pyproject"})
_USER_FILE = frozenset({"user file"})
_HOME = frozenset({"home"})

FAULTS_BEFORE = [
    Fault(
        "no home folder, and nobody knows this user",
        BEFORE,
        environ={"HOME": None, "PYTHONPATH": "{folder}/nobody"},
        prepare=file("nobody/sitecustomize.py", "import sys\nsys.modules['pwd'] = None\n"),
        tags=_HOME | {"PYTHONPATH"},
    ),
    Fault("home is no folder", BEFORE, environ={"HOME": "/dev/null/home"}, tags=_HOME),
    Fault("home cannot be entered", BEFORE, environ={"HOME": "{folder}/loop"}, prepare=loop("loop"), tags=_HOME),
    Fault("home is a file", BEFORE, environ={"HOME": "{folder}/train.py"}, tags=_HOME),
    Fault(
        "the working folder was deleted",
        BEFORE,
        shell='mkdir gone && cd gone && rmdir ../gone && exec "$@"',
        tags=frozenset({"working folder", "stream"}),
    ),
    Fault("pyproject.toml cannot be read", BEFORE, prepare=loop("pyproject.toml"), tags=_PYPROJECT),
    Fault("pyproject.toml is broken", BEFORE, prepare=file("pyproject.toml", "[tool.advisor"), tags=_PYPROJECT),
    Fault("pyproject.toml is no text", BEFORE, prepare=file("pyproject.toml", b"\xff\xfe\x00"), tags=_PYPROJECT),
    Fault(
        "pyproject.toml has an unknown key",
        BEFORE,
        prepare=file("pyproject.toml", "[tool.advisor]\ncolour = 'red'\n"),
        tags=_PYPROJECT,
    ),
    Fault("pyproject.toml is a pipe", BEFORE, prepare=pipe("pyproject.toml"), tags=_PYPROJECT),
    Fault(
        "pyproject.toml nests without end", BEFORE, prepare=file("pyproject.toml", "a=" + "[" * 9999), tags=_PYPROJECT
    ),
    Fault(
        "the user's settings are broken",
        BEFORE,
        environ={"ADVISOR_CONFIG": "{folder}/settings.toml"},
        prepare=file("settings.toml", "store = "),
        tags=_USER_FILE,
    ),
    Fault(
        "the user's settings cannot be read",
        BEFORE,
        environ={"ADVISOR_CONFIG": "{folder}/settings.toml"},
        prepare=loop("settings.toml"),
        tags=_USER_FILE,
    ),
    Fault(
        "the user's settings are a pipe",
        BEFORE,
        environ={"ADVISOR_CONFIG": "{folder}/settings.toml"},
        prepare=pipe("settings.toml"),
        tags=_USER_FILE,
    ),
    Fault("the user's settings never end", BEFORE, environ={"ADVISOR_CONFIG": "/dev/zero"}, tags=_USER_FILE),
    Fault("a time limit is no number", BEFORE, environ={"ADVISOR_HOOK_TIMEOUT": "soon"}),
    Fault("a private path is none", BEFORE, environ={"ADVISOR_PRIVATE_PATHS": "home"}),
    Fault("the store's URL is none", BEFORE, environ={"ADVISOR_STORE": "://"}, tags=frozenset({"store"})),
    Fault("the store is of an unknown kind", BEFORE, environ={"ADVISOR_STORE": "x:///y"}, tags=frozenset({"store"})),
    Fault(
        "the store cannot be made",
        BEFORE,
        environ={"ADVISOR_STORE": "sqlite:////dev/null/a.db"},
        tags=frozenset({"store"}),
    ),
    Fault(
        "the spool folder cannot be made",
        BEFORE,
        environ={"ADVISOR_SPOOL_DIR": "/dev/null/spool"},
        tags=frozenset({"spool"}),
    ),
    Fault("a plugin is not installed", BEFORE, environ={"ADVISOR_PLUGINS": "timm,nosuch"}, tags=frozenset({"plugins"})),
    Fault("a plugin's name is senseless", BEFORE, environ={"ADVISOR_PLUGINS": "\t,,/"}, tags=frozenset({"plugins"})),
    Fault("stderr is closed", BEFORE, shell='exec "$@" 2>&-', tags=STDERR | {"stream"}),
    Fault("stdin is closed", BEFORE, shell='exec "$@" <&-', tags=frozenset({"stream"})),
    Fault("a locale that is not there", BEFORE, environ={"LC_ALL": "xx_YY", "PYTHONUTF8": "0"}),
    Fault(
        "assertions and docstrings are left out", BEFORE, environ={"PYTHONOPTIMIZE": "2"}, tags=frozenset({"source"})
    ),
    Fault("numbers of hashes are others", BEFORE, environ={"PYTHONHASHSEED": "123"}),
]
