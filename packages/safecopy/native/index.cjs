// For another addon's binding.gyp: "include_dirs": ["<!(node -p \"require('@sbx/safecopy/native').include_dir\")"].
// Relative to the folder of that binding.gyp, because gyp splits paths at spaces.
exports.include_dir = require('node:path').relative('.', `${__dirname}/include`);
