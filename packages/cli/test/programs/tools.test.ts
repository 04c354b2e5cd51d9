import { testTable } from './support/differential.js';

const programs = [
  'awk',
  'bc',
  'bzip2',
  'file',
  'find',
  'gawk',
  'gzip',
  'make',
  'openssl',
  'patch',
  'perl',
  'ps',
  'sed',
  'sqlite3',
  'strings',
  'tar',
  'xz',
];

testTable('tools.sh', { programs });
