{
  "targets": [
    {
      "target_name": "kernel",
      "sources": ["native/binding.c", "native/clock.c", "native/host_call.c", "native/host_poll.c", "native/host_turn.c", "native/loop_handle.c", "native/tsc.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags_c": ["-std=c17", "-Wall", "-Wextra", "-fvisibility=hidden"]
    }
  ]
}
