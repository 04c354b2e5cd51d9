import { testTable } from './support/differential.js';

// In the test VM, where each variant takes a minute, only one: the file system does not depend on the platform.
const inVm = process.env.SBX_TEST_VM !== undefined;

testTable('busybox.sh', { programs: ['busybox'], variants: inVm ? ['overlay'] : ['overlay', 'writable'] });
