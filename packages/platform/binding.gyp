{
  "targets": [
    {
      "target_name": "platform",
      "sources": ["native/binding.c", "native/mapping.c"],
      "include_dirs": ["native/include"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags_c": ["-std=c17", "-Wall", "-Wextra", "-fvisibility=hidden"]
    }
  ]
}
