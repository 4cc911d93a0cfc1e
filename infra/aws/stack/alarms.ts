/** What wakes a person: functions that fail, and money that goes faster than was meant. */
import { prices } from '../prices.ts';
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { sub } from './intrinsic.ts';

/** A function by the text for Fn::Sub that becomes its name, and its memory in MB. */
export type Sized = { readonly name: string; readonly megabytes: number };

/** As a decimal: CloudWatch's expressions know no exponents. */
const dollarsPerGbSecond = prices.gbSecond.toFixed(10);

/** Failed invocations in five minutes. The driver tries again what was lost, so that one now and then is nobody's business. */
const errors = 10;

const series = (
  functions: readonly Sized[],
  metricName: string,
  period: number,
): CfnAlarm.MetricDataQueryProperty[] =>
  functions.map(({ name }, i) => ({
    id: `m${i}`,
    returnData: false,
    metricStat: {
      metric: {
        namespace: 'AWS/Lambda',
        metricName,
        dimensions: [{ name: 'FunctionName', value: sub(name) }],
      },
      period,
      stat: 'Sum',
    },
  }));

/** Both alarms; they tell `topicArn`. */
export function alarms(
  scope: Construct,
  functions: readonly Sized[],
  dollarsPerHour: number,
  topicArn: string,
): void {
  const common = {
    alarmActions: [topicArn],
    comparisonOperator: 'GreaterThanThreshold',
    evaluationPeriods: 1,
    treatMissingData: 'notBreaching',
  };
  new CfnAlarm(scope, 'ErrorAlarm', {
    ...common,
    alarmDescription: `more than ${errors} invocations failed in five minutes`,
    threshold: errors,
    metrics: [
      { id: 'errors', label: 'failed invocations', expression: 'SUM(METRICS())' },
      ...series(functions, 'Errors', 300),
    ],
  });
  // SUM over an array leaves out functions that did not run; with + there would be no value at all.
  const used = functions.map(({ megabytes }, i) => `m${i}*${megabytes}`);
  new CfnAlarm(scope, 'CostAlarm', {
    ...common,
    alarmDescription: 'the time of the functions costs more dollars an hour than DollarsPerHour',
    threshold: dollarsPerHour,
    metrics: [
      {
        id: 'dollars',
        label: 'dollars an hour',
        expression: `SUM([${used.join(',')}])/1024/1000*${dollarsPerGbSecond}`,
      },
      ...series(functions, 'Duration', 3600),
    ],
  });
}
