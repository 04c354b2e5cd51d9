/** KiB that the tarball of a package may have: what it has, and a third more to grow. */
export const budgets: Readonly<Record<string, number>> = {
  '@sbx/abi': 440,
  '@sbx/atomicbitops': 56,
  '@sbx/cli': 36,
  '@sbx/kcov': 40,
  '@sbx/kernel': 800,
  '@sbx/kvm-platform': 168,
  '@sbx/platform': 128,
  '@sbx/ring0': 96,
  '@sbx/safecopy': 88,
  '@sbx/sandbox': 1600,
  '@sbx/systrap-platform': 140,
};
