// What pnpm does to package.json when it packs a package: it leaves out what only this repository uses, and adds what tools read
// that do not know `exports` (TypeScript with `moduleResolution: node`).

const { existsSync } = require('node:fs');
const path = require('node:path');

/** The files that `exports` name. */
function targets(exports) {
  return typeof exports === 'string' ? [exports] : Object.values(exports).flatMap(targets);
}

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
    beforePacking(manifest, folder) {
      const {
        devDependencies: _,
        // What the bundler has resolved.
        imports: __,
        scripts: { install } = {},
        publishConfig: { access },
        ...rest
      } = manifest;
      const exports = published(manifest.exports);
      const missing = targets(exports).filter((file) => !existsSync(path.join(folder, file)));
      if (existsSync(path.join(folder, 'binding.gyp')) && !existsSync(path.join(folder, 'prebuilds'))) missing.push('prebuilds');
      if (missing.length > 0) throw new Error(`${manifest.name} lacks ${missing.join(', ')}: pnpm release makes them`);
      const entry = exports['.'] && { main: exports['.'].require.default, types: exports['.'].require.types };
      return { ...rest, publishConfig: { access }, ...entry, exports, ...(install && { scripts: { install } }) };
    },
  },
};
