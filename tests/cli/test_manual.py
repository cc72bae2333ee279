"""The manual, the completions and the table of options say the same."""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import time

import pytest

from conftest import clean_environment

MANUAL = pathlib.Path(__file__).parents[2] / "bindings/cli/attest-curl.1"
HELP = re.compile(r"^ (?:-(.), |    )--([a-z0-9.-]+)(?: (\S+))? {1,}\S")
ITEM = re.compile(r"^\.It (?:Fl (\S) , )?Fl -([a-z0-9.-]+)(?: Ar (\S+))?$")


@pytest.fixture
def table(attest_curl):
    """(letter, name, argument) of each option."""
    lines = attest_curl("-q", "--help").out.decode().splitlines()
    return [match.groups() for line in lines if (match := HELP.match(line))]


def test_every_option_has_its_entry_in_the_manual(table):
    lines = MANUAL.read_text().splitlines()
    entries = [match.groups() for line in lines if (match := ITEM.match(line))]
    assert len(table) > 80
    assert entries == table


def test_every_exit_status_is_in_the_manual():
    text = MANUAL.read_text()
    for status in (0, 2, *range(111, 117)):
        assert f"\n.It {status}\n" in text


def section(name):
    return MANUAL.read_text().split(f".Sh {name}\n")[1].split("\n.Sh ")[0]


def test_every_variable_of_write_out_is_in_the_manual(attest_curl):
    listed = re.findall(r"^\.Cm ([a-z_0-9]+)", section("VARIABLES OF WRITE-OUT"), re.M)
    source = (MANUAL.parent / "write_out.c").read_text()
    known = re.findall(r'^    \{"([a-z_]+)", write_', source, re.M)
    known += ["onerror", "stderr", "stdout", "attestation_pcr0", "attestation_pcr31"]
    assert len(known) > 30
    assert set(listed) == set(known)
    line = ["--pcr", "0=" + "ab" * 48, "-w", "%{" + "}%{".join(listed) + "}"]
    assert "unknown" not in attest_curl("-s", *line, "https://127.0.0.1:1/").err


def test_the_manuals_examples_are_commands_to_paste():
    """Shown, each line is a command, or goes on one that a backslash ends."""
    if not shutil.which("mandoc"):
        pytest.skip("there is no mandoc")
    shown = subprocess.run(
        ["mandoc", "-T", "ascii", "-O", "width=78", MANUAL],
        stdout=subprocess.PIPE,
        timeout=30,
    ).stdout.decode()
    shown = re.sub(".\b", "", shown)
    shown = shown.split("\nEXAMPLES\n")[1].split("\nSEE ALSO\n")[0]
    lines = [x.strip() for x in shown.splitlines() if x.startswith(" " * 10)]
    assert len(lines) >= 3
    for before, line in zip(["", *lines], lines):
        assert before.endswith("\\") or re.match("(attest-)?curl ", line), line


def test_the_manual_is_good_mdoc():
    if not shutil.which("mandoc"):
        pytest.skip("there is no mandoc")
    said = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", MANUAL],
        stdout=subprocess.PIPE,
        timeout=30,
    )
    assert said.stdout == b""


def completed(attest_curl, *words):
    """What bash offers for the last word."""
    script = attest_curl("-q", "--completion", "bash").out.decode()
    script += (
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _attest_curl\n'
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    got = subprocess.run(
        ["bash", "-c", script, "bash", "attest-curl", *words],
        stdout=subprocess.PIPE,
        check=True,
        timeout=30,
    )
    return got.stdout.decode().split()


def test_bash_completes_every_option(attest_curl, table):
    assert completed(attest_curl, "--") == ["--" + name for _, name, _ in table]
    assert completed(attest_curl, "--print-p") == ["--print-pin", "--print-pcrs"]


def test_bash_completes_files_after_what_takes_one(attest_curl, tmp_path):
    (tmp_path / "measurements.json").touch()
    start = str(tmp_path / "meas")
    assert completed(attest_curl, "--pcrs", start) == [start + "urements.json"]
    assert completed(attest_curl, "-o", start) == [start + "urements.json"]
    assert completed(attest_curl, "--max-time", start) == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_every_option(attest_curl, table, shell):
    text = attest_curl("-q", "--completion", shell).out.decode()
    for letter, name, _ in table:
        assert (f"'--{name}[" if shell == "zsh" else f"-l {name} ") in text + " "
        if letter:
            assert (f"'-{letter}[" if shell == "zsh" else f"-s '{letter}'") in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_itself_can_read_its_completion(attest_curl, tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    path = tmp_path / "completion"
    path.write_bytes(attest_curl("-q", "--completion", shell).out)
    said = subprocess.run(
        [shell, "-n", path], stderr=subprocess.PIPE, timeout=30
    )
    assert (said.returncode, said.stderr) == (0, b"")


class Zsh:
    """A zsh at a terminal, with the completion where zsh looks for it."""

    def __init__(self, folder):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            home = {"HOME": str(folder), "TERM": "dumb", "PS1": "ready> "}
            os.execve(
                shutil.which("zsh"), ["zsh", "-f"], {**clean_environment(), **home}
            )
        self.type(
            f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D;"
            " LISTMAX=0; COLUMNS=200; LINES=1000; print up''set\n"
        )
        self.read_until("upset")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def read_until(self, wanted):
        got = ""
        end = time.monotonic() + 30
        while wanted not in got:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.terminal], [], [], max(left, 0))
            assert ready, f"no {wanted} in: {got}"
            got += os.read(self.terminal, 65536).decode("utf-8", "replace")
        return got

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture
def zsh(attest_curl, tmp_path):
    if not shutil.which("zsh"):
        pytest.skip("there is no zsh")
    (tmp_path / "_attest-curl").write_bytes(
        attest_curl("-q", "--completion", "zsh").out
    )
    shell = Zsh(tmp_path)
    yield shell
    shell.close()


@pytest.mark.parametrize(
    "typed, offered",
    [
        ("--insecure-", "Trust these PEM roots in place of AWS's"),
        ("--data-b", "--data-binary"),
        ("--print-p", "Print what it presents, for --pcrs; no verdict"),
    ],
)
def test_zsh_completes_at_the_tab(zsh, typed, offered):
    zsh.type(f"attest-curl {typed}\t\t")
    zsh.read_until(offered)


def test_no_other_shell(attest_curl):
    attest_curl("--completion", "csh").refused(2)


def test_the_categories_of_help(attest_curl):
    run = attest_curl("--help", "category")
    names = [line.split()[0] for line in run.out.decode().splitlines()]
    assert run.exit == 0 and len(names) == 8
    for name in names:
        assert attest_curl("--help", name).exit == 0
    assert "--help category lists them" in attest_curl("--help", "x").refused(2).err


WORDS = [
    (("--trust", ""), {"web_pki+attested_key", "attested_key"}),
    (("--tls-max", ""), {"1.2", "1.3"}),
    (("--nitro-root", ""), {"aws", "aws-us-gov"}),
    (("--completion", ""), {"bash", "zsh", "fish"}),
    (("--help", "pol"), {"policy"}),
    (("-h", "po"), {"policy"}),
    (("--profile", "nitri"), {"nitriding"}),
]


@pytest.mark.parametrize("line, offered", WORDS, ids=str)
def test_bash_completes_what_an_option_takes(attest_curl, line, offered):
    assert set(completed(attest_curl, *line)) == offered


def test_completion_knows_the_profiles_that_the_library_has(attest_curl):
    line = ["--pcr", "0=" + "ab" * 48, "--profile", "none", "https://127.0.0.1:1/"]
    said = attest_curl(*line).refused(2).err.split("there are ")[1]
    # A bare oyster gates nothing.
    assert set(completed(attest_curl, "--profile", "")) == set(
        said.strip().split(", ")
    ) - {"oyster"}


@pytest.mark.parametrize(
    "typed, offered",
    [
        ("--profile nitrid", "nitriding"),
        ("--trust web", "web_pki+attested_key"),
        ("--help conn", "connection"),
    ],
)
def test_zsh_completes_what_an_option_takes(zsh, typed, offered):
    zsh.type(f"attest-curl {typed}\t")
    zsh.read_until(offered)


@pytest.mark.parametrize(
    "typed, offered", [("--profile nitrid", "nitriding"), ("--help conn", "connection")]
)
def test_fish_completes_what_an_option_takes(attest_curl, tmp_path, typed, offered):
    if not shutil.which("fish"):
        pytest.skip("there is no fish")
    path = tmp_path / "completion"
    path.write_bytes(attest_curl("-q", "--completion", "fish").out)
    got = subprocess.run(
        ["fish", "-c", f"source {path}; complete -C 'attest-curl {typed}'"],
        stdout=subprocess.PIPE,
        env={**clean_environment(), "HOME": str(tmp_path)},
        timeout=30,
    )
    assert [x.split("\t")[0] for x in got.stdout.decode().splitlines()] == [offered]


@pytest.mark.parametrize("category", ["policy", "request", "connection", "all"])
def test_help_by_category(attest_curl, category):
    run = attest_curl("--help", category)
    assert run.exit == 0
    assert ("--pcrs" in run.out.decode()) == (category in ("policy", "all"))


def test_help_of_nothing_that_is(attest_curl):
    attest_curl("--help", "nonsense").refused(2)


# Files of options, and what a home folder holds


def test_the_default_files_of_a_user(attest_curl, enclave, trust, tmp_path, monkeypatch):
    folder = tmp_path / "attest-curl"
    folder.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    host = enclave.url.removeprefix("https://")
    (folder / "enclaves.json").write_text(
        '{"%s": {"PCR0": "%s"}}' % (host, enclave.pcrs["0"])
    )
    (folder / "config").write_text('header = "X-From-File: yes"\n')
    run = attest_curl("-sS", *trust, enclave.url)
    assert run.exit == 0, run.err
    assert run.json["headers"]["x-from-file"] == "yes"
    run = attest_curl("-q", "-sS", *trust, enclave.url)
    assert "x-from-file" not in run.json["headers"]


def test_a_wrong_line_of_a_file_is_named(attest_curl, tmp_path):
    path = tmp_path / "options"
    path.write_text("silent\nfrobnicate\n")
    run = attest_curl("-K", path, "https://127.0.0.1:1/").refused(2)
    assert "options: line 2" in run.err


def test_files_that_name_each_other_end(attest_curl, tmp_path):
    path = tmp_path / "options"
    path.write_text(f"config = {path}\n")
    run = attest_curl("-K", path, "https://127.0.0.1:1/").refused(2)
    assert "name each other" in run.err
