import { systrapProvider } from '../src/index.js';

console.log(JSON.stringify(systrapProvider.probe()));
