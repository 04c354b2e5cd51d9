/** One thing that stands between a program and the host. */
export interface IsolationStep {
  /** What it is, for people. */
  readonly step: string;
  /** Whether this sandbox has it. */
  readonly active: boolean;
  /** What it means, or what is missing. */
  readonly note: string;
}

const PLATFORMS: Readonly<Record<string, IsolationStep>> = {
  kvm: { step: 'programs run in a virtual machine', active: true, note: 'in ring 3 of a KVM guest, in memory that holds nothing else' },
  systrap: { step: 'programs run in processes of their own', active: true, note: 'under a seccomp filter that refuses every system call' },
};
const ANY_PLATFORM = {
  step: 'programs run apart from the sentry',
  active: true,
  note: 'in a virtual machine or in processes under seccomp; see sbx platforms',
};

/** What isolates a sandbox in this version, and what does not yet, on the platform of this name or, if null, any. */
export function isolationSteps(platform: string | null): readonly IsolationStep[] {
  return [
    { step: "every system call is served by sbx's own kernel", active: true, note: 'a program never calls the kernel of the host' },
    (platform !== null && PLATFORMS[platform]) || ANY_PLATFORM,
    {
      step: 'files of the host',
      active: true,
      note: 'only those that sbx run was told to show; devices, sockets and fifos among them cannot be opened',
    },
    { step: 'no_new_privs', active: true, note: 'set-user-ID programs of the host give the sentry nothing' },
    { step: 'clean environment', active: true, note: "the caller's NODE_OPTIONS, LD_PRELOAD and the like do not reach the sentry" },
    { step: 'the sentry dies with its launcher', active: true, note: '' },
    {
      step: 'namespaces and an empty root for the sentry',
      active: false,
      note: 'a program that takes over the sentry sees the files that the caller sees',
    },
    { step: 'capabilities dropped', active: false, note: 'run sbx as an ordinary user: as root a sentry that was taken over is root' },
    { step: 'Landlock', active: false, note: '' },
    { step: 'seccomp filter on the sentry', active: false, note: 'a sentry that was taken over can make any system call' },
  ];
}
