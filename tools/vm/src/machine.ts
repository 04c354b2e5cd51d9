/** The kinds of machine that can be emulated. A second architecture is another entry of `machines`. */

/** What differs between architectures. */
export interface Machine {
  readonly name: string;
  /** QEMU's program. */
  readonly qemu: string;
  /** Board and CPU: with virtualisation extensions, so that the guest's KVM is a true one. */
  readonly board: readonly string[];
  /** The first serial port, as the guest's kernel calls it. */
  readonly console: string;
  /** Debian's package whose dependency is the newest cloud kernel. */
  readonly kernelPackage: string;
  /** Kernel modules to load, in this order; what they depend on comes along. */
  readonly modules: readonly string[];
  /** Programs that must exist on the host, each with the Debian package that has it. */
  readonly needs: Readonly<Record<string, string>>;
}

export const machines: Readonly<Record<string, Machine>> = {
  amd64: {
    name: 'amd64',
    qemu: 'qemu-system-x86_64',
    // `max` is an AMD CPU with SVM and nested paging; tcg,thread=multi gives each guest CPU a host thread. Without protection keys: with
    // them V8 guards its WebAssembly code by keys, which kills Node now and then, and each change of PKRU empties the emulator's TLB.
    board: ['-accel', 'tcg,thread=multi', '-cpu', 'max,-pku'],
    console: 'ttyS0',
    kernelPackage: 'linux-image-cloud-amd64',
    modules: ['virtio_pci', 'virtiofs', 'overlay', 'virtio_console', 'virtio-rng', 'kvm-amd'],
    needs: {
      'qemu-system-x86_64': 'qemu-system-x86',
      busybox: 'busybox-static',
      'apt-get': 'apt',
      'dpkg-deb': 'dpkg',
      unshare: 'util-linux',
      setpriv: 'util-linux',
    },
  },
};

/** The machine whose programs this host runs, or undefined where there is none yet. */
export function hostMachine(): Machine | undefined {
  return process.arch === 'x64' && process.platform === 'linux' ? machines.amd64 : undefined;
}
