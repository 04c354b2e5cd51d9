/** The part of a sentry that runs before the seal: what the command line, and the serving of a client, start from. Loaded as a bundle of its own. */
export { decodeBytes } from '../config/byte-string.js';
export type { RootConfig, SandboxConfig } from '../config/config.js';
export { callerEnvironment, callingUser, defaultLimits, homeDirectory, scrubEnvironment } from '../config/defaults.js';
export { isHostname } from '../config/hostname.js';
export { currentDirectory } from '../config/paths.js';
export { resolveUser } from '../config/users.js';
export { describeHost, describePlatforms } from './describe.js';
export { kcovSources } from './kcov-sources.js';
export { type Prepared, prepare } from './prepare.js';
export { run } from './run.js';
export type { RunRequest, Say } from './run-request.js';
export { isSentryError, SentryError } from './sentry-error.js';
