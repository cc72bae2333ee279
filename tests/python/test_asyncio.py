"""AsyncClient: nothing blocks the event loop, and tasks can be cancelled."""

import asyncio
import time

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
