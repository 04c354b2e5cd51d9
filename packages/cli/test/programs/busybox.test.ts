import { testTable } from './support/differential.js';

testTable('busybox.sh', { programs: ['busybox'], variants: ['overlay', 'writable'] });
