import { testArea } from './run/area.js';

testArea('socket');
