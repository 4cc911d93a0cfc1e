/** What the machine's second core is worth at this moment: a shared host gives and takes it, and every ratio hangs on it. */
import { Worker } from 'node:worker_threads';

// Multiplies for as long as it is told and answers how far it came.
const spinner = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', (ms) => {
  const end = performance.now() + ms;
  let [rounds, x] = [0, 1];
  for (; performance.now() < end; rounds++)
    for (let i = 0; i < 20000; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  parentPort.postMessage(rounds + (x & 0));
});`;

/** Work that two threads do together in the time in which one does 1, the least of three tries: 2 on two free cores. */
export async function speedup(): Promise<number> {
  const workers = [0, 1].map(() => new Worker(spinner, { eval: true }));
  const spin = (worker: Worker, ms: number): Promise<number> =>
    new Promise((resolve) => {
      worker.once('message', resolve);
      worker.postMessage(ms);
    });
  await Promise.all(workers.map((worker) => spin(worker, 50)));
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const one = await spin(workers[0]!, 100);
    const [a, b] = await Promise.all(workers.map((worker) => spin(worker, 100)));
    least = Math.min(least, (a! + b!) / one);
  }
  await Promise.all(workers.map((worker) => worker.terminate()));
  return least;
}
