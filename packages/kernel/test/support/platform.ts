import { kvmProvider } from '@sbx/kvm-platform';
import type { PlatformProvider } from '@sbx/platform';
import { systrapProvider } from '@sbx/systrap-platform';

/** The platform on which tests run programs: what SBX_PLATFORM names, as it does for sandboxes; else KVM. */
export const platformProvider: PlatformProvider = process.env.SBX_PLATFORM === 'systrap' ? systrapProvider : kvmProvider;
