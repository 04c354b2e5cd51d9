#include <stdlib.h>
#include <string.h>
#include "program.h"
#include "tables.h"

int write_program(char *text, int size, const struct program *program) {
  int at = 0;
  for (int i = 0; i < program->count && at < size - 256; i++) {
    const struct call *call = &program->calls[i];
    at += snprintf(text + at, size - at, "%s", call_types[call->type].name);
    for (int j = 0; j < call_types[call->type].args; j++) at += snprintf(text + at, size - at, " %lx", (unsigned long)call->args[j]);
    text[at++] = '\n';
  }
  text[at++] = '\n';
  text[at] = 0;
  return at;
}

int read_program(const char **text, struct program *program) {
  program->count = 0;
  while (**text != 0) {
    const char *line = *text;
    size_t length = strcspn(line, "\n");
    *text += length + (line[length] == '\n');
    if (length == 0) {
      if (program->count > 0) return 1;
      continue;
    }
    struct call *call = &program->calls[program->count];
    memset(call, 0, sizeof *call);
    size_t name = strcspn(line, " \n");
    for (call->type = 0; call->type < CALL_TYPES; call->type++)
      if (strlen(call_types[call->type].name) == name && memcmp(call_types[call->type].name, line, name) == 0) break;
    /* A call that is not in the table any more. */
    if (call->type == CALL_TYPES || program->count == MAX_CALLS) continue;
    char *rest = (char *)line + name;
    for (int j = 0; j < call_types[call->type].args && *rest == ' '; j++) call->args[j] = strtoul(rest, &rest, 16);
    program->count++;
  }
  return program->count > 0;
}
