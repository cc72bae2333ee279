"""Every block of README.md is run or compiled, or runs elsewhere by name.

    ENCLAVE_CLIENT_SOURCE     the sources
    ENCLAVE_CLIENT_BUILD_DIR  the library and the command
    ATTEST_CURL               the command
    LOCAL_ENCLAVE_BIN_DIR     local-enclave
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ["ENCLAVE_CLIENT_BUILD_DIR"])
SOURCE = pathlib.Path(os.environ["ENCLAVE_CLIENT_SOURCE"])
sys.path.insert(0, str(HERE.parent / "local_enclave"))

from harness import LocalEnclave  # noqa: E402

TIMEOUT_S = 120
HOST = "payments.example.com"
README = (SOURCE / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def block(language, containing):
    found = [b for l, b in BLOCKS if l == language and containing in b]
    assert len(found) == 1, f"{language} block with {containing}"
    return found[0]


def commands(containing):
    lines = block("sh", containing).splitlines()
    return [shlex.split(line, comments=True) for line in lines]


@pytest.fixture(scope="module")
def enclave(tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    with LocalEnclave.start(state, host=[HOST]) as running:
        yield running


def way(enclave):
    return f"{HOST}:443:127.0.0.1:{enclave.port}"


def run(command, **options):
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        **options,
    )


def test_no_block_is_left_out():
    tested = [
        block("sh", "tests/run.sh"),
        block("sh", "attest-curl --pcrs"),
        block("sh", "meson setup"),
        block("c", "enclave_client_request("),
        block("json", '"enclaves"'),
        block("python", "import enclave_client"),
    ]
    assert sorted(b for _, b in BLOCKS) == sorted(tested)


def test_the_two_commands_are_what_every_change_passes():
    run_by_ci = (SOURCE / ".ci" / "run").read_text("utf-8")
    for words in commands("tests/run.sh"):
        assert len(words) == 1 and os.access(SOURCE / words[0], os.X_OK)
        assert re.search(rf"^[^#]*'.*' {words[0]}$", run_by_ci, re.MULTILINE)


def test_the_command_line(enclave, tmp_path):
    (words,) = commands("attest-curl --pcrs")
    assert words[0] == "attest-curl"
    pcrs = {"PCR0": enclave.pcrs["0"]}
    (tmp_path / "measurements.json").write_text(json.dumps(pcrs))
    words[0] = os.environ["ATTEST_CURL"]
    words[1:1] = [
        "-sS", "--cacert", enclave.web_ca, "--connect-to", way(enclave),
        "--insecure-nitro-root", enclave.nitro_root,
    ]
    answer = run(words, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["path"] == "/hello"


def test_the_map_and_the_twelve_lines(enclave, tmp_path):
    text = block("json", '"enclaves"')
    for register in set(re.findall(r'"PCR(\d+)"', text)):
        text = re.sub(
            rf'("PCR{register}": )"<96 hex>"',
            rf'\1"{enclave.pcrs.get(register, "00" * 48)}"',
            text,
        )
    (tmp_path / "enclaves.json").write_text(text)
    (tmp_path / "readme_lines.inc").write_text(
        block("c", "enclave_client_request(")
    )
    defines = {
        "CA_FILE": enclave.web_ca,
        "ROOT_FILE": enclave.nitro_root,
        "CONNECT_TO": way(enclave),
    }
    compiled = run([
        "cc", "-std=c11", "-Wall", "-Wextra", "-Werror",
        "-Wno-misleading-indentation", "-o", "readme",
        HERE / "readme_program.c", f"-I{tmp_path}", f"-I{SOURCE / 'include'}",
        *(f'-D{name}="{value}"' for name, value in defines.items()),
        f"-L{BUILD}", f"-Wl,-rpath,{BUILD}", "-lenclave-client",
    ], cwd=tmp_path)
    assert compiled.returncode == 0, compiled.stderr
    answer = run([tmp_path / "readme"], cwd=tmp_path)
    assert answer.stdout == "200", answer.stderr


def test_the_python_lines_compile():
    compile(block("python", "import enclave_client"), "README.md", "exec")


def test_the_packages_to_build_from_are_those_of_the_tests():
    install, build = commands("meson setup")
    known = (SOURCE / "tests" / "lib" / "packages.sh").read_text("utf-8")
    needed = re.search(r"PACKAGES_BUILD=\((.*?)\)", known, re.DOTALL)[1].split()
    assert install[:2] == ["apt-get", "install"]
    # gcc brings libc6-dev.
    assert set(install[2:]) == set(needed) - {"libc6-dev"}
    assert build == shlex.split(
        "meson setup build -Dtests=false && ninja -C build"
        " && meson install -C build"
    )


def test_the_build_configures(tmp_path):
    answer = run(["meson", "setup", tmp_path / "build", "-Dtests=false"],
                 cwd=SOURCE)
    assert answer.returncode == 0, answer.stdout


def test_options_that_are_named_exist():
    known = run([os.environ["ATTEST_CURL"], "--help"]).stdout
    named = re.findall(r"(--[a-z][a-z-]+)", " ".join(
        re.findall(r"`(attest-curl [^`]*|--[^`]*)`", README)
    ))
    assert named
    assert [option for option in named if option not in known] == []
