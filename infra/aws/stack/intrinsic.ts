/** CloudFormation's own functions, written as the template has them. */
import { Fn } from 'aws-cdk-lib';

/** `text` with its `${names}` filled in when the stack is made. */
export const sub = (text: string, names?: { [name: string]: string }): string => Fn.sub(text, names);

/** `value` where the condition holds, nothing where it does not. */
export const either = (condition: string, value: unknown): unknown =>
  Fn.conditionIf(condition, value, { Ref: 'AWS::NoValue' });
