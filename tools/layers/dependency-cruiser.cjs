/** Import layers of the repository: lower layers never import higher ones, and nothing imports in a circle. */
const layers = [['abi', 'atomicbitops', 'safecopy'], ['ring0', 'platform'], ['kvm-platform', 'systrap-platform', 'kcov'], ['kernel']];
const folders = [...layers.map((names) => names.map((name) => `packages/${name}`)), ['apps/sandbox'], ['packages/cli']];
const source = '^(packages|apps)/[^/]+/(src|conformance)/';
const tests = '\\.test\\.ts$';

/** A rule per package that has something above it. Type-only imports count: a lower layer doesn't name a higher one. */
const upward = folders.flatMap((names, level) => {
  const above = folders.slice(level + 1).flat();
  if (above.length === 0) return [];
  return names.map((folder) => ({
    name: `layer-${folder.split('/')[1]}`,
    severity: 'error',
    from: { path: `^${folder}/(src|conformance)/`, pathNot: tests },
    to: { path: above.map((name) => `^${name}/`) },
  }));
});

module.exports = {
  forbidden: [
    // Types may refer to each other in a circle (a Task has a Kernel, a Kernel has Tasks): such imports vanish at build.
    {
      name: 'no-import-cycles',
      severity: 'error',
      from: { path: source },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolved', severity: 'error', from: { path: source }, to: { couldNotResolve: true } },
    { name: 'no-tools-in-products', severity: 'error', from: { path: source, pathNot: tests }, to: { path: '^tools/' } },
    ...upward,
  ],
  options: {
    parser: 'tsc',
    tsPreCompilationDeps: 'specify',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules|dist|build|\\.cache|\\.turbo)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['@sbx/source', 'import', 'node', 'default'] },
  },
};
