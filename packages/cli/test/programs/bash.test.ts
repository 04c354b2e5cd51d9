import { testTable } from './support/differential.js';

testTable('bash.sh', { programs: ['ps', 'flock', 'dash'], variants: ['overlay', 'tmpfs'] });
