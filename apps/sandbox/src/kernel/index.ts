/** What runs after the seal: the kernel and what connects it with this process. Loaded as a bundle of its own. */
export { runCommand } from './run-command.js';
export { serve } from './serve.js';
