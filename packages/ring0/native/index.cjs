// For another addon's binding.gyp: "include_dirs": ["<!(node -p \"require('@sbx/ring0/native').include_dir\")"], and for the entry code a
// source of its own whose only line is #include "<entry_amd64>" by the path below. Relative to the folder of that binding.gyp, because gyp
// splits paths at spaces.
const { relative } = require('node:path');

exports.include_dir = relative('.', `${__dirname}/include`);
exports.entry_amd64 = relative('.', `${__dirname}/entry_amd64.S`);
