"""pip, as a user runs it: an sdist, a wheel out of it, a virtual environment
with Debian's packages alone."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest

SOURCE = os.environ.get("ENCLAVE_CLIENT_PYTHON_SOURCE")
if not SOURCE:
    pytest.skip("ENCLAVE_CLIENT_PYTHON_SOURCE is not set", allow_module_level=True)
SOURCE = pathlib.Path(SOURCE)
FOLDERS = ("include", "lib", "cache", "poller", "bindings/python")
TIMEOUT_S = 800

USE = """
import enclave_client, pathlib, sys
client = enclave_client.Client({map!r}, ca_file={ca!r}, insecure_nitro_root={root!r})
print(client.get({url!r}).status_code, enclave_client.__file__)
"""


def run(*command, **options):
    environment = {
        name: value
        for name, value in os.environ.items()
        # Neither the package of the other tests nor a sanitizer's runtime.
        if name not in ("PYTHONPATH", "LD_PRELOAD", "ASAN_OPTIONS")
    }
    environment.update(
        # No optimisation: it is built to be tried.
        CFLAGS="-O0",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_NO_INDEX="1",
        **options.pop("env", {}),
    )
    answer = subprocess.run(
        list(map(str, command)),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=TIMEOUT_S,
        **options,
    )
    text = answer.stdout.decode("utf-8", "replace")
    assert answer.returncode == 0, text[-5000:]
    return text


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy: building leaves files beside the sources."""
    top = tmp_path_factory.mktemp("checkout")
    for folder in FOLDERS:
        (top / folder).parent.mkdir(parents=True, exist_ok=True)
        run("cp", "-r", SOURCE.parent.parent / folder, top / folder)
    return top / "bindings" / "python"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("environment") / "venv"
    run(sys.executable, "-m", "venv", "--system-site-packages", folder)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def sdist(checkout, tmp_path_factory):
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "setup.py", "-q", "sdist", "-d", out, cwd=checkout)
    (path,) = out.iterdir()
    return path


def test_the_readmes_commands_are_what_is_tried_here():
    text = (SOURCE / "README.md").read_text("utf-8")
    (block,) = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    make, install = (line.split() for line in block.splitlines())
    # A version manager's Python has none of Debian's packages.
    assert make[0] == "/usr/bin/python3" and os.access(make[0], os.X_OK)
    assert make[1:] == ["-m", "venv", "--system-site-packages", "venv"]
    assert install == [
        "venv/bin/pip", "install", "--no-build-isolation", "bindings/python"
    ]
    run(make[0], "-c", "import cffi, setuptools, wheel, venv")


def test_the_sdist_holds_the_sources(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "c/include/enclave_client.h",
        "c/lib/base/error.c",
        "c/cache/cache.c",
        "c/poller/poller.c",
        "native/event_queue.c",
        "enclave_client/py.typed",
    } <= names
    assert not [name for name in names if name.endswith((".so", ".o", ".pyc"))]


def test_it_installs_out_of_the_sdist_and_works(sdist, python, running, tmp_path):
    run(python, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps",
        "-w", tmp_path, sdist)
    (wheel,) = tmp_path.glob("*.whl")
    assert re.search(r"-cp311-abi3-linux", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "enclave_client/_native.abi3.so" in names
    assert "enclave_client/py.typed" in names
    run(python, "-m", "pip", "install", "--no-deps", wheel)
    code = USE.format(
        map={f"localhost:{running.port}": {"PCR0": running.pcrs["0"]}},
        ca=running.web_ca,
        root=running.nitro_root,
        url=running.url,
    )
    answer = run(python, "-B", "-W", "ignore", "-c", code, cwd=tmp_path)
    assert re.search(r"^200 .*/venv/", answer, re.MULTILINE)


def test_it_installs_out_of_the_checkout(checkout, python, tmp_path):
    # Compiling it a second time would show nothing new.
    run(python, "setup.py", "-q", "egg_info", "-e", tmp_path, cwd=checkout)
    sources = next(tmp_path.glob("*.egg-info")) / "SOURCES.txt"
    assert "enclave_client/_client.py" in sources.read_text()


ASK_DEPENDS = """
from build_native import ffibuilder
print(*ffibuilder._assigned_source[3]["depends"], sep="\\n")
"""


def test_a_header_that_changes_is_compiled_again(checkout, python):
    told = run(python, "-B", "-c", ASK_DEPENDS, cwd=checkout).split()
    headers = {
        pathlib.Path("build", "c", path.relative_to(checkout.parent.parent))
        for folder in FOLDERS[:-1]
        for path in (checkout.parent.parent / folder).rglob("*.h")
    }
    assert len(headers) > 10
    assert set(map(pathlib.Path, told)) == {
        *headers, pathlib.Path("native", "event_queue.h")
    }


def test_a_link_variable_that_nobody_knows(checkout, python):
    with pytest.raises(AssertionError, match="it knows only system"):
        run(python, "setup.py", "--version", cwd=checkout,
            env={"ENCLAVE_CLIENT_LINK": "static"})
