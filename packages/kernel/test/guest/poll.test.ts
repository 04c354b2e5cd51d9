import { testArea } from './run/area.js';

testArea('poll');
