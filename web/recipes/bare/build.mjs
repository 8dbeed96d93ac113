import { cp } from 'node:fs/promises';

await cp('node_modules/intformer/dist', 'site/intformer', { recursive: true });
