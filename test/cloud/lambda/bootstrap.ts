/**
 * The first program of an execution environment: AWS's runtime interface client, without the part that is compiled. Its
 * two calls are posts to the Runtime API; the third, to ask for the next invocation, the client can do without it.
 * Arguments: the client's folder, the handler.
 */
import { Agent, request } from 'node:http';
import Module from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

type Load = (name: string, ...rest: unknown[]) => unknown;
type Runtime = { run(folder: string, handler: string): Promise<void> };

const api = `http://${process.env['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/`;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let pending = 0;
let leave: (() => never) | undefined;

function post(path: string, body: string, headers: { readonly [name: string]: string } = {}): void {
  pending++;
  const outgoing = request(api + path, { method: 'POST', agent, headers }, (answer) => {
    answer.resume().on('end', () => {
      pending--;
      if (pending === 0) leave?.();
    });
  });
  // The service is gone, and with it whoever would wait for more.
  outgoing.on('error', () => exit(1));
  outgoing.end(body);
}

const native = {
  initializeClient: () => undefined,
  done: (id: string, body: string) => post(`${id}/response`, body),
  error: (id: string, body: string) => {
    const { errorType } = JSON.parse(body) as { errorType: string };
    post(`${id}/error`, body, { 'lambda-runtime-function-error-type': errorType });
  },
};

// The compiled calls return when the post has arrived, and the client may exit right after one.
const exit = process.exit.bind(process);
process.exit = ((code) => {
  if (pending === 0) exit(code);
  leave = () => exit(code);
}) as typeof process.exit;

const loader = Module as unknown as { _load: Load };
const load = loader._load;
loader._load = (name, ...rest) => (name.endsWith('rapid-client.node') ? native : load(name, ...rest));

const [folder, handler] = process.argv.slice(2) as [string, string];
const runtime = (await import(pathToFileURL(join(folder, 'dist', 'index.mjs')).href)) as Runtime;
await runtime.run(process.cwd(), handler);
