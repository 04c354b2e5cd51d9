/** Import layers of the repository: lower layers never import higher ones, and nothing imports in a circle. */
const layers = [['abi', 'atomicbitops', 'safecopy'], ['ring0', 'platform'], ['kvm-platform', 'systrap-platform', 'kcov'], ['kernel']];
const source = '^(packages|apps)/[^/]+/(src|conformance)';
const notTests = '\\.test\\.ts$';
const above = layers.flatMap((names, level) =>
  names.map((name) => {
    const higher = layers.slice(level + 1).flat();
    const to = [...higher.map((h) => `^packages/${h}/`), '^packages/cli/', '^apps/'];
    return {
      name: `layer-${name}`,
      severity: 'error',
      from: { path: `^packages/${name}/(src|conformance)`, pathNot: notTests },
      to: { path: to },
    };
  }),
);
module.exports = {
  forbidden: [
    { name: 'no-import-cycles', severity: 'error', from: { path: source }, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: { path: source }, to: { couldNotResolve: true } },
    ...above,
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(node_modules|dist|build|\\.cache|\\.turbo)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['@sbx/source', 'import', 'node', 'default'] },
  },
};
