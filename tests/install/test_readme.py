"""Every block of README.md is run or compiled, or runs elsewhere by name; so
are the maps of examples/README.md.

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
import shutil
import subprocess
import sys
import textwrap

import pytest

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ["ENCLAVE_CLIENT_BUILD_DIR"])
SOURCE = pathlib.Path(os.environ["ENCLAVE_CLIENT_SOURCE"])
sys.path.insert(0, str(HERE.parent / "local_enclave"))

from harness import LocalEnclave  # noqa: E402

TIMEOUT_S = 120
SCREENS_LINES = 100
HOST = "payments.example.com"
README = (SOURCE / "README.md").read_text("utf-8")
EXAMPLES = (SOURCE / "examples" / "README.md").read_text("utf-8")
LOCAL_ENCLAVE = HERE.parent / "local_enclave" / "README.md"
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
        # In test_install.py.
        block("sh", "pkg-config --cflags"),
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
        " && meson install -C build && ldconfig"
    )
    assert "`ninja -C build uninstall && ldconfig`" in README


def test_the_build_configures(tmp_path):
    answer = run(["meson", "setup", tmp_path / "build", "-Dtests=false"],
                 cwd=SOURCE)
    assert answer.returncode == 0, answer.stdout


def test_it_is_two_screens():
    """As it is read in 80 columns: a link is its text."""
    shown = re.sub(r"\]\([^)]*\)", "]", README)
    lines = [
        line for whole in shown.splitlines()
        for line in textwrap.wrap(whole, 80) or [""]
    ]
    assert len(lines) <= SCREENS_LINES


def filled(text, enclave):
    """A map with the registers that the local enclave shows."""
    return re.sub(
        r'"PCR(\d+)": "<96 hex>"',
        lambda found: f'"PCR{found[1]}": "{enclave.pcrs[found[1]]}"',
        text,
    )


@pytest.mark.parametrize("service, url", [
    ("evervault", "https://hello.app-1234.enclave.evervault.com/x"),
    ("nitriding", "https://signer.example.com/x"),
])
def test_the_maps_of_other_services(tmp_path, service, url):
    texts = re.findall(
        r"^   ```json\n(.*?)^   ```$", EXAMPLES, re.MULTILINE | re.DOTALL
    )
    assert len(texts) == 2
    host = url.split("/")[2]
    (text,) = [one for one in texts if host.partition(".")[0] in one]
    # Only nitriding's may sign its own certificate.
    web_ca = "self-signed" if service == "nitriding" else "good"
    with LocalEnclave.start(tmp_path, host=[host], pcr={8: "b8" * 48}) as enclave:
        enclave.set(service=service, web_ca=web_ca)
        (tmp_path / "map.json").write_text(filled(text, enclave))
        command = [
            os.environ["ATTEST_CURL"], "-sS", "--enclaves", tmp_path / "map.json",
            "--cacert", enclave.web_ca, "--insecure-nitro-root",
            enclave.nitro_root, "--connect-to",
            f"{host}:443:127.0.0.1:{enclave.port}", url,
        ]
        answer = run(command)
        assert answer.returncode == 0, answer.stderr
        assert json.loads(answer.stdout)["path"] == "/x"
        enclave.set(pcrs={"2": "ab" * 48})
        assert run(command).returncode == 115


def test_options_that_are_named_exist():
    known = run([os.environ["ATTEST_CURL"], "--help"]).stdout
    named = re.findall(r"(--[a-z][a-z-]+)", " ".join(
        re.findall(r"`(attest-curl [^`]*|--[^`]*)`", README + EXAMPLES)
    ))
    assert named
    assert [option for option in named if option not in known] == []


def without(text):
    """What is prose of a page."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md",
    "tests/local_enclave/README.md", "tests/mutants/README.md",
])
def test_links_lead_somewhere(page):
    text = without((SOURCE / page).read_text("utf-8"))
    for link in re.findall(r"\]\(([^):]+)\)", text):
        path, _, anchor = link.partition("#")
        target = (SOURCE / page).parent / path if path else SOURCE / page
        assert target.exists(), link
        heads = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE) \
            if anchor else []
        assert not anchor or anchor in {
            re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
            for head in heads
        }, link


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "examples/README.md"]
)
def test_files_and_man_pages_that_are_named_exist(page):
    text = without((SOURCE / page).read_text("utf-8"))
    named = re.findall(
        r"`(?:man )?((?:\.ci|tests|examples|bindings|include|lib)/[\w./-]+)", text
    )
    pages = re.findall(r"(enclave_client_\w+)\((\d)\)", text)
    named += [f"include/man/{name}.{section}" for name, section in pages]
    assert named and [one for one in named if not (SOURCE / one).exists()] == []


def test_the_commands_by_hand_are_what_the_programs_take():
    text = (SOURCE / "CONTRIBUTING.md").read_text("utf-8").split("## By hand")[1]
    for command in re.findall(r"`(tests/[\w/]+\.sh [^`]*)`", text):
        program, *words = command.split()
        source = (SOURCE / program).read_text("utf-8")
        if program == "tests/mutants/run.sh":
            source = (SOURCE / "tests/mutants/mutants.py").read_text("utf-8")
        options = [word for word in words if word.startswith("--")]
        assert [option for option in options if option not in source] == []
    tests = json.loads((BUILD / "meson-info" / "intro-tests.json").read_text())
    suites = {one.split(":")[-1] for test in tests for one in test["suite"]}
    row = re.search(r"^\| one suite \|(.*)$", text, re.MULTILINE)[1]
    named = {word.split()[-1] for word in re.findall(r"`([^`]+)`", row)}
    assert named <= suites | {"style"}
    assert "python-client" in {test["name"] for test in tests}


def linked(page):
    """The pages that a page has links to."""
    text = without(page.read_text("utf-8"))
    links = re.findall(r"\]\(([^):#]+\.md)(?:#[^)]*)?\)", text)
    return {(page.parent / link).resolve() for link in links}


def test_every_page_is_reached_from_here():
    reached, left = set(), {SOURCE.resolve() / "README.md"}
    while left:
        page = left.pop()
        reached.add(page)
        left |= linked(page) - reached
    # Asked of git, where there is one: what builds leave behind is no page.
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    listed = run(["git", "-c", "safe.directory=*", "ls-files", "*.md"], cwd=SOURCE)
    if listed.returncode:
        pytest.skip("these sources are in no repository")
    pages = {SOURCE.resolve() / name for name in listed.stdout.split()}
    assert len(pages) > 5
    assert sorted(pages - reached) == []


def test_the_manual_begins_with_every_page():
    manual = SOURCE / "include" / "man"
    first = (manual / "enclave_client.7").read_text("utf-8")
    assert "enclave_client.7" in README
    pages = [page.stem for page in manual.glob("*.3")]
    assert len(pages) > 5
    assert [p for p in pages if f".It Xr {p} 3\n" not in first] == []


def test_every_example_is_listed():
    listed = (SOURCE / "examples" / "README.md").read_text("utf-8")
    folders = [SOURCE / "examples", SOURCE / "bindings" / "python" / "examples"]
    programs = [
        path for folder in folders for path in folder.iterdir()
        if path.suffix in (".c", ".py", ".sh") and "test_" not in path.name
    ]
    assert len(programs) > 10
    assert [p.name for p in programs if f"[{p.name}](" not in listed] == []


def test_the_programs_of_the_local_enclave_are_where_its_page_says():
    section = LOCAL_ENCLAVE.read_text("utf-8").split("## Where the")[1]
    lines = re.findall(r"^    (.*)$", section.split("\n## ")[0], re.MULTILINE)
    build, path = [line.replace("build/quickstart", str(BUILD)) for line in lines]
    answer = run(["ninja", "-n", *shlex.split(build)[1:]])
    assert answer.returncode == 0, answer.stdout
    answer = run(["bash", "-c", path.replace("$PWD/", "") + """
        command -v local-enclave mint-document attest-curl"""])
    assert [pathlib.Path(line).is_relative_to(BUILD)
            for line in answer.stdout.split()] == [True] * 3, answer.stdout
