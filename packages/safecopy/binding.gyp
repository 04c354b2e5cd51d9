{
  'targets': [
    {
      'target_name': 'safecopy',
      'conditions': [
        ['OS=="linux"', {
          'sources': ['native/binding.c', 'native/safecopy.c', 'native/signal_chain.c', 'native/copy.S'],
          'cflags': ['-std=c17', '-Wall', '-Wextra', '-fvisibility=hidden'],
          # Signal handlers point into it: it must stay when the worker that loaded it ends.
          'ldflags': ['-Wl,-z,nodelete'],
        }, {
          'type': 'none',
        }],
      ],
    },
  ],
}
