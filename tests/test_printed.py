"""A program that hangs fails its test with a sentence, and is not left behind."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from . import printed
from .printed import running


def python(script: str) -> list[str]:
    return [sys.executable, "-u", "-c", script]


def test_what_is_waited_for_is_taken_out_with_what_came_before_it() -> None:
    with running(python("import os; print('a\\nis at', os.environ['PLACE']); print('after')"), PLACE="home") as program:
        assert program.says(r"is at (\S+)\n")[1] == "home"
        program.process.wait(20)
    assert list(program.said) == ["after\n"]


def test_one_that_says_something_else_and_stays_is_told() -> None:
    with running(python("import sys, time; sys.stderr.write('begun\\nno\\n'); time.sleep(60)")) as program:
        program.says("begun")
        with pytest.raises(RuntimeError, match=r"did not say 'ready' within 1 s:\nno\n"):
            program.says("ready", within_s=1)
    assert program.process.returncode is not None


def test_one_that_ends_is_told_at_once() -> None:
    with (
        running(python("print('no memory')")) as program,
        pytest.raises(RuntimeError, match=r"did not say 'ready' before it ended:\nno memory\n"),
    ):
        program.says("ready")


def test_one_that_prints_more_than_a_pipe_holds_goes_on() -> None:
    with running(python("import sys; sys.stderr.write('x' * 1_000_000); print('\\nthrough')")) as program:
        program.says("through")


def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed, "ENDS_WITHIN_S", 0.5)
    script = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready'); signal.pause()"
    with pytest.raises(subprocess.TimeoutExpired), running(python(script)) as program:
        program.says("ready")
    assert program.process.returncode == -signal.SIGKILL
