"""AsyncClient: nothing blocks the event loop, and tasks can be cancelled."""

import asyncio
import sys
import time
import traceback

import pytest

import enclave_client
from conftest import (
    MARKER,
    OTHER_PCR,
    connections,
    make_client,
    map_of,
    name_of,
    nothing_is_sent,
)
from enclave_client._call import Call


def async_client(enclave, map=None, **options):
    return make_client(enclave, map, kind=enclave_client.AsyncClient, **options)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 60))


def test_requests(enclave):
    async def work():
        async with async_client(enclave) as client:
            for method in ("get", "post", "put", "patch", "delete", "options"):
                answer = await getattr(client, method)(enclave.url + "/path")
                assert answer.json()["method"] == method.upper()
            answer = await client.post(enclave.url, json={"a": 1}, params={"b": 2})
            assert answer.json()["body"] == '{"a":1}'
            assert answer.attestation.enclave == name_of(enclave)
            answer.raise_for_status()
            assert (await client.head(enclave.url)).content == b""

    run(work())
    assert connections(enclave) == 1


def test_many_at_once(enclave):
    async def work():
        async with async_client(enclave) as client:
            answers = await asyncio.gather(
                *(client.get(enclave.url + f"/{n}") for n in range(50))
            )
            return [answer.json()["path"] for answer in answers]

    assert run(work()) == [f"/{n}" for n in range(50)]


def test_the_loop_goes_on_meanwhile(enclave):
    async def work():
        ticks = 0
        async with async_client(enclave) as client:
            task = asyncio.create_task(client.get(enclave.url + "/delay/300"))
            while not task.done():
                await asyncio.sleep(0.001)
                ticks += 1
            assert (await task).ok
        return ticks

    assert run(work()) > 5


def test_cancelling_the_task_ends_the_request(enclave):
    async def work():
        async with async_client(enclave) as client:
            await client.get(enclave.url)
            task = asyncio.create_task(client.get(enclave.url + "/never"))
            while len(enclave.log("request")) < 2:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # The connection is gone, and the client is not.
            while not enclave.log("closed"):
                await asyncio.sleep(0.01)
            assert (await client.get(enclave.url)).ok

    run(work())


def test_wait_for(enclave):
    async def work():
        async with async_client(enclave) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.get(enclave.url + "/never"), 0.3)
            assert (await client.get(enclave.url)).ok

    run(work())


def test_cancelling_while_it_waits_for_its_turn(enclave):
    async def work():
        async with async_client(enclave, max_concurrency=1) as client:
            first = asyncio.create_task(client.get(enclave.url + "/delay/300"))
            second = asyncio.create_task(client.get(enclave.url + f"/{MARKER}"))
            await asyncio.sleep(0.05)
            second.cancel()
            assert (await first).ok
            with pytest.raises(asyncio.CancelledError):
                await second

    run(work())
    assert MARKER not in str(enclave.log())


def test_streams(enclave):
    async def work():
        async with async_client(enclave) as client:
            url = enclave.url + "/bytes/1000000"
            async with await client.get(url, stream=True) as answer:
                total = 0
                async for piece in answer.aiter_bytes():
                    total += len(piece)
            assert total == 1_000_000
            answer = await client.get(url, stream=True)
            with pytest.raises(enclave_client.UsageError):
                answer.content
            assert len(await answer.aread()) == len(answer.content) == 1_000_000
            async with await client.get(enclave.url + "/sse", stream=True) as answer:
                lines = [line async for line in answer.aiter_lines()]
            assert len([line for line in lines if line.startswith("data:")]) == 5

    run(work())
    assert connections(enclave) == 1


def test_cancelling_a_read(enclave):
    async def work():
        async with async_client(enclave) as client:
            answer = await client.get(enclave.url + "/sse", stream=True)
            with pytest.raises(asyncio.TimeoutError):
                async def read():
                    async for _ in answer.aiter_bytes():
                        pass

                await asyncio.wait_for(read(), 0.15)
            assert (await client.get(enclave.url)).ok

    run(work())


def test_bodies_from_async_generators(enclave):
    async def pieces():
        for n in range(5):
            await asyncio.sleep(0.001)
            yield b"piece"

    async def failing():
        yield b"piece"
        raise KeyError("of the caller")

    async def work():
        async with async_client(enclave) as client:
            answer = await client.post(enclave.url, content=pieces())
            assert answer.json()["body"] == "piece" * 5
            with pytest.raises(KeyError, match="of the caller"):
                await client.post(enclave.url, content=failing())

    run(work())


class Stalling:
    """A body of one piece, after which nothing comes; and whether it was let go."""

    def __init__(self):
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def pieces(self):
        yield b"piece"
        self.begun.set()
        try:
            await asyncio.sleep(600)
        finally:
            self.ended.set()


def test_a_body_that_stalls_ends_at_the_deadline(enclave):
    async def work():
        body = Stalling()
        async with async_client(enclave) as client:
            await client.get(enclave.url)
            with pytest.raises(enclave_client.TimeoutError, match="body's source"):
                await client.post(enclave.url, content=body.pieces(), timeout=0.3)
            await body.ended.wait()
            assert (await client.get(enclave.url)).ok

    run(work())


def test_a_timeout_of_the_bodys_own_is_its_own(enclave):
    async def pieces():
        yield b"piece"
        raise TimeoutError("of the caller")

    async def work():
        async with async_client(enclave) as client:
            with pytest.raises(TimeoutError, match="of the caller"):
                await client.post(enclave.url, content=pieces())

    run(work())


def working_threads(call):
    """Of the package's threads those that run the call."""
    return [
        frame
        for frame in sys._current_frames().values()
        for seen, _ in traceback.walk_stack(frame)
        if seen.f_code is call.__code__
    ]


def test_cancelling_the_task_ends_a_body_that_stalls(enclave):
    async def work():
        body = Stalling()
        async with async_client(enclave) as client:
            task = asyncio.create_task(
                client.post(enclave.url, content=body.pieces(), timeout=None)
            )
            await body.begun.wait()
            assert working_threads(Call.send)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not working_threads(Call.send)
            await body.ended.wait()
            assert (await client.get(enclave.url)).ok

    run(work())


def test_closing_ends_a_body_that_stalls(enclave):
    async def work():
        body = Stalling()
        client = async_client(enclave)
        task = asyncio.create_task(
            client.post(enclave.url, content=body.pieces(), timeout=None)
        )
        await body.begun.wait()
        await client.aclose()
        with pytest.raises(enclave_client.Cancelled):
            await task

    run(work())


def test_one_answer_is_the_body_of_the_next_request(enclave):
    async def work():
        async with async_client(enclave, max_concurrency=1) as client:
            url = enclave.url + "/bytes/100000"
            async with await client.get(url, stream=True) as answer:
                seen = await client.post(
                    enclave.url, content=answer.aiter_bytes(), timeout=20
                )
                assert seen.json()["body_length"] == 100_000

    run(work())


def test_a_client_serves_one_event_loop_after_the_other(enclave):
    async def work():
        paths = [f"/{n}" for n in range(4)]
        answers = await asyncio.gather(
            *(client.get(enclave.url + path) for path in paths)
        )
        assert [answer.json()["path"] for answer in answers] == paths

    client = async_client(enclave, max_concurrency=1)
    for _ in range(3):
        run(work())
        assert len(client._turns) == 1
    run(client.aclose())


def test_nobody_gets_a_turn_where_there_is_none(enclave):
    with pytest.raises(enclave_client.UsageError, match="max_concurrency"):
        async_client(enclave, max_concurrency=0)


@pytest.mark.parametrize(
    "evidence, kind",
    [
        ("other-key", enclave_client.KeyNotAttested),
        ("broken-signature", enclave_client.UntrustedEvidence),
    ],
)
def test_refusals(enclave, evidence, kind):
    async def work():
        async with async_client(enclave) as client:
            with pytest.raises(kind):
                await client.post(enclave.url, content=MARKER)

    enclave.set(evidence=evidence)
    with nothing_is_sent(enclave):
        run(work())


def test_wait_attest_update_and_refresh(enclave):
    async def work():
        async with async_client(enclave, polling=True) as client:
            await client.wait(timeout=30)
            assert (await client.attest(enclave.url)).pcrs[0] == enclave.pcrs["0"]
            client.update(map_of(enclave, OTHER_PCR))
            with pytest.raises(enclave_client.MeasurementRefused):
                await client.get(enclave.url)
            with pytest.raises(enclave_client.TimeoutError):
                await client.wait(timeout=0.1)
            await client.refresh()

    run(work())


def test_cancelling_a_wait(enclave):
    async def work():
        enclave.set(evidence={"mode": "status", "status": 503})
        async with async_client(enclave, polling=True) as client:
            started = time.monotonic()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.wait(timeout=None), 0.1)
            assert time.monotonic() - started < 20

    run(work())


def test_a_closed_client(enclave):
    async def work():
        client = async_client(enclave)
        await client.aclose()
        await client.aclose()
        with pytest.raises(enclave_client.Cancelled):
            await client.get(enclave.url)

    run(work())


def test_closing_ends_what_is_under_way(enclave):
    async def work():
        client = async_client(enclave)
        task = asyncio.create_task(client.get(enclave.url + "/never"))
        while not enclave.log("request"):
            await asyncio.sleep(0.01)
        await client.aclose()
        with pytest.raises(enclave_client.Cancelled):
            await task

    run(work())


def test_a_loop_that_ends_in_the_middle(enclave):
    async def work():
        client = async_client(enclave)
        asyncio.create_task(client.get(enclave.url + "/never"))
        while not enclave.log("request"):
            await asyncio.sleep(0.01)

    run(work())
