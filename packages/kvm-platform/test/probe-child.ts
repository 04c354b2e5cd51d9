import { kvmProvider } from '../src/index.js';

console.log(JSON.stringify(kvmProvider.probe()));
