{
  'targets': [
    {
      'target_name': 'atomicbitops',
      'conditions': [
        ['OS=="linux"', {
          'sources': ['native/binding.c', 'native/atomicbitops.S', 'native/atomic_portable.c'],
          'cflags': ['-std=c17', '-Wall', '-Wextra', '-fvisibility=hidden'],
        }, {
          'type': 'none',
        }],
      ],
    },
  ],
}
