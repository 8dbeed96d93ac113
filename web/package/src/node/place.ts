// Node as a place for models.
import { fetchWithFiles } from './files.js';
import type { Host } from '../host.js';

export const PLACE: Pick<Host, 'name' | 'fetch' | 'keeps'> = { name: 'Node', fetch: fetchWithFiles(fetch), keeps: false };
