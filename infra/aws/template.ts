/** The committed template: what it makes of given parameters, and which values it takes. */
import { readFile } from 'node:fs/promises';
import { BadUsage } from '../../core/errors.ts';

type Parameter = {
  readonly Type: string;
  readonly Default: string | number;
  readonly AllowedPattern?: string;
  readonly MinValue?: number;
};
type Body = {
  readonly Parameters: { readonly [name: string]: Parameter };
  readonly Conditions: { readonly [name: string]: unknown };
  readonly Resources: {
    readonly [id: string]: {
      readonly Type: string;
      readonly Condition?: string;
      readonly Properties?: { readonly [name: string]: unknown };
    };
  };
};

export type Template = {
  readonly path: string;
  /** Without the white space that people read it by: an inline template is 51,200 bytes at most. */
  readonly text: string;
  readonly body: Body;
};

/** Values of parameters as CloudFormation takes them; lists are joined by commas. */
export type Given = { readonly [parameter: string]: string };

export async function readTemplate(path: string): Promise<Template> {
  const body = JSON.parse(await readFile(path, 'utf8')) as Body;
  return { path, text: JSON.stringify(body), body };
}

/** A value that the template takes; nothing stands for the default. `flag` is what a person called it. @throws BadUsage */
export function checkValue({ body }: Template, name: string, flag: string, value: string): string {
  const parameter = body.Parameters[name]!;
  if (value === '') return String(parameter.Default);
  const { MinValue: least, AllowedPattern: pattern } = parameter;
  if (parameter.Type === 'Number' && !(value.trim() !== '' && Number(value) >= (least ?? -Infinity)))
    throw new BadUsage(`${flag}: found ${value}, expected a number of at least ${least}`);
  const all = parameter.Type === 'CommaDelimitedList' ? value.split(',') : [value];
  for (const each of all)
    if (pattern !== undefined && (each === '' || !new RegExp(pattern).test(each)))
      throw new BadUsage(`${flag}: found ${each || 'nothing'}, expected what matches ${pattern}`);
  return value;
}

/** All parameters, given ones and defaults. */
export function valuesOf({ body }: Template, given: Given): Given {
  return Object.fromEntries(
    Object.entries(body.Parameters).map(([name, { Default }]) => [name, given[name] ?? String(Default)]),
  );
}

export type Resource = {
  readonly id: string;
  readonly type: string;
  /** Where the template gives it one. */
  readonly name?: string;
  /** What there is of memory in MB, seconds, /tmp in MB and days kept. */
  readonly sizes: {
    readonly megabytes?: number;
    readonly seconds?: number;
    readonly disk?: number;
    readonly days?: number;
  };
};

/** The resources that a stack of this name would have. */
export function resourcesOf(template: Template, stack: string, given: Given): Resource[] {
  const { Conditions, Resources } = template.body;
  const values = valuesOf(template, given);
  const made = Object.entries(Resources).filter(
    ([, { Condition: condition }]) => condition === undefined || holds(Conditions[condition], values),
  );
  return made.map(([id, { Type: type, Properties: found = {} }]) => {
    const named = (found['FunctionName'] ?? found['LogGroupName']) as { 'Fn::Sub'?: string } | undefined;
    const name = named?.['Fn::Sub']?.replace('${AWS::StackName}', stack);
    const disk = (found['EphemeralStorage'] as { Size: number } | undefined)?.Size;
    const sizes = {
      megabytes: found['MemorySize'],
      seconds: found['Timeout'],
      disk,
      days: found['RetentionInDays'],
    };
    const known = Object.fromEntries(Object.entries(sizes).filter(([, size]) => size !== undefined));
    return { id, type, ...(name === undefined ? {} : { name }), sizes: known };
  });
}

/** A condition, or a text in one, of the few functions that the template's conditions use. */
function evaluate(expression: unknown, values: Given): unknown {
  if (typeof expression === 'string') return expression;
  const [[name, argument]] = Object.entries(expression as object) as [[string, unknown]];
  const of = (i: number): unknown => evaluate((argument as unknown[])[i], values);
  switch (name) {
    case 'Ref':
      return values[argument as string];
    // Of a list parameter, which is a text here already: whether there is anything in it is all that is asked.
    case 'Fn::Join':
      return of(1);
    case 'Fn::Equals':
      return of(0) === of(1);
    case 'Fn::Not':
      return of(0) !== true;
    default:
      throw new Error(
        `template: found ${name} in a condition, expected Ref, Fn::Join, Fn::Equals or Fn::Not`,
      );
  }
}
const holds = (condition: unknown, values: Given): boolean => evaluate(condition, values) === true;
