// covers: read write ioctl poll
// timing: sensitive
// Canonical mode: lines, erasing, killing, literal characters, end of file; and how all of it is echoed.
#include "terminal.h"

static void try(const char *what, const char *text) {
  type(text);
  show_screen(what);
  show_read(what, 1000);
}
/* What is typed is no line: nobody can read it yet. */
static void try_part(const char *what, const char *text) {
  type(text);
  show_screen(what);
  show_no_read(what);
}
/* What is typed is not echoed. */
static void try_silent(const char *what, const char *text) {
  type(text);
  show_silence(what);
  show_read(what, 1000);
}

static void lines(void) {
  CASE("lines");
  try("a line", "hello\n");
  try("carriage return", "hello\r");
  try("two lines", "one\ntwo\n");
  show_read("second", 1000);
  try_part("no line yet", "abc");
  try("its end", "def\n");
  type("long line\n");
  show_screen("in pieces");
  show_read("first piece", 4);
  show_read("second piece", 4);
  show_read("rest", 100);
  SAY("%d pending", pending(slave));
}

static void erasing(void) {
  CASE("erasing");
  try("erase", "abcd\x7f\x7fx\n");
  try("erase everything", "ab\x7f\x7f\x7f\x7fx\n");
  try("erase a control character", "a\x01\x02\x7fx\n");
  try("kill", "abcdef\x15xyz\n");
  try("word", "one two  three\x17\x17x\n");
  try("word with signs", "foo/bar-baz.c  \x17x\n");
  try("word at the begin", "one\x17\x17x\n");
  try("tab", "ab\tc\x7f\x7fx\n");
  try("two tabs", "\t\t\x7fx\x7f\x7fy\n");
  try("tab after control", "a\x01\t\x7fz\n");
  try("reprint", "abc\x12" "def\n");
  try("literal", "a\x16\x7f" "b\x16\x15" "c\x16\x16\n");
  try("literal newline", "a\x16\nb\n");
  try("literal end of file", "a\x16\x04" "b\n");
}

static void erase_styles(void) {
  CASE("erase styles");
  set_modes(0, ECHOE, 0, 0, 0, 0);
  try("without ECHOE", "abc\x7f\x7fx\x15y\n");
  set_modes(ECHOE, ECHOKE, 0, 0, 0, 0);
  try("without ECHOKE", "abc\x15x\n");
  set_modes(ECHOE, ECHOK, 0, 0, 0, 0);
  try("without ECHOK", "abc\x15x\n");
  set_modes(ECHOK | ECHOKE | ECHOPRT, 0, 0, 0, 0, 0);
  try("with ECHOPRT", "abcd\x7f\x7fx\x15y\n");
  try("with ECHOPRT to the begin", "ab\x7f\x7fy\n");
  set_modes(0, ECHOPRT | ECHOCTL, 0, 0, 0, 0);
  try("without ECHOCTL", "a\x01\x02\x7fx\x1f\n");
  set_modes(ECHOCTL, IEXTEN, 0, 0, 0, 0);
  try("without IEXTEN", "one two\x17\x16\x12\n");
  set_modes(IEXTEN, ECHO, 0, 0, 0, 0);
  try_silent("without ECHO", "abc\x7f\x15xyz\n");
  set_modes(ECHONL, 0, 0, 0, 0, 0);
  try("ECHONL alone", "abc\n");
  set_modes(ECHO, ECHONL, 0, 0, 0, 0);
}

static void multibyte(void) {
  CASE("multibyte");
  try("bytes", "a\xc3\xa4\x7f\n");
  set_modes(0, 0, IUTF8, 0, 0, 0);
  try("characters", "a\xc3\xa4\xe2\x82\xac\x7f\x7fz\n");
  try("tab after a character", "\xc3\xa4\t\x7fz\n");
  try("stray continuation", "\xa4\xa4\x7fz\n");
  set_modes(0, 0, 0, IUTF8, 0, 0);
}

static void ends(void) {
  CASE("ends");
  try_silent("end of file", "\x04");
  try("end of file after text", "abc\x04");
  try("twice", "abc\x04\x04");
  show_read("the second", 100);
  type("abcd\x04");
  show_screen("exactly");
  show_read("exactly as much", 4);
  show_no_read("and nothing more");
  type("abcdef\x04ghi\n");
  show_screen("in pieces");
  show_read("piece", 4);
  show_read("rest before the end", 100);
  show_read("next line", 100);
  set_character(VEOL, ';');
  set_character(VEOL2, '#');
  try("own line ends", "abc;def#ghi\n");
  show_read("second", 100);
  show_read("third", 100);
  set_character(VEOL, 0);
  set_character(VEOL2, 0);
  type("a\x04" "bc\x04\x04" "d\n");
  sleep_ms(40);
  SAY("%d pending", pending(slave));
  for (int i = 0; i < 4; i++) show_read("one by one", 100);
  show_screen("all");
}

static void input_modes(void) {
  CASE("input modes");
  set_modes(0, 0, INLCR, 0, 0, 0);
  try_part("INLCR", "a\n");
  try("INLCR, with the other", "b\r");
  set_modes(0, 0, IGNCR, INLCR, 0, 0);
  try("IGNCR", "a\rb\n");
  set_modes(0, 0, 0, IGNCR | ICRNL, 0, 0);
  try("no mapping", "a\rb\n");
  set_modes(0, 0, ICRNL | ISTRIP, 0, 0, 0);
  try("ISTRIP", "\xe1\xe2\x8a");
  set_modes(0, 0, IUCLC, ISTRIP, 0, 0);
  try("IUCLC", "Hello WORLD\n");
  set_modes(0, 0, PARMRK, IUCLC, 0, 0);
  try("PARMRK", "a\xff" "b\n");
  set_modes(0, 0, 0, PARMRK, 0, 0);
}

static void long_lines(void) {
  CASE("long lines");
  static char text[6000], buffer[8192];
  set_modes(0, ECHO, 0, 0, 0, 0);
  for (int i = 0; i < 5000; i++) text[i] = 'a' + i % 26;
  type_bytes(text, 5000);
  sleep_ms(40);
  SAY("%d pending before the end", pending(slave));
  type("XYZ\n");
  sleep_ms(40);
  SAY("%d pending", pending(slave));
  int n = read(slave, buffer, sizeof buffer);
  SAY("%d bytes, ends with \"%s\"", n, visible(buffer + n - 4, 4));
  SAY("the head is %s", memcmp(buffer, text, 4095) == 0 ? "right" : "wrong");
  set_modes(ECHO, 0, 0, 0, 0, 0);
}

int main(void) {
  open_pair();
  lines();
  erasing();
  erase_styles();
  multibyte();
  ends();
  input_modes();
  long_lines();
  close_pair();
  return 0;
}
