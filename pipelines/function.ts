/** Entry of the functions on AWS: `handler` runs tasks, `drive` drives a run whose terminal is closed. */
import { createHandler, type LambdaContext, surroundings } from '../infra/aws/lambda/handler.ts';
import type { Answer, Call, Order } from '../infra/aws/lambda/wire.ts';
import { catalog } from './catalog.ts';
import { open } from './storage.ts';

let serve: ReturnType<typeof createHandler> | undefined;

export function handler(event: Call, context: LambdaContext): Promise<Answer> {
  serve ??= createHandler({ catalog, open }, surroundings());
  return serve(event, context);
}

export async function drive(order: Order, context: LambdaContext): Promise<void> {
  const driver = await import('./drive.ts');
  await driver.drive(order, context, surroundings());
}
