import { testTable } from './support/differential.js';

const programs = [
  'chroot',
  'ed',
  'gdb',
  'jq',
  'less',
  'redis-benchmark',
  'redis-check-rdb',
  'script',
  'setpriv',
  'ssh-keygen',
  'su',
  'tmux',
  'top',
  'vim',
  'zip',
  'zstd',
];

testTable('services.sh', { programs });
