import { testTable } from './support/differential.js';

const programs = [
  'chroot',
  'ed',
  'jq',
  'envsubst',
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
  'unzip',
  'zip',
  'zstd',
];

testTable('services.sh', { programs });
