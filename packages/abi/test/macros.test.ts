/** Function-like macros, against the C ones: device numbers, ioctl numbers, wait statuses, ancillary data, directory records. */
import { describe, expect, it } from 'vitest';
import * as abi from '../src/index.js';
import { evaluate, toolchains } from './proof/compile.js';

const devices: readonly (readonly [number, number])[] = [
  [0, 0],
  [1, 3],
  [8, 17],
  [259, 300],
  [4095, 0xfffff],
];
const requests: readonly (readonly [number, string, number, number])[] = [
  [abi.IOC_NONE, 'c', 100, 0],
  [abi.IOC_READ, 'c', 1, 8],
  [abi.IOC_WRITE, 'T', 42, 60],
  [abi.IOC_READ | abi.IOC_WRITE, 'X', 255, 16383],
];
const statuses = [
  abi.exitStatus(0),
  abi.exitStatus(255),
  abi.killedStatus(9),
  abi.killedStatus(11, true),
  abi.stoppedStatus(19),
  abi.CONTINUED_STATUS,
];
const lengths = [0, 1, 4, 8, 12, 100];

for (const tool of toolchains) {
  const skip = tool.missing !== undefined && !process.env.CI;
  describe.skipIf(skip)(`macros of ${tool.arch}${tool.missing ? ` (skipped: ${tool.missing})` : ''}`, () => {
    const headers = ['sys/sysmacros.h', 'sys/wait.h', 'sys/socket.h', 'sys/ioctl.h'];
    const numbers = (...expressions: string[]): number[] =>
      evaluate(tool, [{ headers, expressions }])[0]!.map(({ value }) => Number(value));

    it('of device numbers', () => {
      expect(numbers(...devices.map(([major, minor]) => `makedev(${major}, ${minor})`))).toEqual(devices.map((d) => abi.makedev(...d)));
      for (const [major, minor] of devices) {
        const dev = abi.makedev(major, minor);
        expect([abi.major(dev), abi.minor(dev)]).toEqual([major, minor]);
      }
    });

    it('of ioctl numbers', () => {
      expect(numbers(...requests.map(([dir, type, nr, size]) => `(unsigned)_IOC(${dir}, '${type}', ${nr}, ${size})`))).toEqual(
        requests.map((r) => abi.IOC(...r)),
      );
      for (const [dir, type, nr, size] of requests) {
        const n = abi.IOC(dir, type, nr, size);
        expect([abi.IOC_DIR(n), abi.IOC_TYPE(n), abi.IOC_NR(n), abi.IOC_SIZE(n)]).toEqual([dir, type.charCodeAt(0), nr, size]);
      }
      expect(abi.IOR('c', 1, 8)).toBe(abi.KCOV_INIT_TRACE);
      expect(abi.IO('c', 100)).toBe(abi.KCOV_ENABLE);
      expect(abi.IOW('T', 0x2b, abi.Termios2.size)).toBe(abi.TCSETS2);
      expect(abi.IOWR('X', 121, abi.FstrimRange.size)).toBe(abi.FITRIM);
    });

    it('of wait statuses', () => {
      const { WIFEXITED, WEXITSTATUS, WIFSIGNALED, WIFSTOPPED, WSTOPSIG, WTERMSIG, WCOREDUMP, WIFCONTINUED } = abi;
      const macros = { WIFEXITED, WEXITSTATUS, WIFSIGNALED, WIFSTOPPED, WSTOPSIG, WTERMSIG, WCOREDUMP, WIFCONTINUED };
      for (const status of statuses) {
        const names = Object.keys(macros);
        const theirs = numbers(...names.map((name) => (/^WIF|DUMP/.test(name) ? `!!${name}(${status})` : `${name}(${status})`)));
        expect(Object.values(macros).map((macro) => Number(macro(status)))).toEqual(theirs);
      }
    });

    it('of ancillary data', () => {
      const { CMSG_ALIGN, CMSG_LEN, CMSG_SPACE } = abi;
      for (const [macro, ours] of Object.entries({ CMSG_ALIGN, CMSG_LEN, CMSG_SPACE })) {
        expect(numbers(...lengths.map((n) => `${macro}(${n})`))).toEqual(lengths.map(ours));
      }
    });
  });
}

describe('writeDirent64', () => {
  it('writes a padded record and refuses one that does not fit', () => {
    const buffer = new Uint8Array(64).fill(0xaa);
    const view = new DataView(buffer.buffer);
    expect(abi.writeDirent64(view, 0, 64, 2 ** 33, 7, abi.DT_REG, 'hello')).toBe(32);
    expect(abi.LinuxDirent64.read(view, 0, abi.LinuxDirent64.create())).toMatchObject({
      d_ino: 2 ** 33,
      d_off: 7,
      d_reclen: 32,
      d_type: abi.DT_REG,
    });
    expect(Buffer.from(buffer.subarray(19, 32)).toString('latin1')).toBe('hello\0\0\0\0\0\0\0\0');
    expect(buffer[32]).toBe(0xaa);
    expect(abi.writeDirent64(view, 32, 63, 1, 8, abi.DT_DIR, 'hello')).toBe(0);
    expect(abi.dirent64Size(4)).toBe(24);
    expect(abi.dirent64Size(5)).toBe(32);
  });
});
