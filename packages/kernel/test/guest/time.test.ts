import { testArea } from './run/area.js';

testArea('time');
