"""The contract of a pager: a page is delivered, or the caller hears that it was not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from comity.adapters.memory.duties import MemoryPager
from comity.adapters.pager import CommandPager
from comity.ports import PageError
from comity.services.events import Events
from comity.services.paging import LogPager
from tests.support.line import MemoryLog

MESSAGE = b'{"v":1,"event":"practice"}\n'


def script(tmp_path: Path, text: str) -> list[str]:
    """A command of Python that has a folder of its own."""
    path = tmp_path / "page.py"
    path.write_text(text)
    return [sys.executable, str(path), str(tmp_path / "seen")]


KEEP = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"


async def test_a_command_gets_the_message_and_its_words(tmp_path: Path) -> None:
    """Once for each page, as it is; a word with a space or a star stays one word."""
    pager = CommandPager(script(tmp_path, KEEP))
    await pager.page(MESSAGE)
    await pager.page(MESSAGE)
    assert (tmp_path / "seen").read_bytes() == MESSAGE * 2
    words = script(tmp_path, "import sys; open(sys.argv[1], 'w').write(sys.argv[2])")
    await CommandPager([*words, "a * $HOME; b"]).page(MESSAGE)
    assert (tmp_path / "seen").read_text() == "a * $HOME; b"


async def test_a_command_sees_no_setting_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment may hold passwords."""
    monkeypatch.setenv("COMITY_NATS_URL", "nats://a:hidden@127.0.0.1:1")
    text = "import os, sys; open(sys.argv[1], 'w').write(' '.join(os.environ))"
    await CommandPager(script(tmp_path, text)).page(MESSAGE)
    seen = (tmp_path / "seen").read_text().split()
    assert "PATH" in seen
    assert not [name for name in seen if name.startswith("COMITY")]


@pytest.mark.parametrize("text", ["raise SystemExit(3)", "import os; os.kill(os.getpid(), 9)"])
async def test_what_does_not_end_with_0_is_not_delivered(tmp_path: Path, text: str) -> None:
    """Whatever it did before."""
    with pytest.raises(PageError):
        await CommandPager(script(tmp_path, text)).page(MESSAGE)


async def test_a_command_that_is_none_is_not_delivered(tmp_path: Path) -> None:
    """A path that does not exist, or may not be run."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(PageError):
            await CommandPager([str(path)]).page(MESSAGE)


def is_over(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked how."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


async def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """Within its time; nothing of it is left."""
    text = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    started = time.monotonic()
    with pytest.raises(PageError):
        await CommandPager(script(tmp_path, text), seconds_max=1.0).page(MESSAGE)
    assert time.monotonic() - started < 10
    assert is_over(int((tmp_path / "seen").read_text()))


async def test_a_command_that_reads_nothing_may_still_have_paged(tmp_path: Path) -> None:
    """Its end counts, not what it read."""
    await CommandPager(script(tmp_path, "pass")).page(MESSAGE * 100_000)


async def test_what_a_command_prints_is_not_kept(tmp_path: Path) -> None:
    """Megabytes on both outputs neither stop it nor stay anywhere."""
    text = "import os; [os.write(fd, b'x' * 1_000_000) for fd in (1, 2) for _ in range(20)]"
    await CommandPager(script(tmp_path, text), seconds_max=10.0).page(MESSAGE)


async def test_what_a_command_leaves_running_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Its own end counts, though a child of it holds its input open."""
    text = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
    )
    started = time.monotonic()
    await CommandPager(script(tmp_path, text), seconds_max=4.0).page(MESSAGE)
    assert time.monotonic() - started < 4
    os.kill(int((tmp_path / "seen").read_text()), signal.SIGKILL)


def is_written(path: Path) -> bool:
    """Whether a file is there and has text, once it should."""
    for _ in range(500):
        if path.exists() and path.read_text():
            return True
        time.sleep(0.01)
    return False


async def test_a_page_that_is_broken_off_leaves_no_command(tmp_path: Path) -> None:
    """A worker that stops ends what it had started."""
    text = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    task = asyncio.create_task(CommandPager(script(tmp_path, text)).page(MESSAGE))
    seen = tmp_path / "seen"
    await asyncio.to_thread(is_written, seen)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert is_over(int(seen.read_text()))


async def test_without_a_command_the_log_has_an_alarm() -> None:
    """With the message, so that whoever watches the log is told."""
    log = MemoryLog()
    await LogPager(Events(log)).page(MESSAGE)
    ((event, fields),) = log.written
    assert (event, fields["message"]) == ("page", MESSAGE.decode().strip())


async def test_the_twin_keeps_pages_or_fails() -> None:
    """As it is told."""
    pager = MemoryPager()
    await pager.page(MESSAGE)
    pager.is_broken = True
    with pytest.raises(PageError):
        await pager.page(MESSAGE)
    assert pager.messages == [MESSAGE]
