"""The lines of the local enclave's README that put a service behind it, run as
they stand there."""

import os
import pathlib
import signal
import socket
import subprocess

import pytest

from conftest import HERE, TIMEOUT_S, clean_environment
from harness import binary

README = HERE.parent / "local_enclave" / "README.md"
LINES = 5


def lines_of_readme():
    section = README.read_text().split("## One's own service behind it\n")[1]
    section = section.split("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    assert len(lines) == LINES
    return lines


def run(lines, folder, port, programs=None):
    environment = clean_environment()
    if programs is None:
        programs = [binary("local-enclave"), pathlib.Path(os.environ["ATTEST_CURL"])]
    environment["PATH"] = os.pathsep.join(
        [*(str(one.absolute().parent) for one in programs), environment["PATH"]]
    )
    environment["STATE"] = str(folder / "state")
    environment["PORT"] = str(port)
    shell = subprocess.Popen(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=open(folder / "out", "wb"),
        stderr=open(folder / "err", "wb"),
        start_new_session=True,
    )
    try:
        status = shell.wait(TIMEOUT_S)
    finally:
        # The first two lines leave processes behind, in this group.
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait()
    return status, (folder / "out").read_text(), (folder / "err").read_text()


@pytest.fixture
def folder(program, tmp_path):
    if "LOCAL_ENCLAVE_BIN_DIR" not in os.environ:
        pytest.skip("LOCAL_ENCLAVE_BIN_DIR is not set")
    (tmp_path / "state").mkdir()
    (tmp_path / "index.html").write_text("the service itself")
    return tmp_path


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_the_lines_reach_the_service(folder, port):
    status, out, err = run(lines_of_readme(), folder, port)
    assert (status, out.splitlines()[-1]) == (0, "the service itself"), err


def test_other_code_is_not_asked(folder, port):
    lines = [line.replace("a0%", "a1%") for line in lines_of_readme()]
    status, out, err = run(lines, folder, port)
    assert status != 0 and "the service itself" not in out
    # The service was asked whether it is ready, and nothing more.
    assert err.count('"GET / HTTP/1.1" 200') == 1


def test_without_the_programs_the_lines_end(folder, port):
    status, out, err = run(lines_of_readme(), folder, port, programs=[])
    assert status != 0 and "local-enclave: command not found" in err
