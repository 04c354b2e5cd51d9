# What node-gyp takes from a Node's headers besides the headers, for addons that use Node-API only (see node-gyp.mjs).
{
  'variables': {
    'node_shared%': 'false',
    'node_use_v8_platform%': 'true',
    'node_use_bundled_v8%': 'true',
    'openssl_fips%': '',
    'build_v8_with_gn': 'false',
    'clang%': 0,
  },
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': {
      'Debug': { 'cflags': ['-g', '-O0'] },
      'Release': { 'cflags': ['-O3', '-fno-omit-frame-pointer'] },
    },
    'cflags': ['-Wall', '-Wextra', '-Wno-unused-parameter'],
    'conditions': [
      ['OS=="linux"', {
        'cflags': ['-pthread'],
        'ldflags': ['-pthread', '-rdynamic'],
        'target_conditions': [['_type=="static_library"', { 'standalone_static_library': 1 }], ['_type!="executable"', { 'cflags': ['-fPIC'] }]],
      }],
      ['OS=="linux" and target_arch=="x64"', { 'cflags': ['-m64'], 'ldflags': ['-m64'] }],
    ],
  },
}
