/** `servermix destroy`: removes what `servermix deploy` made. */
import { Argument, Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { BadUsage } from '../../core/errors.ts';
import { checkStack } from '../../infra/aws/deployment.ts';
import { parse } from '../arguments.ts';
import { interrupts } from '../interrupt.ts';
import { count } from '../quantity.ts';
import { steps } from '../terminal.ts';

const examples = `
Examples:
  servermix destroy aws                      functions, roles, logs and alarms; the bucket with the results stays
  servermix destroy aws --data               the bucket and all results as well, after asking
  servermix destroy aws --stack trial --data --yes
`;

export async function destroy(args: readonly string[]): Promise<void> {
  const parser = new Command('servermix destroy')
    .description('remove what servermix deploy made')
    .addArgument(new Argument('<cloud>', 'where').choices(['aws']))
    .option('--stack <name>', 'name of it all in the account', 'servermix')
    .option('--region <region>', 'AWS region (default: where it was deployed to from here)')
    .option('--data', 'also the bucket with all results, finished tasks and code in it')
    .option('--yes', 'do not ask')
    .option('--json', 'result and progress as JSON')
    .option('--debug', 'stack traces')
    .addHelpText('after', examples);
  const given = parse(parser, args);
  if (!given) return;
  const stack = checkStack(given['stack'] as string);
  const region = given['region'] as string | undefined;
  const json = given['json'] === true;
  const stop = interrupts();
  const confirm = async (bucket: string): Promise<void> => {
    if (given['yes'] !== true) await ask(stack, bucket, stop.signal);
  };
  try {
    const { destroy: remove } = await import('../../infra/aws/destroy.ts');
    const { bucket, objects } = await remove(
      { stack, data: given['data'] === true, confirm, ...(region === undefined ? {} : { region }) },
      { signal: stop.signal, progress: steps('destroy', { json }) },
    );
    if (json) {
      const left = objects === undefined ? (bucket ?? null) : null;
      process.stdout.write(`${JSON.stringify({ stack, bucket: left, objects: objects ?? 0 })}\n`);
      return;
    }
    process.stdout.write(`stack ${stack}: removed\n`);
    if (objects !== undefined)
      process.stdout.write(`bucket ${bucket}: removed with ${count(objects)} objects\n`);
    else if (bucket !== undefined)
      process.stdout.write(
        `bucket ${bucket}: left as it is, with all results; aws s3 rb s3://${bucket} --force removes it\n`,
      );
  } finally {
    stop.release();
  }
}

/** Lets a person type the stack's name. @throws BadUsage where nobody can, or it was something else */
async function ask(stack: string, bucket: string, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new BadUsage(
      `--data removes s3://${bucket} with everything in it and nobody is there to be asked; add --yes if that is meant`,
    );
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const said = await terminal
      .question(`This removes s3://${bucket} with everything in it. The stack's name to go on: `, { signal })
      .catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      });
    if (said.trim() !== stack)
      throw new BadUsage(`found ${said || 'nothing'}, expected ${stack}; nothing was removed`);
  } finally {
    terminal.close();
  }
}
