import { platformProject } from '../../vitest.shared.js';

export default platformProject('@sbx/kernel on systrap', 'systrap', ['test/guest/**/*.test.ts', 'test/task/**/*.test.ts']);
