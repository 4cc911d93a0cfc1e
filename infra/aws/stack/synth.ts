/** `npm run synth`: writes the template that is committed, for people without CDK and for `servermix deploy aws`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesize } from './stack.ts';

const path = join('infra', 'aws', 'stack', 'template.json');
writeFileSync(path, `${JSON.stringify(synthesize(), undefined, 2)}\n`);
process.stdout.write(`${path}\n`);
