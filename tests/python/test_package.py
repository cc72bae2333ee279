"""What holds the package together: declarations, numbers, types, README."""

import pathlib
import os
import re
import runpy
import subprocess
import sys
import typing

import pytest

import enclave_client
from conftest import map_of, trust_of
from enclave_client import _async, _client, _options
from enclave_client._native import ffi, lib

SOURCE = os.environ.get("ENCLAVE_CLIENT_PYTHON_SOURCE")
if not SOURCE:
    pytest.skip("ENCLAVE_CLIENT_PYTHON_SOURCE is not set", allow_module_level=True)
SOURCE = pathlib.Path(SOURCE)
HEADER = (SOURCE.parent.parent / "include" / "enclave_client.h").read_text("utf-8")


def test_declarations_are_what_the_headers_say():
    command = [sys.executable, "-B", SOURCE / "generate_cdef.py", "--check"]
    answer = subprocess.run(command, stderr=subprocess.PIPE, timeout=60)
    assert answer.returncode == 0, answer.stderr.decode()


def test_every_function_of_the_header_is_there():
    names = re.findall(r"ENCLAVE_CLIENT_PUBLIC\b[^;()]*?\b(enclave_\w+)\s*\(", HEADER)
    assert len(names) > 80
    assert [name for name in names if not hasattr(lib, name)] == []


ENUMS = {
    "ENCLAVE_CLIENT_ERR_": enclave_client.Status,
    "ENCLAVE_CLIENT_CATEGORY_": enclave_client.Category,
    "ENCLAVE_CLIENT_STEP_": enclave_client.Step,
    "ENCLAVE_CLIENT_FOREIGN_": enclave_client.Foreign,
    "ENCLAVE_CLIENT_EVENT_": enclave_client.EventKind,
    "ENCLAVE_CLIENT_STATE_": enclave_client.State,
}
OURS = {"OK", "UNKNOWN", "POLICY_REFRESH_FAILED"}


@pytest.mark.parametrize("prefix, kind", ENUMS.items())
def test_every_number_has_its_member(prefix, kind):
    numbers = {
        name[len(prefix) :]: getattr(lib, name)
        for name in dir(lib)
        if name.startswith(prefix)
    }
    members = {member.name: member.value for member in kind}
    assert numbers and {**members, **numbers} == members
    assert set(members) - set(numbers) <= OURS


@pytest.mark.parametrize("status", list(enclave_client.Status))
def test_every_status_has_its_category_and_exception(status):
    assert status.category == lib.enclave_client_status_category(status)
    if status:
        kind = enclave_client._errors.exception_for(status)
        assert issubclass(kind, enclave_client.EnclaveClientError)
        assert kind.__name__ in enclave_client.__all__


def test_what_is_exported_is_documented():
    for name in enclave_client.__all__:
        thing = getattr(enclave_client, name)
        assert name == "Map" or thing.__doc__, name


@pytest.mark.parametrize(
    "kind", [enclave_client.EnclaveClientError, enclave_client.HTTPStatusError]
)
def test_the_attributes_of_a_refusal_are_documented(kind):
    given = {name for name in vars(kind()) if not name.startswith("_")}
    inherited = set()
    for base in kind.__mro__:
        inherited |= set(base.__dict__.get("__annotations__", {}))
    assert given == inherited
    for name in kind.__annotations__:
        assert re.search(rf"^\s*{name}: \w+", kind.__doc__, re.MULTILINE), name


def test_types():
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml"]
    command += ["--cache-dir", "/dev/null"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    answer = subprocess.run(
        command, cwd=SOURCE, env=environment, stdout=subprocess.PIPE, timeout=300
    )
    assert answer.returncode == 0, answer.stdout.decode()


VERBS = ["get", "head", "options", "post", "put", "patch", "delete"]
SHARED = [
    (_client.BaseClient.__init__, _options.ClientOptions, {"map"}),
    (_client.Client.request, _options.RequestOptions, {"method", "url"}),
    (_async.AsyncClient.request, _options.AsyncRequestOptions, {"method", "url"}),
]


@pytest.mark.parametrize("call, options, others", SHARED)
def test_shared_options_are_those_of_the_call_that_names_them(call, options, others):
    named = typing.get_type_hints(call)
    del named["return"]
    assert {n: t for n, t in named.items() if n not in others} == (
        typing.get_type_hints(options)
    )


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "kind, options",
    [
        (_client.Client, _options.RequestOptions),
        (_async.AsyncClient, _options.AsyncRequestOptions),
    ],
)
def test_verbs_take_what_request_takes(kind, options, verb):
    hints = typing.get_type_hints(getattr(kind, verb))
    assert hints["options"] == typing.Unpack[options]


def readme_example():
    text = (SOURCE / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import enclave_client\n.*?)```", text, re.DOTALL)
    assert len(code.splitlines()) == 3
    return code


def test_the_three_lines_of_the_readme(enclave, tmp_path, capsys, monkeypatch):
    import json

    code = readme_example().replace("https://payments.example.com", enclave.url)
    real = enclave_client.Client

    def client(map):
        # The local enclave's roots are not the system's, nor AWS's.
        return real(map, **trust_of(enclave))

    monkeypatch.setattr(enclave_client, "Client", client)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "enclaves.json").write_text(json.dumps(map_of(enclave)))
    exec(compile(code, "README.md", "exec"), {})
    assert '"path":"/hello"' in capsys.readouterr().out.replace(" ", "")


def test_the_readmes_exceptions_exist():
    text = (SOURCE / "README.md").read_text("utf-8")
    table = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    names = re.findall(r"`(\w+)`", " ".join(table))
    assert len(names) > 15
    for name in names:
        assert hasattr(enclave_client, name), name


def test_the_readme_leaves_no_exception_out():
    text = (SOURCE / "README.md").read_text("utf-8")
    table = " ".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))
    kinds = [
        name for name in enclave_client.__all__
        if isinstance(getattr(enclave_client, name), type)
        and issubclass(getattr(enclave_client, name), Exception)
        and name not in ("EnclaveClientError", "InsecureWarning")
    ]
    assert [name for name in kinds if f"`{name}`" not in table] == []


def test_the_readmes_links_lead_somewhere():
    text = (SOURCE / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^):]+)\)", text)
    assert "examples" in links
    assert [one for one in links if not (SOURCE / one).exists()] == []


def test_the_readmes_imports_work():
    text = (SOURCE / "README.md").read_text("utf-8")
    lines = re.findall(r"^from enclave_client\.\w+ import \w+", text, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        pytest.importorskip(re.search(r"\.(\w+)", line)[1])
        exec(line, {})


def test_strings_that_c_would_end_early():
    for call in (
        lambda: enclave_client.Client({}, url="https://l\0ocal"),
        lambda: enclave_client.Client("file\0name"),
        lambda: enclave_client.Client({"l": {"PCR0": "ab" * 48}}, user_agent="a\0b"),
        lambda: enclave_client.Client({"l": {"PCR0": "ab" * 48}}, resolve=["a\0b"]),
    ):
        with pytest.raises(enclave_client.UsageError):
            call()


def test_an_event_queue_that_nobody_empties():
    queue = ffi.gc(lib.event_queue_new(), lib.event_queue_free)
    event = ffi.new("struct enclave_client_event *")
    texts = [ffi.new("char[]", b"n" * 300), ffi.new("char[]", b"m" * 2000)]
    event.kind = lib.ENCLAVE_CLIENT_EVENT_ATTESTED
    event.enclave, event.message = texts
    for _ in range(300):
        lib.event_queue_push(event, queue)
    lib.event_queue_close(queue)
    queued = ffi.new("struct queued_event *")
    count = 0
    while lib.event_queue_pop(queue, queued):
        count += 1
        assert ffi.string(queued.enclave) == b"n" * 255
        assert ffi.string(queued.message) == b"m" * 1023
    assert count == 256
