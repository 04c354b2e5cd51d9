// covers: openat(EEXIST ENOENT) getdents64 lseek unlinkat(ENOTEMPTY) mkdirat newfstatat truncate
// Trees that change while they are looked at: names that move, go and come back, directories that are read meanwhile, files without a name.
#include "../vfs/calls.h"
#include <dirent.h>

static struct stat st;

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Prints the sorted names of a directory. */
static void list(const char *path) {
  DIR *directory = opendir(path);
  char *names[1000];
  int count = 0;
  if (directory == NULL) {
    SAY("%s: error %d", path, errno);
    return;
  }
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) names[count++] = strdup(entry->d_name);
  closedir(directory);
  qsort(names, count, sizeof *names, compare);
  printf("CASE %s: %s:", case_name, path);
  for (int i = 0; i < count; i++) printf(" %s", names[i]);
  printf("\n");
  for (int i = 0; i < count; i++) free(names[i]);
}

static void put(const char *path, const char *text) {
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
  if (write(fd, text, strlen(text)) < 0) SAY("cannot write %s", path);
  close(fd);
}
static void show(const char *path) {
  char text[100] = "";
  int fd = open(path, O_RDONLY);
  if (fd < 0) SAY("%s: error %d", path, errno);
  else {
    long n = read(fd, text, sizeof text - 1);
    SAY("%s: %ld %s", path, n, text);
    close(fd);
  }
}

static void moving(void) {
  CASE("moving");
  mkdir("a", 0755);
  mkdir("a/b", 0755);
  mkdir("a/b/c", 0755);
  put("a/b/c/f", "deep");
  int directory = open("a/b", O_RDONLY | O_DIRECTORY);
  int fd = open("a/b/c/f", O_RDWR);
  T(rename("a/b", "moved"));
  list(".");
  list("a");
  show("moved/c/f");
  T(faccessat(directory, "c/f", R_OK, 0));
  T(mkdirat(directory, "d", 0755));
  list("moved");
  T(write(fd, "DE", 2));
  show("moved/c/f");
  T(mkdir("a/b", 0755));
  list("a/b");
  T(rename("moved/c", "a/b"));
  list("a/b");
  T(rename("a", "a/b/x"));
  T(rename("moved", "a"));
  T(rename("a/b", "moved/d"));
  list("moved/d");
  T(unlinkat(directory, "d", AT_REMOVEDIR));
  T(unlink("moved/d/f"));
  T(unlinkat(directory, "d", AT_REMOVEDIR));
  T(fstat(fd, &st));
  SAY("names left: %d, size %d", (int)st.st_nlink, (int)st.st_size);
  T(rmdir("moved"));
  T(rmdir("a"));
  list(".");
  close(fd);
  close(directory);
}

static void names(void) {
  CASE("names");
  put("one", "text");
  T(link("one", "two"));
  T(link("two", "three"));
  T(stat("one", &st));
  SAY("links %d", (int)st.st_nlink);
  ino_t ino = st.st_ino;
  T(chmod("two", 0600));
  T(stat("three", &st));
  SAY("links %d mode %o same %d", (int)st.st_nlink, st.st_mode & 07777, st.st_ino == ino);
  T(unlink("one"));
  T(rename("two", "three"));
  list(".");
  T(unlink("two"));
  T(stat("three", &st));
  SAY("links %d", (int)st.st_nlink);
  T(truncate("three", 2));
  show("three");
  put("new", "new");
  int fd = open("three", O_RDONLY);
  T(rename("new", "three"));
  show("three");
  T(fstat(fd, &st));
  SAY("links %d", (int)st.st_nlink);
  char text[10] = "";
  T(read(fd, text, 9));
  SAY("%s", text);
  close(fd);
  T(unlink("three"));
  list(".");
}

static void reading(void) {
  CASE("reading");
  char name[300];
  mkdir("many", 0755);
  for (int i = 0; i < 400; i++) {
    snprintf(name, sizeof name, "many/entry-%03d", i);
    put(name, "");
  }
  DIR *directory = opendir("many");
  int seen[400] = {0};
  int count = 0;
  long middle = 0;
  char after[300] = "";
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    int i = atoi(entry->d_name + 6);
    seen[i]++;
    count++;
    if (middle != 0 && after[0] == 0) strcpy(after, entry->d_name);
    if (count == 150) middle = telldir(directory);
    /* What was given goes; what was not is changed. */
    snprintf(name, sizeof name, "many/%s", entry->d_name);
    if (count % 2) unlink(name);
    snprintf(name, sizeof name, "many/entry-%03d", (i + 7) % 400);
    chmod(name, 0600);
  }
  int wrong = 0;
  for (int i = 0; i < 400; i++) wrong += seen[i] != 1;
  SAY("seen %d, wrong %d", count, wrong);
  seekdir(directory, middle);
  struct dirent *entry = readdir(directory);
  SAY("same place: %d", entry != NULL && (strcmp(entry->d_name, after) == 0 || access("many", F_OK) == 0));
  rewinddir(directory);
  count = 0;
  while (readdir(directory) != NULL) count++;
  SAY("left %d", count);
  closedir(directory);
  T(rmdir("many"));
  for (int i = 0; i < 400; i++) {
    snprintf(name, sizeof name, "many/entry-%03d", i);
    unlink(name);
  }
  T(rmdir("many"));
}

static void deep(void) {
  CASE("deep");
  for (int i = 0; i < 200; i++)
    if (mkdir("d", 0755) < 0 || chdir("d") < 0) SAY("level %d: error %d", i, errno);
  put("bottom", "deep down");
  show("bottom");
  for (int i = 0; i < 200; i++)
    if (chdir("..") < 0) SAY("back %d: error %d", i, errno);
  list("d/d/d");
  T(open("d/d/d/d/d/d/d/d/d/d/bottom", O_RDONLY));
  for (int i = 0; i < 199; i++)
    if (chdir("d") < 0) SAY("down %d: error %d", i, errno);
  T(unlink("d/bottom"));
  for (int i = 0; i < 200; i++) {
    if (rmdir("d") < 0) SAY("rmdir %d: error %d", i, errno);
    if (i < 199 && chdir("..") < 0) SAY("up %d: error %d", i, errno);
  }
  list(".");
}

static void nameless(void) {
  CASE("nameless");
  int fd = open(".", O_TMPFILE | O_RDWR, 0600);
  OK(fd);
  T(write(fd, "temporary", 9));
  T(fstat(fd, &st));
  SAY("links %d mode %o", (int)st.st_nlink, st.st_mode & 07777);
  list(".");
  close(fd);
  fd = open("gone", O_CREAT | O_EXCL | O_RDWR, 0600);
  T(open("gone", O_CREAT | O_EXCL | O_RDWR, 0600));
  T(unlink("gone"));
  T(unlink("gone"));
  T(write(fd, "still there", 11));
  char text[20] = "";
  T(pread(fd, text, 19, 0));
  SAY("%s", text);
  T(ftruncate(fd, 5));
  T(fchmod(fd, 0400));
  T(fstat(fd, &st));
  SAY("links %d mode %o size %d", (int)st.st_nlink, st.st_mode & 07777, (int)st.st_size);
  close(fd);
}

int main(void) {
  char root[64];
  snprintf(root, sizeof root, "/tmp/case-trees-%d", getpid());
  if (mkdir(root, 0755) < 0 || chdir(root) < 0) return 1;
  moving();
  names();
  reading();
  deep();
  nameless();
  if (chdir("/") < 0 || rmdir(root) < 0) SAY("left behind: error %d", errno);
  return 0;
}
