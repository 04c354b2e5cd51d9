{
  "variables": {
    "platform": "<!(node -p \"require('node:path').dirname(require.resolve('@sbx/platform/package.json'))\")"
  },
  "targets": [
    {
      "target_name": "systrap_platform",
      "conditions": [
        ["OS=='linux' and target_arch=='x64'", {
          "sources": [
            "native/binding.c",
            "native/binding_arguments.c",
            "native/binding_run.c",
            "native/command.c",
            "native/context.c",
            "native/images.c",
            "native/machine.c",
            "native/patch.c",
            "native/ranges.c",
            "native/space.c",
            "native/wait.c",
            "native/xstate.c",
            "native/zygote_client.c"
          ],
          "include_dirs": ["native", "native/zygote", "<(platform)/native/include", "<(SHARED_INTERMEDIATE_DIR)"],
          "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
          "cflags_c": ["-std=c17", "-Wall", "-Wextra", "-fvisibility=hidden"],
          "actions": [
            {
              "action_name": "images",
              "inputs": [
                "native/build_images.cjs",
                "native/layout.h",
                "native/stub/stub.S",
                "native/stub/call_site.S",
                "native/stub/filters.h",
                "native/zygote/start.S",
                "native/zygote/zygote.c",
                "native/zygote/zygote.h",
                "native/zygote/protocol.h"
              ],
              "outputs": ["<(SHARED_INTERMEDIATE_DIR)/images_data.h"],
              "action": ["node", "native/build_images.cjs", "<@(_outputs)"]
            }
          ]
        }, {
          "type": "none"
        }]
      ]
    }
  ]
}
