/** CloudFormation's stacks: found, made, changed and deleted, each waited for until it is as it was asked to be. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Parameter,
  type StackEvent,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { BadUsage } from '../../core/errors.ts';
import { asking, refusal } from './refusal.ts';
import type { Given } from './template.ts';

// Said on standard error otherwise.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** A stack as it stands. */
export type Found = {
  readonly id: string;
  readonly status: string;
  readonly outputs: { readonly [name: string]: string };
  readonly parameters: { readonly [name: string]: string };
};

export type Formation = {
  readonly region: string;
  /** The stack once nothing changes it any more; undefined if there is none. @throws BadUsage if it is somebody else's */
  find(): Promise<Found | undefined>;
  create(template: string, parameters: Given): Promise<Found>;
  /** Undefined if it is like that already. Parameters that are not given stay as they are. */
  update(found: Found, template: string, parameters: Given): Promise<Found | undefined>;
  remove(found: Found): Promise<void>;
  close(): void;
};

export type Watching = {
  readonly signal: AbortSignal;
  /** Takes a line for people. */
  readonly progress: (line: string) => void;
};

const service = 'CloudFormation';
/** Milliseconds between two looks at a stack: the first ones come quickly, as tests and refusals do. */
const [soonest, latest] = [100, 5000];
/** What the template's description begins with: stacks of others are left alone. */
const ours = 'servermix:';

const isBusy = (status: string): boolean =>
  status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS';

/** @throws BadUsage without a region */
export async function formation(
  stack: string,
  region: string | undefined,
  { signal, progress }: Watching,
): Promise<Formation> {
  const client = new CloudFormationClient(region === undefined ? {} : { region });
  const ask = <T>(call: () => Promise<T>): Promise<T> => asking(service, signal, call);
  const options = { abortSignal: signal };

  async function look(nameOrId: string): Promise<Found | undefined> {
    try {
      const { Stacks: stacks } = await client.send(
        new DescribeStacksCommand({ StackName: nameOrId }),
        options,
      );
      const found = stacks![0]!;
      if (!found.Description?.startsWith(ours))
        throw new BadUsage(
          `stack ${stack} in ${await client.config.region()}: found ${found.Description ?? 'no description'}, expected a stack of servermix; name another with --stack`,
        );
      const pairs = <T>(all: readonly T[] | undefined, pair: (each: T) => [string, string]): Given =>
        Object.fromEntries((all ?? []).map(pair));
      return {
        id: found.StackId!,
        status: found.StackStatus!,
        outputs: pairs(found.Outputs, (each) => [each.OutputKey!, each.OutputValue!]),
        parameters: pairs(found.Parameters, (each) => [each.ParameterKey!, each.ParameterValue!]),
      };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof BadUsage) throw error;
      if (/does not exist/.test((error as Error).message)) return undefined;
      throw refusal(error, service);
    }
  }

  /** Looks until nothing changes the stack. By id: a deleted stack has no name. */
  async function settle(nameOrId: string): Promise<Found | undefined> {
    let said: string | undefined;
    for (let pause = soonest; ; pause = Math.min(latest, pause * 1.5)) {
      const found = await look(nameOrId);
      if (!found || !isBusy(found.status)) return found;
      if (found.status !== said) progress(`stack ${stack}: ${(said = found.status)}`);
      await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  /** Waits for one operation. @throws Error with the first resource that failed */
  async function outcome(id: string, token: string, wanted: string): Promise<Found> {
    const found = await settle(id);
    if (found?.status === wanted) return found;
    const [first] = await failures(id, token);
    const what = first
      ? `${first.LogicalResourceId} (${first.ResourceType}): ${first.ResourceStatusReason}`
      : `found ${found?.status ?? 'no stack'}, expected ${wanted}`;
    throw new Error(
      `stack ${stack}: ${what.replace(/\s+/g, ' ')}; mend that and give the same command again`,
    );
  }

  /** What failed of an operation, the first one first, the stack itself last. */
  async function failures(id: string, token: string): Promise<StackEvent[]> {
    const failed: StackEvent[] = [];
    for (let next: string | undefined; ;) {
      const page = await ask(() =>
        client.send(
          new DescribeStackEventsCommand({
            StackName: id,
            ...(next === undefined ? {} : { NextToken: next }),
          }),
          options,
        ),
      );
      for (const event of page.StackEvents ?? []) {
        const own = event.ClientRequestToken === token && event.ResourceStatus?.endsWith('_FAILED');
        // What was stopped because something else had failed says nothing.
        if (own && !/cancelled/i.test(event.ResourceStatusReason ?? '')) failed.unshift(event);
      }
      next = page.NextToken;
      if (next === undefined) break;
    }
    const isStack = (event: StackEvent): boolean => event.PhysicalResourceId === event.StackId;
    return [...failed.filter((event) => !isStack(event)), ...failed.filter(isStack)];
  }

  const request = (template: string, parameters: Parameter[]) => {
    const token = `servermix-${randomUUID()}`;
    const input = {
      StackName: stack,
      TemplateBody: template,
      Parameters: parameters,
      Capabilities: ['CAPABILITY_IAM' as const],
      ClientRequestToken: token,
    };
    return { token, input };
  };
  const listed = (given: Given): Parameter[] =>
    Object.entries(given).map(([ParameterKey, ParameterValue]) => ({ ParameterKey, ParameterValue }));

  return {
    region: await ask(() => client.config.region()),
    find: () => settle(stack),
    async create(template, parameters) {
      const { token, input } = request(template, listed(parameters));
      const { StackId: id } = await ask(() => client.send(new CreateStackCommand(input), options));
      return outcome(id!, token, 'CREATE_COMPLETE');
    },
    async update(found, template, parameters) {
      const known = Object.keys(
        (JSON.parse(template) as { Parameters: { [name: string]: unknown } }).Parameters,
      );
      const kept = known
        .filter((name) => !(name in parameters) && name in found.parameters)
        .map((ParameterKey) => ({ ParameterKey, UsePreviousValue: true }));
      const { token, input } = request(template, [...listed(parameters), ...kept]);
      try {
        await client.send(new UpdateStackCommand(input), options);
      } catch (error) {
        signal.throwIfAborted();
        if (/No updates are to be performed/.test((error as Error).message)) return undefined;
        throw refusal(error, service);
      }
      return outcome(found.id, token, 'UPDATE_COMPLETE');
    },
    async remove({ id }) {
      const token = `servermix-${randomUUID()}`;
      await ask(() =>
        client.send(new DeleteStackCommand({ StackName: id, ClientRequestToken: token }), options),
      );
      await outcome(id, token, 'DELETE_COMPLETE');
    },
    close: () => client.destroy(),
  };
}
