/** Ports of 127.0.0.1 for servers that cannot be told to take any free one. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the ports that Linux gives to outgoing connections, so that none of these takes one before its server does.
const [lowest, beyond] = [20_000, 32_000];

/**
 * The first of `count` ports in a row that nobody listens on. Two processes may still be given the same one, if rarely:
 * whoever starts a server on it must see it fail and ask again.
 */
export async function freePort(count = 1): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, beyond);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(port + i)));
    if (free.every(Boolean)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
