"""What every command has in common: help with examples, completion, colours, narrow terminals, quiet and verbose."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from advisor.cli.root import COMMANDS, cli, main
from advisor.cli.terminal.examples import EXAMPLES
from research.pages.commands_page import page

ROOT = Path(__file__).parents[2]


def commands() -> dict[str, click.Command]:
    found = {}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        found[name] = command
        for below in getattr(command, "commands", {}):
            found[f"{name} {below}"] = command.commands[below]
    return found


@pytest.mark.parametrize("path", commands())
def test_help_says_what_it_does_explains_every_option_and_shows_examples(path, capsys):
    command = commands()[path]
    with pytest.raises(SystemExit):
        main([*path.split(), "--help"])
    shown = capsys.readouterr().out
    assert "Usage: advisor " in shown
    assert "Examples:" in shown
    for option in (param for param in command.params if isinstance(param, click.Option)):
        assert option.help, f"advisor {path} {option.opts[0]} has no help"


@pytest.mark.parametrize("example", [example for examples in EXAMPLES.values() for example in examples])
def test_the_examples_are_right_command_lines(example, tmp_path, monkeypatch):
    """They are parsed, not run; what they name exists."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copied" / "spool").mkdir(parents=True)
    for named in ("train.py", "monday.db"):
        (tmp_path / named).touch()
    words = [word for word in shlex.split(example) if not re.match(r"[A-Z_]+=", word)]
    assert words.pop(0) == "advisor"
    context, command = click.Context(cli, info_name="advisor"), cli
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
        context = click.Context(command, info_name=name, parent=context)
    command.make_context(command.name, words, parent=context.parent)


def test_the_page_on_commands_is_what_the_commands_say():
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == page(), "make docs"


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "advisor", *words]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, encoding="utf-8")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("su", "suggest"),
        ("records li", "list"),
        ("suggest --max-e", "--max-epochs"),
        ("suggest --prefer sp", "speed"),
        ("suggest --model test_resn", "test_resnet"),
        ("suggest --opt ada", "adamw"),
        ("suggest --dataset ph", "ph"),
    ],
)
def test_the_shell_completes(typed, offered):
    words = f"advisor {typed}"
    asked = {"_ADVISOR_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = run(**asked)
    assert done.returncode == 0, done.stderr
    kinds = dict(reversed(line.split(",", 1)) for line in done.stdout.splitlines())
    assert kinds.get(offered) == ("file" if "--dataset" in typed else "plain")


def test_the_shells_take_the_completion():
    script = run(_ADVISOR_COMPLETE="bash_source").stdout
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_ADVISOR_COMPLETE=bash_complete" in script


def on_a_terminal(*words: str, columns: int = 80, **environment: str) -> str:
    """Return what a command shows on a real terminal of so many columns."""
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    main_end, child_end = pty.openpty()
    fcntl.ioctl(child_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", **environment}
    for name in ("COLUMNS", "LINES"):
        env.pop(name, None)
    command = [sys.executable, "-m", "advisor", *words]
    with subprocess.Popen(command, stdin=child_end, stdout=child_end, stderr=child_end, env=env) as process:
        os.close(child_end)
        shown = b""
        while True:
            try:
                part = os.read(main_end, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
    os.close(main_end)
    assert process.returncode == 0, shown.decode()
    return shown.decode().replace("\r\n", "\n")


COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-9]|4[0-9]|9[0-7])[0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.mark.parametrize("command", [["config"], ["plugins"], ["--help"]])
def test_no_color_is_honoured(command):
    assert not COLOUR.search(on_a_terminal(*command, NO_COLOR="1"))


def test_a_table_that_is_too_wide_becomes_blocks():
    wide = CONTROL.sub("", on_a_terminal("config", columns=300))
    assert re.search(r"^setting +value +from", wide, re.MULTILINE)
    narrow = CONTROL.sub("", on_a_terminal("config", columns=40))
    assert re.search(r"^setting: suggest_timeout$", narrow, re.MULTILINE)
    assert re.search(r"^value: 120.0$", narrow, re.MULTILINE)
    assert re.search(r"^from: default$", narrow, re.MULTILINE)


def test_advice_can_be_read_in_forty_columns(image_folder):
    command = ("--quiet", "suggest", "--dataset", str(image_folder), "--model", "test_resnet", "--scratch")
    shown = CONTROL.sub("", on_a_terminal(*command, columns=40, NO_COLOR="1"))
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 40
    for words in ("learning rate", "batch size", "weight decay", "Confidence"):
        assert any(line.strip().startswith(words) for line in lines), shown
    assert not any("…" in line for line in lines)


def test_quiet_and_verbose(image_folder):
    asked = ("suggest", "--dataset", str(image_folder), "--model", "test_resnet", "--scratch", "--format", "args")
    assert "Note:" in run(*asked).stderr
    assert run("--quiet", *asked).stderr == ""
    failed = run("--verbose", "records", "list", ADVISOR_STORE="nonsense")
    assert "DEBUG" in failed.stderr
    assert run("--quiet", "records", "list", ADVISOR_STORE="nonsense").stderr.startswith("Error:")


def test_a_plugin_s_command_is_listed_and_run(tmp_path):
    package = tmp_path / "site"
    (package / "shouting-1.0.dist-info").mkdir(parents=True)
    (package / "shouting-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n"
    )
    (package / "shouting-1.0.dist-info" / "entry_points.txt").write_text("[advisor]\nshouting = shouting\n")
    (package / "shouting.py").write_text(
        "import click\nfrom advisor import hookimpl\n\n"
        "@click.command()\ndef shout():\n    '''Say it loudly.'''\n    click.echo('LOUD')\n\n"
        "@hookimpl\ndef advisor_register_commands(cli):\n    cli.add_command(shout)\n"
    )
    loaded = {"PYTHONPATH": str(package), "ADVISOR_PLUGINS": "shouting"}
    assert "shout     Say it loudly." in run("--help", **loaded).stdout
    assert run("shout", **loaded).stdout == "LOUD\n"
    assert run("shout").returncode == 2


def test_config_tells_where_each_value_came_from(tmp_path):
    (tmp_path / "user.toml").write_text("hook_timeout = 2.5\n")
    shown = run("config", ADVISOR_CONFIG=str(tmp_path / "user.toml"), ADVISOR_SUGGEST_TIMEOUT="7").stdout
    rows = {line.split()[0]: line for line in shown.splitlines()}
    assert f"2.5    {tmp_path / 'user.toml'}".split() == rows["hook_timeout"].split()[1:3]
    assert "environment ADVISOR_SUGGEST_TIMEOUT" in rows["suggest_timeout"]
    assert "default" in rows["private_paths"]
