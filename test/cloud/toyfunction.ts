/** Entry of the tests' functions: the worker's side of a call, with the toy jobs. */
import { createHandler, type LambdaContext, surroundings } from '../../infra/aws/lambda/handler.ts';
import type { Answer, Call } from '../../infra/aws/lambda/wire.ts';
import { toyCatalog } from '../toys.ts';

let serve: ReturnType<typeof createHandler> | undefined;

export function handler(event: Call, context: LambdaContext): Promise<Answer> {
  const open = () => Promise.reject(new Error('toys have no inputs'));
  serve ??= createHandler({ catalog: toyCatalog, open }, surroundings());
  return serve(event, context);
}
