/** A stand-in for CloudFormation: the Query API over stacks in memory that take their time, fail when told to, and refuse what the real one does. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bodyOf, type BucketServer } from './bucketserver.ts';

type Failure = { readonly resource: string; readonly type: string; readonly reason: string };
type Event = { readonly [field: string]: string };
export type StandIn = {
  name: string;
  id: string;
  status: string;
  template: string;
  description: string;
  parameters: { [name: string]: string };
  bucket: string;
  /** What it becomes after some more looks. */
  next: { status: string; looks: number }[];
  /** The newest first. */
  events: Event[];
};
export type FormationServer = {
  readonly url: string;
  /** All that ever were, deleted ones too. */
  readonly stacks: StandIn[];
  /** Actions other than looking. */
  readonly actions: string[];
  /** Looks after which an operation is done. */
  looks: number;
  /** What fails in the next operation. */
  fail: Failure | undefined;
  /** The answer to everything, while set. */
  refuse: { readonly status: number; readonly code: string; readonly message: string } | undefined;
  close(): Promise<void>;
};

const escape = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

class Refused extends Error {
  readonly code: string;
  constructor(message: string, code = 'ValidationError') {
    super(message);
    this.code = code;
  }
}

/** Starts it on a free port of the loopback; buckets of its stacks are made in `storage`. */
export async function formationServer(storage: BucketServer): Promise<FormationServer> {
  const state: Omit<FormationServer, 'close' | 'url'> = {
    stacks: [],
    actions: [],
    looks: 1,
    fail: undefined,
    refuse: undefined,
  };
  const find = (nameOrId: string): StandIn => {
    const found = state.stacks.find(
      ({ name, id, status }) => id === nameOrId || (name === nameOrId && status !== 'DELETE_COMPLETE'),
    );
    if (!found) throw new Refused(`Stack with id ${nameOrId} does not exist`);
    return found;
  };

  /** The parameters of a request over a template, the way the real one fills them in. */
  function parametersOf(
    form: URLSearchParams,
    before: { [name: string]: string },
  ): { [name: string]: string } {
    const template = JSON.parse(form.get('TemplateBody')!) as {
      Parameters: { [name: string]: { Default: string | number } };
    };
    const given: { [name: string]: string } = {};
    for (let i = 1; form.has(`Parameters.member.${i}.ParameterKey`); i++) {
      const name = form.get(`Parameters.member.${i}.ParameterKey`)!;
      if (!(name in template.Parameters))
        throw new Refused(`Parameters: [${name}] do not exist in the template`);
      const kept = form.get(`Parameters.member.${i}.UsePreviousValue`) === 'true';
      if (kept && !(name in before))
        throw new Refused(
          `Invalid input for parameter key ${name}. Cannot specify usePreviousValue as true for a parameter key not in the previous template`,
        );
      given[name] = kept ? before[name]! : form.get(`Parameters.member.${i}.ParameterValue`)!;
    }
    const all = Object.entries(template.Parameters).map(
      ([name, { Default }]) => [name, given[name] ?? String(Default)] as const,
    );
    return Object.fromEntries(all);
  }

  function checked(form: URLSearchParams): string {
    const text = form.get('TemplateBody')!;
    if (Buffer.byteLength(text) > 51_200)
      throw new Refused('Member must have length less than or equal to 51200');
    if (form.get('Capabilities.member.1') !== 'CAPABILITY_IAM')
      throw new Refused('Requires capabilities : [CAPABILITY_IAM]', 'InsufficientCapabilitiesException');
    return text;
  }

  function begin(stack: StandIn, operation: 'CREATE' | 'UPDATE' | 'DELETE', token: string): void {
    const { id, parameters } = stack;
    const base = { StackId: id, StackName: stack.name, ClientRequestToken: token };
    const own = {
      ...base,
      LogicalResourceId: stack.name,
      PhysicalResourceId: id,
      ResourceType: 'AWS::CloudFormation::Stack',
    };
    const say = (event: Event): void => void stack.events.unshift(event);
    stack.status = `${operation}_IN_PROGRESS`;
    say({ ...own, ResourceStatus: stack.status });
    let failure = state.fail;
    const { CodeKey: key } = parameters;
    // As Lambda finds out when it looks for its code.
    if (operation !== 'DELETE' && key && !storage.buckets.get(stack.bucket)?.has(key))
      failure ??= {
        resource: 'Function1769',
        type: 'AWS::Lambda::Function',
        reason: 'S3 Error Code: NoSuchKey',
      };
    state.fail = undefined;
    if (!failure) {
      stack.next = [{ status: `${operation}_COMPLETE`, looks: state.looks }];
      return;
    }
    const [mark, back] = operation === 'CREATE' ? ['CREATE', 'ROLLBACK'] : ['UPDATE', 'UPDATE_ROLLBACK'];
    say({
      ...base,
      LogicalResourceId: failure.resource,
      ResourceType: failure.type,
      ResourceStatus: `${mark}_FAILED`,
      ResourceStatusReason: failure.reason,
    });
    say({
      ...base,
      LogicalResourceId: 'Alarms',
      ResourceType: 'AWS::SNS::Topic',
      ResourceStatus: `${mark}_FAILED`,
      ResourceStatusReason: 'Resource creation cancelled',
    });
    say({
      ...own,
      ResourceStatus: `${back}_IN_PROGRESS`,
      ResourceStatusReason: `The following resource(s) failed: [${failure.resource}].`,
    });
    if (operation === 'CREATE') storage.buckets.delete(stack.bucket);
    stack.next = [
      { status: `${back}_IN_PROGRESS`, looks: 1 },
      { status: `${back}_COMPLETE`, looks: 1 },
    ];
  }

  const actions: { readonly [action: string]: (form: URLSearchParams) => string } = {
    CreateStack(form) {
      const name = form.get('StackName')!;
      if (state.stacks.some((each) => each.name === name && each.status !== 'DELETE_COMPLETE'))
        throw new Refused(`Stack [${name}] already exists`, 'AlreadyExistsException');
      const template = checked(form);
      const parameters = parametersOf(form, {});
      const serial = state.stacks.length + 1;
      const bucket = `${name}-bucket-${serial}`;
      storage.buckets.set(bucket, new Map());
      const { Description: description } = JSON.parse(template) as { Description: string };
      const id = `arn:aws:cloudformation:eu-central-1:000000000000:stack/${name}/${serial}`;
      const stack = { name, id, template, description, parameters, bucket, status: '', next: [], events: [] };
      state.stacks.push(stack);
      begin(stack, 'CREATE', form.get('ClientRequestToken')!);
      return `<StackId>${id}</StackId>`;
    },
    UpdateStack(form) {
      const stack = find(form.get('StackName')!);
      if (!/^(CREATE|UPDATE|UPDATE_ROLLBACK)_COMPLETE$/.test(stack.status))
        throw new Refused(`Stack:${stack.id} is in ${stack.status} state and can not be updated.`);
      const template = checked(form);
      const parameters = parametersOf(form, stack.parameters);
      if (template === stack.template && JSON.stringify(parameters) === JSON.stringify(stack.parameters))
        throw new Refused('No updates are to be performed.');
      const before = { template: stack.template, parameters: stack.parameters };
      Object.assign(stack, { template, parameters });
      begin(stack, 'UPDATE', form.get('ClientRequestToken')!);
      if (stack.next.at(-1)!.status === 'UPDATE_ROLLBACK_COMPLETE') Object.assign(stack, before);
      return `<StackId>${stack.id}</StackId>`;
    },
    DeleteStack(form) {
      begin(find(form.get('StackName')!), 'DELETE', form.get('ClientRequestToken')!);
      return '';
    },
    DescribeStacks(form) {
      const stack = find(form.get('StackName')!);
      const [next] = stack.next;
      if (next && next.looks-- <= 0) stack.status = stack.next.shift()!.status;
      const hasOutputs = /^(CREATE|UPDATE)/.test(stack.status);
      const outputs = {
        Bucket: stack.bucket,
        Region: 'eu-central-1',
        Store: `s3://${stack.bucket}/store`,
        Functions: `${stack.name}-1769,${stack.name}-driver`,
      };
      const pairs = (kind: string, all: { [name: string]: string }): string =>
        `<${kind}s>${Object.entries(all)
          .map(
            ([name, value]) =>
              `<member><${kind}Key>${name}</${kind}Key><${kind}Value>${escape(value)}</${kind}Value></member>`,
          )
          .join('')}</${kind}s>`;
      return `<Stacks><member><StackId>${stack.id}</StackId><StackName>${stack.name}</StackName><StackStatus>${stack.status}</StackStatus><CreationTime>2026-11-25T00:00:00Z</CreationTime><Description>${escape(stack.description)}</Description>${pairs('Parameter', stack.parameters)}${hasOutputs ? pairs('Output', outputs) : ''}</member></Stacks>`;
    },
    DescribeStackEvents(form) {
      const { events } = find(form.get('StackName')!);
      // Two a page: what failed first is on a later one.
      const from = Number(form.get('NextToken') ?? 0);
      const shown = events.slice(from, from + 2).map((event, i) => {
        const fields = Object.entries(event).map(([name, value]) => `<${name}>${escape(value)}</${name}>`);
        return `<member><EventId>${from + i}</EventId><Timestamp>2026-11-25T00:00:00Z</Timestamp>${fields.join('')}</member>`;
      });
      const more = from + 2 < events.length ? `<NextToken>${from + 2}</NextToken>` : '';
      return `<StackEvents>${shown.join('')}</StackEvents>${more}`;
    },
  };

  function answer(form: URLSearchParams): [status: number, text: string] {
    const failure = (status: number, code: string, message: string): [number, string] => [
      status,
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${escape(message)}</Message></Error><RequestId>0</RequestId></ErrorResponse>`,
    ];
    const { refuse } = state;
    if (refuse) return failure(refuse.status, refuse.code, refuse.message);
    const action = form.get('Action')!;
    if (!action.startsWith('Describe')) state.actions.push(action);
    try {
      const result = actions[action]!(form);
      return [200, `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`];
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return failure(400, error.code, error.message);
    }
  }

  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const [status, text] = answer(new URLSearchParams(body.toString()));
      response.writeHead(status, { 'content-type': 'text/xml' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
