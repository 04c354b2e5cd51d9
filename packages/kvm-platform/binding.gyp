{
  "variables": {
    "ring0": "<!(node -p \"require('node:path').dirname(require.resolve('@sbx/ring0/package.json'))\")",
    "platform": "<!(node -p \"require('node:path').dirname(require.resolve('@sbx/platform/package.json'))\")"
  },
  "targets": [
    {
      "target_name": "kvm_platform",
      "conditions": [
        ["OS=='linux' and target_arch=='x64'", {
          "sources": [
            "native/binding.c",
            "native/binding_arguments.c",
            "native/binding_run.c",
            "native/fault.c",
            "native/forget.c",
            "native/kicker.c",
            "native/kvm_ioctl.c",
            "native/machine.c",
            "native/pool.c",
            "native/report.c",
            "native/tables.c",
            "native/vcpu.c",
            "native/vcpu_run.c",
            "native/ring0_text.S"
          ],
          "include_dirs": ["<(ring0)/native", "<(ring0)/native/include", "<(platform)/native/include"],
          "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
          "cflags_c": ["-std=c17", "-Wall", "-Wextra", "-fvisibility=hidden"]
        }, {
          "type": "none"
        }]
      ]
    }
  ]
}
