"""`python forwarder.py FROM TO`: forwards connections between 127.0.0.1 and a Unix socket.

FROM and TO are a port of 127.0.0.1 or the path of a socket. Prints "ready" once it accepts connections. The image's
tests run it on both sides of a container without a network; it needs only Python.
"""

from __future__ import annotations

import asyncio
import os
import sys


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main(listen: str, to: str) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if to.isdigit():
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(to))
        else:
            far_reader, far_writer = await asyncio.open_unix_connection(to)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    if listen.isdigit():
        server = await asyncio.start_server(connected, "127.0.0.1", int(listen))
    else:
        server = await asyncio.start_unix_server(connected, listen)
        # Anyone who can see the folder may connect: the container runs as another user.
        os.chmod(listen, 0o666)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
