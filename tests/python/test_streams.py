"""Bodies that come and go in pieces."""

import io
import threading
import time

import pytest

import enclave_client
from conftest import OTHER_PCR, connections, make_client, map_of


def test_the_body_comes_while_it_is_read(client, enclave):
    with client.get(enclave.url + "/bytes/3000000", stream=True) as answer:
        assert answer.status_code == 200 and not answer.is_closed
        pieces = list(answer.iter_bytes())
        assert len(pieces) > 1 and sum(map(len, pieces)) == 3_000_000
        assert answer.is_closed


def test_pieces_of_a_size(client, enclave):
    with client.get(enclave.url + "/bytes/100000", stream=True) as answer:
        sizes = [len(piece) for piece in answer.iter_bytes(30_000)]
    assert sizes == [30_000, 30_000, 30_000, 10_000]


def test_a_whole_answer_has_the_same_iterators(client, enclave):
    answer = client.post(enclave.url, content="a\nb")
    assert b"".join(answer.iter_bytes()) == answer.content
    assert "".join(answer.iter_text()) == answer.text
    assert list(client.head(enclave.url).iter_bytes()) == []


def test_lines_of_server_sent_events(client, enclave):
    started = time.monotonic()
    with client.get(enclave.url + "/sse", stream=True) as answer:
        lines = answer.iter_lines()
        first = next(lines)
        # Five events, a tenth of a second apart: the first was not held up.
        arrived = time.monotonic() - started
        rest = list(lines)
    assert first.startswith("data:") and arrived < time.monotonic() - started
    assert len([line for line in rest if line.startswith("data:")]) == 4


def test_content_reads_the_rest(client, enclave):
    answer = client.get(enclave.url + "/bytes/100000", stream=True)
    assert len(answer.content) == 100_000
    assert answer.content is answer.content


def test_content_has_a_cap(client, enclave):
    answer = client.get(
        enclave.url + "/bytes/1000000", stream=True, body_max_bytes=100_000
    )
    with pytest.raises(enclave_client.BodyTooLarge):
        answer.content
    assert answer.is_closed


def test_a_stream_is_read_once(client, enclave):
    answer = client.get(enclave.url + "/bytes/100000", stream=True)
    next(answer.iter_bytes())
    for use in (lambda: list(answer.iter_bytes()), lambda: answer.content):
        with pytest.raises(enclave_client.UsageError):
            use()
    answer.close()
    answer.close()


def test_what_was_read_to_its_end_leaves_the_connection(client, enclave):
    for _ in range(3):
        client.get(enclave.url + "/bytes/100000", stream=True).content
    assert connections(enclave) == 1


def test_what_was_dropped_does_not(client, enclave):
    with client.get(enclave.url + "/bytes/100000000", stream=True) as answer:
        next(answer.iter_bytes())
    assert client.get(enclave.url).ok
    assert connections(enclave) == 2


def test_what_was_closed_has_no_body(client, enclave):
    url = enclave.url + "/bytes/100000000"
    with client.get(url, stream=True) as answer:
        pass
    for read in (lambda: answer.content, lambda: next(answer.iter_bytes())):
        with pytest.raises(enclave_client.UsageError, match="closed|read"):
            read()


def test_a_close_between_two_reads_is_no_end(client, enclave):
    answer = client.get(enclave.url + "/bytes/100000000", stream=True)
    pieces = answer.iter_bytes()
    assert next(pieces)
    answer.close()
    with pytest.raises(enclave_client.UsageError, match="closed before its end"):
        next(pieces)


def test_a_close_after_the_end_changes_nothing(client, enclave):
    with client.get(enclave.url + "/bytes/1000", stream=True) as answer:
        assert len(answer.content) == 1000
    assert len(answer.content) == 1000
    answer = client.get(enclave.url + "/bytes/1000", stream=True)
    pieces = list(answer.iter_bytes())
    answer.close()
    assert sum(map(len, pieces)) == 1000


def test_a_cut_answer_raises(client, enclave):
    answer = client.get(enclave.url + "/cut", stream=True)
    with pytest.raises(enclave_client.NetworkError):
        list(answer.iter_bytes())
    with pytest.raises(enclave_client.NetworkError):
        client.get(enclave.url + "/cut")


def test_the_deadline_goes_on_through_the_reading(client, enclave):
    answer = client.get(enclave.url + "/sse", stream=True, timeout=0.25)
    with pytest.raises(enclave_client.TimeoutError):
        list(answer.iter_bytes())


def test_a_download_ends_with_the_policy(client, enclave):
    answer = client.get(enclave.url + "/bytes/100000000", stream=True)
    pieces = answer.iter_bytes()
    next(pieces)
    client.update(map_of(enclave, OTHER_PCR))
    with pytest.raises(enclave_client.EnclaveClientError):
        for _ in pieces:
            pass


def test_an_upload_stops_when_the_policy_changes(client, enclave):
    client.get(enclave.url)

    def pieces():
        yield b"first"
        client.update(map_of(enclave, OTHER_PCR))
        yield b"the library judges before it asks, and this was asked for"
        yield b"the-rest"

    with pytest.raises(enclave_client.MeasurementRefused):
        client.post(enclave.url, content=pieces())
    enclave.wait_for("closed")
    assert "the-rest" not in str(enclave.log())


def test_an_upload_of_which_nobody_knows_the_length(client, enclave):
    class Pipe(io.RawIOBase):
        left = 20

        def readable(self):
            return True

        def readinto(self, buffer):
            if not self.left:
                return 0
            self.left -= 1
            buffer[:5] = b"piece"
            return 5

    seen = client.post(enclave.url, content=Pipe()).json()
    assert seen["body_length"] == 100
    assert seen["headers"]["transfer-encoding"] == "chunked"


def test_a_piece_larger_than_any_buffer(client, enclave):
    seen = client.post(enclave.url, content=[b"x" * 1_000_000, b"y"]).json()
    assert seen["body_length"] == 1_000_001


def test_one_reader_at_a_time(client, enclave):
    answer = client.get(enclave.url + "/sse", stream=True)
    failures = []
    gate = threading.Barrier(2)

    def read():
        gate.wait()
        try:
            while answer._pull():
                pass
        except enclave_client.UsageError as failure:
            failures.append(failure)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 1


def test_closing_the_client_ends_a_stream(enclave):
    client = make_client(enclave)
    answer = client.get(enclave.url + "/bytes/100000000", stream=True)
    client.close()
    with pytest.raises(enclave_client.Cancelled):
        for _ in answer.iter_bytes():
            pass
