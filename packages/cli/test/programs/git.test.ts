import { testTable } from './support/differential.js';

testTable('git.sh', { programs: ['git', 'tar'] });
