"""Links between places: TCP proxies that delay what they carry, and can be cut, each way by itself.

A `Way` is one direction of a link. What was sent into one that is cut waits, as behind a link that is
down: neither end sees an end or an error. `Proxies` run in one thread of their own; their methods may
be called from any.
"""

import asyncio
import contextlib
import threading

_CHUNK = 1 << 16
_MAX_CHUNKS = 256


class Way:
    """One direction of a link. Made by Proxies.way()."""

    def __init__(self, loop, delay):
        self._loop = loop
        self.delay = delay
        self.open = asyncio.Event()
        self.open.set()

    def cut(self):
        self._loop.call_soon_threadsafe(self.open.clear)

    def heal(self):
        self._loop.call_soon_threadsafe(self.open.set)


class Proxies:
    def __init__(self):
        self._loop = asyncio.new_event_loop()
        self._servers = []
        self._writers = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    def way(self, delay=0.0):
        """A direction that takes `delay` seconds."""

        async def make():
            return Way(self._loop, delay)

        return self._wait(make())

    def carry(self, target, ways, listen=("127.0.0.1", 0)):
        """Carries connections to `listen` on to `target`, both (host, port); returns the port.

        ways(peer's host) gives two lists of ways: those that what the peer sends goes through, and
        those that it receives through.
        """

        async def serve(reader, writer):
            up, down = ways(writer.get_extra_info("peername")[0])
            await self._serve(reader, writer, target, up, down)

        async def start():
            server = await asyncio.start_server(serve, *listen)
            self._servers.append(server)
            return server.sockets[0].getsockname()[1]

        return self._wait(start())

    def reset(self):
        """Ends every connection, as a router does that forgets its flows."""

        async def abort():
            for writer in list(self._writers):
                writer.transport.abort()

        self._wait(abort())

    def close(self):
        async def end():
            for server in self._servers:
                server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._wait(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, reader, writer, target, up, down):
        self._writers.add(writer)
        far_writer = None
        try:
            for way in up:  # Nor can anything be dialled through a cut.
                await way.open.wait()
            far_reader, far_writer = await asyncio.open_connection(*target)
            self._writers.add(far_writer)
            await asyncio.gather(self._carry(reader, far_writer, up),
                                 self._carry(far_reader, writer, down))
        except OSError:
            pass
        finally:
            for one in (writer, far_writer):
                if one is not None:
                    self._writers.discard(one)
                    one.transport.abort()

    async def _carry(self, reader, writer, ways):
        """Until the end of what comes, then passes that on too; OSError when either end breaks."""
        queue = asyncio.Queue(_MAX_CHUNKS)
        delay = sum(way.delay for way in ways)

        async def deliver():
            while True:
                due, data = await queue.get()
                # Each chunk waits by itself: a delay is no limit of the rate.
                await asyncio.sleep(due - self._loop.time())
                for way in ways:
                    await way.open.wait()
                if not data:
                    with contextlib.suppress(OSError, RuntimeError):
                        writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        delivery = asyncio.ensure_future(deliver())
        try:
            while True:
                try:
                    data = await reader.read(_CHUNK)
                except OSError:
                    data = b""  # How it ended is not carried; that it did is, in its time.
                await queue.put((self._loop.time() + delay, data))
                if not data:
                    break
            await delivery
        finally:
            delivery.cancel()
