// What pnpm leaves out of package.json when it packs a package: what only this repository uses.

/** The entries of `exports` without the condition that stands for sources; an entry that has nothing else is private. */
function published(exports) {
  const entries = Object.entries(exports).map(([name, target]) => {
    if (typeof target !== 'object') return [name, target];
    const { '@sbx/source': _, ...conditions } = target;
    return [name, conditions];
  });
  return Object.fromEntries(entries.filter(([, target]) => Object.keys(target).length > 0));
}

module.exports = {
  hooks: {
    beforePacking(manifest) {
      const { devDependencies: _, scripts: { install } = {}, publishConfig: { access }, ...rest } = manifest;
      return { ...rest, publishConfig: { access }, exports: published(manifest.exports), ...(install && { scripts: { install } }) };
    },
  },
};
