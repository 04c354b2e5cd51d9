{
  "variables": {
    "systrap": "<!(node -p \"require('node:path').dirname(require.resolve('@sbx/systrap-platform/package.json'))\")"
  },
  "targets": [
    {
      "target_name": "sandbox",
      "sources": ["native/addon/binding.c", "native/addon/descriptors.c", "native/addon/watchdog.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags_c": ["-std=c17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
    },
    {
      "target_name": "sbx-launch",
      "type": "executable",
      "sources": ["native/launch/sbx-launch.c"],
      "defines": ["_GNU_SOURCE"],
      "cflags_c": ["-std=c17", "-Wall", "-Wextra", "-Werror", "-O2"],
      "ldflags": ["-static"],
      "conditions": [
        ["OS=='linux' and target_arch=='x64'", {
          "sources": ["native/launch/zygote.c"],
          "include_dirs": ["<(systrap)/native", "<(systrap)/native/zygote"],
          "defines": ["SBX_ZYGOTE"]
        }]
      ]
    }
  ]
}
