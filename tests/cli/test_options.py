"""The command line: what is understood, and what is refused and how."""

import re
import subprocess

import pytest

PCR = "0=" + "ab" * 48
# Nothing listens there: a line that is understood ends with curl's 7.
NOBODY = "https://127.0.0.1:1/"
UNDERSTOOD = ["--pcr", PCR, NOBODY]

WRONG = [
    ("no URL", ["--pcr", PCR], "no URL given"),
    ("nothing at all", [], "no URL given"),
    ("unknown long option", ["--frobnicate", NOBODY], "is unknown"),
    ("a letter too many", ["--inclide", NOBODY], "did you mean --include?"),
    ("a letter missing", ["--heder", "a: b"], "did you mean --header?"),
    ("= for the argument", ["--max-time=5", NOBODY], "--max-time 5"),
    ("cut short", ["--sil", NOBODY], "did you mean --silent?"),
    ("cut short: the rest is long", ["--fail-w"], "did you mean --fail-with-body?"),
    ("cut short: not a nearer name", ["--connect-time", "5"], "--connect-timeout?"),
    ("cut short, = behind", ["--max-t=5", NOBODY], "did you mean --max-time?"),
    ("cut short: two", ["--outp", "x"], "mean --output or --output-dir?"),
    (
        "cut short: three",
        ["--dat", "x"],
        "--data, --data-ascii, --data-raw, --data-binary or --data-urlencode?",
    ),
    ("cut short: too many", ["--p", "x"], "--help lists them"),
    ("a whole name is no beginning", ["--output=x"], "--output x"),
    ("unknown letter", ["-W", NOBODY], "-W is unknown"),
    ("unknown letter among known", ["-sWi", NOBODY], "-W is unknown"),
    ("redirects without an end", ["--max-redirs", "-1", *UNDERSTOOD], "0 to 10"),
    ("a redirect too many", ["--max-redirs", "11", *UNDERSTOOD], "0 to 10"),
    (
        "two roots",
        ["--nitro-root", "aws-us-gov", "--insecure-nitro-root", "a", *UNDERSTOOD],
        "--nitro-root aws-us-gov and --insecure-nitro-root a",
    ),
    (
        "two roots of a document",
        ["--insecure-nitro-root", "a", "--nitro-root", "aws", "--inspect-document", "b"],
        "--nitro-root aws and --insecure-nitro-root a",
    ),
    (
        "a profile whose quotes the shell ate",
        ["--profile", "{name: oyster}", *UNDERSTOOD],
        "option --profile: is not JSON: line 1, column 2: expected a name",
    ),
    (
        "a profile and more",
        ["--profile", '{"name": "oyster"} x', *UNDERSTOOD],
        "option --profile: is not JSON: line 1, column 20: something follows",
    ),
    ("argument missing, long", ["--header"], "requires parameter"),
    ("argument missing, short", ["-sSH"], "option -H: requires parameter"),
    ("--no- with an argument", ["--no-data", "x"], "isn't a boolean"),
    ("--no- of nothing", ["--no-frobnicate"], "is unknown"),
    ("-m of words", ["-m", "soon", *UNDERSTOOD], "numerical"),
    ("-m below zero", ["-m", "-1", *UNDERSTOOD], "numerical"),
    ("-m of a point", ["-m", ".", *UNDERSTOOD], "numerical"),
    ("-m of nothing", ["-m", "", *UNDERSTOOD], "numerical"),
    ("-m with a unit", ["-m", "5s", *UNDERSTOOD], "numerical"),
    ("-m of an age", ["-m", "9999999999", *UNDERSTOOD], "too large"),
    ("-k", ["-k", *UNDERSTOOD], "--cacert"),
    ("--insecure", ["--insecure", *UNDERSTOOD], "refused"),
    ("--at without a document", ["--at", "now", *UNDERSTOOD], "--at goes with"),
    (
        "two verbs",
        ["--inspect-document", "a", "--verify-document", "b"],
        "can't be had at once",
    ),
    (
        "a verb on a file and on a URL",
        ["--inspect-document", "a", "--show-attestation"],
        "can't be had at once",
    ),
    ("a file and a URL", ["--inspect-document", "a", NOBODY], "no URL"),
    (
        "a body that nobody sends",
        ["--show-attestation", "-d", "x", *UNDERSTOOD],
        "--data has no meaning",
    ),
    (
        "a connection to nowhere",
        ["--inspect-document", "a", "--cacert", "x"],
        "--cacert has no meaning",
    ),
    (
        "two URLs to show",
        ["--show-attestation", *UNDERSTOOD, NOBODY],
        "takes one URL",
    ),
    ("headers from nowhere", ["-H", "@missing", *UNDERSTOOD], "missing"),
    ("format from nowhere", ["-w", "@missing", *UNDERSTOOD], "missing"),
]


@pytest.mark.parametrize(
    "arguments, sentence", [case[1:] for case in WRONG], ids=[c[0] for c in WRONG]
)
def test_a_wrong_line_is_refused_with_2(attest_curl, arguments, sentence):
    run = attest_curl(*arguments).refused(2)
    assert sentence in run.err
    assert run.err.count("\n") == 1


def test_what_is_wrong_is_said_even_when_silent(attest_curl):
    attest_curl("-s", "--frobnicate").refused(2)


def test_a_body_that_cannot_be_read_is_no_empty_body(attest_curl):
    attest_curl("-d", "@missing", *UNDERSTOOD).refused(26)


INSTEAD = [
    ("--oauth2-bearer", "Authorization: Bearer"),
    ("--trace-ascii", "use -v"),
    ("--proto", "only https"),
    ("--url-query", "-G --data-urlencode"),
    ("--remote-header-name", "-O or -o"),
    ("-J", "-O or -o"),
    ("-sSZ", "-Z: is curl's and not here; use xargs"),
    ("-C", ">> FILE"),
    ("--continue-at", ">> FILE"),
    ("--continue", ">> FILE"),
    ("-U", "-x http://USER"),
    ("--proxy-u", "-x http://USER"),
    ("--digest", "-u"),
    ("--digest=x", "-u"),
    ("-R", "last-modified"),
    ("--no-sessionid", "is curl's and not here"),
    ("--no-clobber", "> FILE"),
]


@pytest.mark.parametrize("option, sentence", INSTEAD)
def test_what_is_only_curls_names_what_to_use(attest_curl, option, sentence):
    run = attest_curl("-q", option, "x", *UNDERSTOOD).refused(2)
    assert sentence in run.err


def asked_of_curl(*arguments):
    """What the curl of this machine prints."""
    return subprocess.run(
        ["curl", *arguments], check=True, capture_output=True, text=True
    ).stdout


def options_of_curl():
    """Their long names and letters."""
    for line in asked_of_curl("--help", "all").splitlines():
        found = re.match(r"\s*(?:(-.), )?\s*(--[\w.-]+)\s", line)
        if found:
            yield from filter(None, found.groups())


def test_no_option_of_curl_is_a_stranger(attest_curl):
    """Either here, or known to be curl's."""
    if asked_of_curl("--version").split()[1] >= "8":
        pytest.skip("curl 8 has more, and the list is that of 7.88")
    names = list(options_of_curl())
    assert len(names) > 250
    for name in names:
        err = attest_curl("-q", name).err
        assert "is unknown" not in err, name


PATTERNS = [
    "https://127.0.0.1:1/{a,b}",
    "https://127.0.0.1:1/[1-3]",
    "https://127.0.0.1:1/a}",
    "https://127.0.0.1:1/a]",
    "https://127.0.0.1:1/?a[]=1",
    "https://{127.0.0.1,localhost}:1/",
    "https://[::1]:1/[1-3]",
]


@pytest.mark.parametrize("url", PATTERNS)
def test_a_pattern_is_no_url(attest_curl, url):
    """curl would ask for each: sent as it is it would ask for another thing."""
    run = attest_curl("--pcr", PCR, url).refused(3)
    assert "-g" in run.err


@pytest.mark.parametrize("url", ["https://127.0.0.1:1/{a,b}[1-3]", "https://[::1]:1/"])
def test_globoff_sends_it_as_it_is(attest_curl, url):
    attest_curl("-g", "--pcr", PCR, url).refused(7)


def test_an_ipv6_address_is_no_pattern(attest_curl):
    attest_curl("--pcr", PCR, "https://[::1]:1/").refused(7)


RIGHT = [
    ["-sS"],
    ["-sSi"],
    ["-sSXPOST"],
    ["-sSX", "POST"],
    ["-sSHName: value"],
    ["-sS", "--request", "POST"],
    ["-sS", "--header", "-starts: with a dash"],
    ["-sS", "-d", "-x"],
    ["-sS", "-m", "5"],
    ["-sSm.5"],
    ["-sSm5."],
    ["-sSm0"],
    ["-sS", "--max-time", "0.0001", "--max-time", "20"],
    ["-sS", "--no-include"],
    ["--silent", "--no-silent"],
    ["-sS", "--no-insecure-allow-debug"],
    ["-s", "--show-error"],
    ["-f"],
    ["--fail"],
]


@pytest.mark.parametrize("arguments", RIGHT, ids=" ".join)
def test_a_right_line_reaches_for_the_network(attest_curl, arguments):
    attest_curl(*arguments, *UNDERSTOOD).refused(7)


def test_silent_silences_and_show_error_shows_again(attest_curl):
    silent = attest_curl("-s", *UNDERSTOOD)
    assert (silent.exit, silent.out, silent.err) == (7, b"", "")
    attest_curl("-sS", *UNDERSTOOD).refused(7)
    attest_curl("-s", "--no-silent", *UNDERSTOOD).refused(7)


def test_two_dashes_end_the_options(attest_curl):
    run = attest_curl("--pcr", PCR, "--", NOBODY, "-i").refused(2)
    assert "https://-i:443" in run.err


@pytest.mark.parametrize(
    "url, status, sentence",
    [
        ("http://127.0.0.1:1/", 2, "only https"),
        ("ftp://127.0.0.1:1/", 2, "only https"),
        ("file:///etc/passwd", 2, "only https"),
        ("https://user@127.0.0.1:1/", 2, "Authorization"),
        ("https://user:secret@127.0.0.1:1/", 2, "Authorization"),
        ("http://user:secret@127.0.0.1:1/", 2, "http://***@127.0.0.1:1/"),
        ("https://user:secret@127.0.0.1:1/[1-3]", 3, "-g"),
        ("https://user:secret{@127.0.0.1:1/", 3, "-g"),
        ("https://user:a/secret@127.0.0.1:1/", 3, "https://***@127.0.0.1:1/"),
        ("user:a/://secret@127.0.0.1:1/", 3, "@127.0.0.1:1/"),
        ("https://[::1/", 3, "https://[::1/"),
        ("https://127.0.0.1:99999/", 3, ""),
        ("", 3, ""),
    ],
)
def test_urls_that_are_not_asked(attest_curl, url, status, sentence):
    run = attest_curl("--pcr", PCR, url).refused(status)
    assert sentence in run.err
    assert "secret" not in run.err


def test_a_url_without_a_scheme_is_https(attest_curl):
    run = attest_curl("--pcr", PCR, "127.0.0.1:1").refused(7)
    assert "127.0.0.1:1" in run.err


def test_help_names_every_option_within_80_columns(attest_curl):
    run = attest_curl("--help")
    text = run.out.decode()
    assert run.exit == 0 and run.err == ""
    assert max(map(len, text.splitlines())) <= 80
    for name in (
        "enclaves pcrs pcr insecure-nitro-root insecure-allow-debug "
        "show-attestation inspect-document verify-document at request header "
        "data output include fail write-out cacert resolve connect-to max-time "
        "silent show-error verbose help version"
    ).split():
        assert f"--{name}" in text


def test_help_wins_over_a_verb(attest_curl):
    assert attest_curl("-h", "--inspect-document", "missing").exit == 0


def test_version_names_the_libraries(attest_curl):
    run = attest_curl("-V")
    assert run.exit == 0
    assert run.out.startswith(b"attest-curl ")
    assert b"libcurl/" in run.out and b"OpenSSL/" in run.out


def test_control_characters_never_reach_the_terminal(attest_curl):
    run = attest_curl("--\x1b[31mred", NOBODY).refused(2)
    assert "\x1b" not in run.err


def test_help_to_a_full_disk_is_no_success(attest_curl):
    with open("/dev/full", "wb") as full:
        assert attest_curl("--help", stdout=full).exit == 23
