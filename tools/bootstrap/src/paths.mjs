import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
/** What can be fetched again; ignored by git. */
export const cache = path.join(root, '.cache');
