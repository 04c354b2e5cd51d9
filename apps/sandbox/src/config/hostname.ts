import { __NEW_UTS_LEN } from '@sbx/abi';
import { toByteString } from './byte-string.js';

/** Whether a machine can have this name: 1 to 64 bytes (sethostname(2); HOST_NAME_MAX). */
export function isHostname(text: string): boolean {
  const { length } = toByteString(text);
  return length > 0 && length <= __NEW_UTS_LEN;
}
