import { testTable } from './support/differential.js';
import { addScripts } from './support/fixture.js';

testTable('python.sh', {
  programs: ['/usr/bin/python3'],
  prepare: (fixture) => addScripts(fixture, 'data.py', 'processes.py', 'system.py', 'threads.py'),
});
