"""What `meson install` leaves is enough, and `ninja uninstall` takes it away.

    ENCLAVE_CLIENT_BUILD_DIR  the build directory that is installed from
    ENCLAVE_CLIENT_SOURCE     the sources, for the example
    ENCLAVE_CLIENT_LINK_ARGS  what else a program that links the archive needs
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

EXAMPLES = sorted(path.stem for path in (SOURCE / "examples").glob("*.c"))
TIMEOUT_S = 120
OTHER_PCR = "ab" * 48
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")


def run(*command, **options):
    options.setdefault("check", True)
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        **options,
    )


def files_under(folder):
    return {p for p in folder.rglob("*") if p.is_symlink() or not p.is_dir()}


class Installed:
    """One installation under a DESTDIR."""

    def __init__(self, destdir):
        self.destdir = destdir
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet",
            "--destdir", destdir)
        self.files = files_under(destdir)
        self.pc = self.one("enclave-client.pc")
        self.prefix = self.one("enclave_client.h").parent.parent

    def all(self, name):
        return [path for path in self.files if path.name == name]

    def one(self, name):
        found = self.all(name)
        assert len(found) == 1, f"{name}: {found}"
        return found[0]

    def pkg_config(self, *options):
        answer = run(
            "pkg-config", f"--define-variable=prefix={self.prefix}", *options,
            "enclave-client",
            env={**os.environ, "PKG_CONFIG_PATH": str(self.pc.parent)},
        )
        return shlex.split(answer.stdout)

    def library_dir(self):
        return self.one("libenclave-client.so").parent

    def environment(self):
        return {
            "PATH": os.environ["PATH"],
            "LD_LIBRARY_PATH": str(self.library_dir()),
        }

    def compile(self, out, source, *libraries, compiler=("cc", "-std=c11")):
        run(*compiler, *STRICT, "-o", out, source,
            *self.pkg_config("--cflags"), *libraries)
        return out

    def static_libraries(self):
        """The archive by its path; what it needs, as the .pc names it."""
        needs = [
            word.split()[0]
            for word in run(
                "pkg-config", "--print-requires-private", self.pc
            ).stdout.splitlines()
        ]
        flags = shlex.split(run("pkg-config", "--libs", *needs).stdout)
        instruments = os.environ["ENCLAVE_CLIENT_LINK_ARGS"].split()
        return [
            self.one("libenclave-client.a"), *flags, "-pthread", *instruments
        ]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("destdir"))


@pytest.fixture(scope="module")
def enclave(tmp_path_factory):
    with LocalEnclave.start(tmp_path_factory.mktemp("state")) as running:
        yield running


def consume(installed, program, enclave, pcr0):
    return run(
        program, f"https://localhost:{enclave.port}",
        json.dumps({"PCR0": pcr0}), enclave.web_ca, enclave.nitro_root,
        env=installed.environment(), check=False,
    )


def test_everything_that_a_package_needs_is_installed(installed):
    for name in (
        "attest-curl",
        "enclave-client.pc",
        "enclave_client.7",
        "enclave_client.h",
        "enclave_client_curl.h",
        "enclave_client_openssl.h",
        "libenclave-client.a",
        "libenclave-client.so",
        "libenclave-client.so.0",
    ):
        installed.one(name)


def test_every_man_page_is_installed(installed):
    for page in (SOURCE / "include" / "man").iterdir():
        assert installed.one(page.name).parent.name == "man" + page.suffix[1:]


def test_nothing_of_the_parts_or_the_tests_is_installed(installed):
    archives = [p.name for p in installed.files if p.suffix == ".a"]
    assert archives == ["libenclave-client.a"]
    programs = [p.name for p in installed.files if p.parent.name == "bin"]
    assert programs == ["attest-curl"]


def test_no_installed_text_names_the_destdir_or_the_sources(installed):
    for path in installed.files:
        if path.suffix in (".pc", ".h", ".1", ".3", ".7"):
            text = path.read_text("utf-8")
            assert str(installed.destdir) not in text, path
            assert str(SOURCE) not in text, path


def test_the_example_compiles_with_pkg_config(installed, tmp_path):
    program = installed.compile(
        tmp_path / "minimal", SOURCE / "examples" / "minimal.c",
        *installed.pkg_config("--libs"),
    )
    answer = run(program, "absent.json", "payments", "/hello",
                 env=installed.environment(), check=False)
    assert answer.returncode == 1
    assert "absent.json" in answer.stderr


def as_a_reader(installed, lines, folder):
    """Lines of a shell, where the library is installed."""
    run("bash", "-ec", lines, cwd=folder, env={
        **os.environ,
        "PKG_CONFIG_PATH": str(installed.pc.parent),
        "PKG_CONFIG_SYSROOT_DIR": str(installed.destdir),
    })


def compile_block(page, installed, folder):
    """The block of a README that compiles."""
    text = (SOURCE / page).read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (lines,) = [block for block in blocks if "pkg-config --cflags" in block]
    (folder / "examples").symlink_to(SOURCE / "examples")
    as_a_reader(installed, lines, folder)


def test_the_readmes_program_talks_to_an_enclave(installed, enclave, tmp_path):
    compile_block("README.md", installed, tmp_path)
    map_file = tmp_path / "enclaves.json"
    for pcr0, status in ((enclave.pcrs["0"], 0), (OTHER_PCR, 1)):
        map_file.write_text(json.dumps({"enclaves": {"payments": {
            "url": f"https://localhost:{enclave.port}",
            "pcrs": {"PCR0": pcr0},
        }}}))
        answer = run(
            tmp_path / "minimal", map_file, "payments", "/hello",
            enclave.web_ca, enclave.nitro_root,
            env=installed.environment(), check=False,
        )
        assert answer.returncode == status, answer.stderr
        assert ('"path":"/hello"' in answer.stdout) == (status == 0)
    assert "PCR0" in answer.stderr


def test_every_example_compiles_as_their_page_says(installed, tmp_path):
    compile_block("examples/README.md", installed, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {*EXAMPLES, "examples"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_compiles_as_its_head_says(installed, tmp_path, name):
    head = (SOURCE / "examples" / f"{name}.c").read_text("utf-8")
    (lines,) = re.findall(
        r"^ \*   (cc .*\\\n) \*( .*)$", head.split("*/")[0], re.MULTILINE
    )
    (tmp_path / f"{name}.c").symlink_to(SOURCE / "examples" / f"{name}.c")
    as_a_reader(installed, "".join(lines), tmp_path)
    assert os.access(tmp_path / name, os.X_OK)


def test_linking_the_shared_library_names_no_other(installed):
    names = [w for w in installed.pkg_config("--libs") if w.startswith("-l")]
    assert names == ["-lenclave-client"]


@pytest.mark.parametrize("language", ["c++11", "c++20"])
def test_a_cpp_program_talks_to_an_enclave(
    installed, enclave, tmp_path, language
):
    program = installed.compile(
        tmp_path / "consumer", HERE / "consumer.cc",
        *installed.pkg_config("--libs"),
        compiler=("c++", f"-std={language}"),
    )
    answer = consume(installed, program, enclave, enclave.pcrs["0"])
    assert (answer.returncode, answer.stdout[:4]) == (0, "200 "), answer.stderr
    answer = consume(installed, program, enclave, OTHER_PCR)
    assert answer.returncode == 1
    assert answer.stderr.startswith("ENCLAVE_CLIENT_ERR_MEASUREMENT: ")


def test_a_static_program_talks_to_an_enclave(installed, enclave, tmp_path):
    program = installed.compile(
        tmp_path / "consumer", HERE / "consumer.cc",
        *installed.static_libraries(), compiler=("c++", "-std=c++11"),
    )
    needed = run("readelf", "-d", program).stdout
    assert "libcurl" in needed and "libenclave-client" not in needed
    answer = consume(installed, program, enclave, enclave.pcrs["0"])
    assert answer.returncode == 0, answer.stderr


def test_a_static_program_may_use_the_internal_names_itself(
    installed, tmp_path
):
    symbols = run("nm", installed.one("libenclave-client.a")).stdout
    internal = [
        row.split()[2] for row in symbols.splitlines()
        if row.split()[1:2] == ["t"] and "." not in row.split()[2]
    ]
    assert "policy_match" in internal and "cache_judge" in internal
    own = "".join(
        f"int {name}(void); int {name}(void) {{ return 1; }}\n"
        for name in ("policy_match", "cache_judge", "error_set")
    )
    source = tmp_path / "clash.c"
    source.write_text(
        "#include <enclave_client.h>\n" + own
        + "int main(void) { return !enclave_client_version()[0]; }\n"
    )
    program = installed.compile(
        tmp_path / "clash", source, *installed.static_libraries()
    )
    run(program, env=installed.environment())


def test_the_installed_command_talks_to_an_enclave(installed, enclave):
    answer = run(
        installed.one("attest-curl"), "-sS", "--cacert", enclave.web_ca,
        "--insecure-nitro-root", enclave.nitro_root,
        "--pcr", "0=" + enclave.pcrs["0"],
        f"https://localhost:{enclave.port}/hello",
        env=installed.environment(), check=False,
    )
    assert answer.returncode == 0, answer.stderr


def test_uninstalling_leaves_nothing(tmp_path):
    installed = Installed(tmp_path)
    assert installed.files
    run("ninja", "-C", BUILD, "uninstall")
    assert files_under(tmp_path) == set()
