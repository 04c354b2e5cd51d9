const oldest = 20;

/**
 * Whether this Node can run the repository; if not, says so and sets the exit status.
 *
 * @param {string} version as in process.versions.node
 */
export function checkNode(version = process.versions.node) {
  if (Number(version.split('.')[0]) >= oldest) return true;
  console.error(`This is Node ${version} (${process.execPath}). This repository needs Node ${oldest} or newer.`);
  process.exitCode = 1;
  return false;
}
