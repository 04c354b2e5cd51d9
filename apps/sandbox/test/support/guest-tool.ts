import { fileURLToPath } from 'node:url';
import { compile, toolchains } from '../../../../tools/native/toolchain.js';
import type { MountOptions } from '../../src/index.js';

const source = fileURLToPath(new URL('../guest/tool.c', import.meta.url));

/** Where programs find the tool. */
export const TOOL = '/tool/tool';

/** Compiles test/guest/tool.c into `folder`: the mount that shows it. */
export async function guestTool(folder: string): Promise<MountOptions> {
  await compile(toolchains.host, [source], `${folder}/tool`, ['-static']);
  return { target: '/tool', source: folder, readOnly: true };
}
