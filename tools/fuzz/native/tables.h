/* Generated from src/calls.ts, and so from @sbx/abi, by pnpm --filter @sbx/gen gen: not to be edited. */
#ifndef SBX_FUZZ_TABLES_H
#define SBX_FUZZ_TABLES_H
#include <stddef.h>
#include <stdint.h>

enum kind { K_INT, K_FD, K_PATH, K_DIR, K_BUF, K_STR, K_IOV, K_MSG, K_TIME, K_SOCKADDR, K_SIZE, K_OFFSET, K_MODE, K_PID, K_SIGNAL, K_ADDR, K_FLAGS, K_ENUM, K_VALUE };

struct argument_type {
  enum kind kind;
  int count;
  const int64_t *values;
};
struct call_type {
  const char *name;
  int number;
  int args;
  struct argument_type types[6];
};

static const int64_t values_0[] = {0x0, 0x1, 0x2, 0x4, 0x400, -1};
static const int64_t values_1[] = {0x0, 0x1, 0x2, 0x4, 0x400};
static const int64_t values_2[] = {0x1, 0x2, 0x4};
static const int64_t values_3[] = {0x1, 0x2};
static const int64_t values_4[] = {0x0};
static const int64_t values_5[] = {0x10, 0x2, 0x1, 0x8, 0x1f, 0x4};
static const int64_t values_6[] = {0x3, 0x400, 0x80000, 0x40, 0x4000, 0x10000, 0x1000, 0x80, 0x8000, 0x800, 0x40000, 0x100, 0x20000, 0x0, 0x2, 0x101000, 0x410000, 0x200, 0x1};
static const int64_t values_7[] = {0x18, 0x18, 0x20, 0x10};
static const int64_t values_8[] = {0x80000, 0x800};
static const int64_t values_9[] = {0x5, 0x8, 0x14};
static const int64_t values_10[] = {0x6, 0xc, -1};
static const int64_t values_11[] = {0x4, 0x2};
static const int64_t values_12[] = {0x1, 0x3, 0x2, 0x4, 0x0};
static const int64_t values_13[] = {0x200, 0x1000, 0x800, 0x400, 0x100};
static const int64_t values_14[] = {0x0, 0x1, 0x2, 0x4, 0x7};
static const int64_t values_15[] = {0x0, 0x1, 0x2, 0x4};
static const int64_t values_16[] = {0x409, 0x405, 0x0, 0x406, 0x4, 0x1, 0x3, 0x401, 0x5, 0x9, 0x11, 0x10, 0x408, 0xb, 0x40d, 0x40b, 0x40a, 0x402, 0x24, 0x25, 0x2, 0x8, 0x400, 0x6, 0x407, 0xa, 0x40e, 0x40c};
static const int64_t values_17[] = {0x5, 0x6, 0x8, 0x4, 0x0};
static const int64_t values_18[] = {0x8, 0x20, 0x1, 0x4, 0x2, 0x40, 0x10};
static const int64_t values_19[] = {0x4, 0x5, 0x0, 0x1, 0x2, 0x3};
static const int64_t values_20[] = {0x2, 0x1, 0x4};
static const int64_t values_21[] = {0x2000, 0x8000, 0xc000};
static const int64_t values_22[] = {0x0, 0x103, 0x105, 0x107, 0x500, 0x502};
static const int64_t values_23[] = {0x0, 0x103, 0x105};
static const int64_t values_24[] = {0x8, 0x4, 0x1, 0x2};
static const int64_t values_25[] = {0x0, 0x0, 0x1};
static const int64_t values_26[] = {0x1, 0xfff, 0x4, 0x80000, 0x18, 0x10, 0x8, 0x100, 0x200, 0x400, 0x2000000, 0x4000000, 0x8000, 0x40000000, 0x20000000, 0x10000000, 0x2, 0xc0, 0x40, 0x80, 0x800, 0x80000000, 0x1000000, 0x20, 0x4000, 0x2000};
static const int64_t values_27[] = {0x40049409, 0x4020940d, 0x2, 0x5452, 0x5451, 0x8903, 0x5421, 0x5450, 0x541b, 0x5460, 0x8901, 0xc0506617, 0xc020660b, 0x801c581f, 0x401c5820, 0x80086601, 0x81009431, 0x80087601, 0xc080661a, 0x8010661b, 0x400c6615, 0xc0096616, 0x40106614, 0xc0406618, 0xc0406619, 0x40086602, 0x41009432, 0x40087602, 0x800c6613, 0x40085203, 0x40045201, 0x5206, 0x80045200, 0x80085202, 0x5207, 0x5204, 0x8980, 0x8931, 0x890b, 0x8905, 0x8995, 0x8990, 0x8994, 0x8991, 0x8992, 0x8993, 0x89a0, 0x89a2, 0x89a1, 0x89a3, 0x8953, 0x8981, 0x8932, 0x890c, 0x8936, 0x8960, 0x8946, 0x8954, 0x89b1, 0x8915, 0x8940, 0x8919, 0x8912, 0x8938, 0x8917, 0x8925, 0x8913, 0x8927, 0x8933, 0x8970, 0x891f, 0x891d, 0x8921, 0x8910, 0x891b, 0x8935, 0x8929, 0x8942, 0x8982, 0x8947, 0x8948, 0x8904, 0x8961, 0x894c, 0x8906, 0x8907, 0x80108907, 0x80108906, 0x894b, 0x890d, 0x8955, 0x89b0, 0x8916, 0x8941, 0x891a, 0x8918, 0x8926, 0x8914, 0x8924, 0x8937, 0x8911, 0x8971, 0x8920, 0x891e, 0x8922, 0x8923, 0x891c, 0x8934, 0x8930, 0x8943, 0x8983, 0x8949, 0x8902, 0x8962, 0x89e0, 0x894a, 0x5405, 0x5401, 0x802c542a, 0x5432, 0x1, 0x0, 0x5409, 0x5425, 0x5406, 0x5408, 0x5407, 0x5402, 0x402c542b, 0x5404, 0x402c542d, 0x5403, 0x402c542c, 0x5433, 0x5434, 0x5435, 0x5428, 0x541d, 0x540c, 0x80045432, 0x5424, 0x80045440, 0x545d, 0x80285442, 0x5456, 0x540f, 0x80045438, 0x80045439, 0x80045430, 0x5441, 0x542e, 0x541e, 0x5429, 0x5419, 0x5413, 0x5417, 0x5416, 0x5415, 0x545c, 0x5418, 0x40, 0x20, 0x100, 0x8000, 0x2000, 0x4000, 0x80, 0x4, 0x10, 0x8, 0x5422, 0x540d, 0x5411, 0x5420, 0x5427, 0x540e, 0x5453, 0x5459, 0x545a, 0x5458, 0x5454, 0x545b, 0x5455, 0x5423, 0x40045436, 0xc0285443, 0x5457, 0x5410, 0x40045431, 0x542f, 0x541f, 0x541a, 0x5414, 0x5437};
static const int64_t values_28[] = {0x0, 0x1, 0x800, 0x801, 0x80000};
static const int64_t values_29[] = {0x0, 0x1, 0x3, 0x7};
static const int64_t values_30[] = {0x0, 0x1, 0x2, 0x3};
static const int64_t values_31[] = {0x8, 0x8, 0x10};
static const int64_t values_32[] = {0x0, 0x80000, 0x1};
static const int64_t values_33[] = {0x1, 0x2, 0x3};
static const int64_t values_34[] = {0x1, 0x4, 0x0, -1};
static const int64_t values_35[] = {0x8};
static const int64_t values_36[] = {0x0, 0x4, 0x10, 0x40, -1};
static const int64_t values_37[] = {0x0, 0x800, 0x1};
static const int64_t values_38[] = {0x4, 0x1, 0x2};
static const int64_t values_39[] = {0x40, 0x20, 0x10, 0x100000, 0x100, 0x2000, 0x4000, 0x8000, 0x2, 0x1, 0x3, 0x20000};
static const int64_t values_40[] = {0x0, 0x0, 0x1000, 0x2000, 0x1};
static const int64_t values_41[] = {0x0, 0x1, 0x1, 0x3, 0x5, 0x7};
static const int64_t values_42[] = {0x14, 0x19, 0x11, 0xb, 0x10, 0xa, 0x4, 0x18, 0x8, 0xe, 0x13, 0xc, 0xf, 0x0, 0x15, 0x16, 0x17, 0x1, 0x9, 0x2, 0xd, 0x3, 0x12};
static const int64_t values_43[] = {0x0, 0x1, 0x2};
static const int64_t values_44[] = {0x1, 0x2, 0x4, 0x3, 0x0};
static const int64_t values_45[] = {0x0, 0x10000};
static const int64_t values_46[] = {0x0, 0x1, 0x2, 0x8, 0x10};
static const int64_t values_47[] = {0x0, 0x1};
static const int64_t values_48[] = {0x1, 0x1, 0x2, 0xa, 0x10};
static const int64_t values_49[] = {0x1, 0x2, 0x5, 0x801, 0x802, 0x805, 0x3, 0x0};
static const int64_t values_50[] = {0x0, 0x0, 0x6, 0x11, 0xff};
static const int64_t values_51[] = {0x6e, 0x10, 0x1c, 0x2, 0x0, 0x8};
static const int64_t values_52[] = {0x0, 0x1, 0x5, -1};
static const int64_t values_53[] = {0x6e, 0x10, 0x1c, 0x2, 0x8};
static const int64_t values_54[] = {0x40000, 0x40000000, 0x800, 0x4000, 0x8, 0x4, 0x40, 0x80, 0x2000, 0x20000000, 0x200, 0xc, 0x8000, 0x1000, 0x1, 0x2, 0x10, 0xb, 0xd, 0x400, 0x20, 0x10000, 0x4000000};
static const int64_t values_55[] = {0x0, 0x6e, 0x10, 0x8};
static const int64_t values_56[] = {0x40, 0x4000, 0x2, 0x20};
static const int64_t values_57[] = {0x1, 0x0, 0x6, 0x29, 0x11};
static const int64_t values_58[] = {0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32};
static const int64_t values_59[] = {0x4, 0x8, 0x10, 0x1, 0x0, 0x1000};
static const int64_t values_60[] = {0x8, 0x8, 0x4};
static const int64_t values_61[] = {0x8, 0x4};
static const int64_t values_62[] = {0x0, 0x0, 0xa, 0x11, 0x17, 0x1c};
static const int64_t values_63[] = {0x0, 0x11, 0x17, 0x1c};
static const int64_t values_64[] = {0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0xb, -6, 0x63};
static const int64_t values_65[] = {0x0, 0x1, 0x4, 0x63};
static const int64_t values_66[] = {0x0, 0x1, 0x7, 0x63};
static const int64_t values_67[] = {0x0, -1, 0x1, 0x5};
static const int64_t values_68[] = {0x0, 0x1, 0x80, 0x81, 0x3, 0x83, 0x4, 0x5, 0x6, 0x8, 0x9, 0x89, 0x8a, 0xb, 0xc, 0x7};
static const int64_t values_69[] = {0x18, 0x8};
static const int64_t values_70[] = {0x3, 0x1, 0x5, 0x0, 0x2};
static const int64_t values_71[] = {0x30, 0x38, 0x8};
static const int64_t values_72[] = {0x1, 0x8, 0x80};
static const int64_t values_73[] = {0x0, 0x1, 0x2, 0x3, 0x7, 0xd, 0xe, 0xf, 0x10};
static const int64_t values_74[] = {0x0, 0x8, -1};
static const int64_t values_75[] = {0x0, 0x1, 0x4};
static const int64_t values_76[] = {0x18, 0x17, 0x2f, 0x4, 0x1, 0x3, 0x2, 0x25, 0x13, 0x9, 0xb, 0x2e, 0x3a, 0x7, 0x10, 0x27, 0x15, 0x1b, 0x34, 0x38, 0x2a, 0x28, 0x1e, 0xd, 0x19, 0x5, 0x24, 0x8, 0xf, 0x26, 0x29, 0x1d, 0x53564d41, 0x0};
static const int64_t values_77[] = {0x0, 0x4, 0x41};
static const int64_t values_78[] = {-1, 0x0, 0x20000, 0x40000};
static const int64_t values_79[] = {-1, 0x0, -2};
static const int64_t values_80[] = {0x1, 0x3, 0xb, 0x40000001};
static const int64_t values_81[] = {0x5, 0x7, 0x9, 0x1};
static const int64_t values_82[] = {0x1000, 0x4, 0x8, 0x2, 0x1, 0x20};
static const int64_t values_83[] = {0x2, 0x8, 0x4};
static const int64_t values_84[] = {0x20, 0x10};
static const int64_t values_85[] = {0x2, 0x3, 0x9};
static const int64_t values_86[] = {0x4200, 0x10, 0x11};
static const int64_t values_87[] = {0x0, 0x1, 0x2, 0x3, 0x9};
static const int64_t values_88[] = {0x0, 0x1, 0x40};
static const int64_t values_89[] = {0x0, 0x40};
static const int64_t values_90[] = {0x0, 0x1, 0x2, 0x3, 0x4};

static const struct call_type call_types[] = {
  {"read", 0, 3, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"write", 1, 3, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"readv", 19, 3, {{K_FD, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 6, values_0}}},
  {"writev", 20, 3, {{K_FD, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 5, values_1}}},
  {"pread64", 17, 4, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_OFFSET, 0, NULL}}},
  {"pwrite64", 18, 4, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_OFFSET, 0, NULL}}},
  {"preadv", 295, 5, {{K_FD, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 3, values_2}, {K_OFFSET, 0, NULL}, {K_INT, 0, NULL}}},
  {"pwritev", 296, 5, {{K_FD, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 3, values_2}, {K_OFFSET, 0, NULL}, {K_INT, 0, NULL}}},
  {"preadv2", 327, 6, {{K_FD, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 2, values_3}, {K_OFFSET, 0, NULL}, {K_VALUE, 1, values_4}, {K_FLAGS, 6, values_5}}},
  {"pwritev2", 328, 6, {{K_FD, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 2, values_3}, {K_OFFSET, 0, NULL}, {K_VALUE, 1, values_4}, {K_FLAGS, 6, values_5}}},
  {"open", 2, 3, {{K_PATH, 0, NULL}, {K_FLAGS, 19, values_6}, {K_MODE, 0, NULL}}},
  {"openat", 257, 4, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FLAGS, 19, values_6}, {K_MODE, 0, NULL}}},
  {"openat2", 437, 4, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 4, values_7}}},
  {"creat", 85, 2, {{K_PATH, 0, NULL}, {K_MODE, 0, NULL}}},
  {"close", 3, 1, {{K_FD, 0, NULL}}},
  {"dup", 32, 1, {{K_FD, 0, NULL}}},
  {"dup2", 33, 2, {{K_FD, 0, NULL}, {K_FD, 0, NULL}}},
  {"dup3", 292, 3, {{K_FD, 0, NULL}, {K_FD, 0, NULL}, {K_FLAGS, 2, values_8}}},
  {"close_range", 436, 3, {{K_ENUM, 3, values_9}, {K_ENUM, 3, values_10}, {K_FLAGS, 2, values_11}}},
  {"lseek", 8, 3, {{K_FD, 0, NULL}, {K_OFFSET, 0, NULL}, {K_ENUM, 5, values_12}}},
  {"fstat", 5, 2, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}}},
  {"stat", 4, 2, {{K_PATH, 0, NULL}, {K_BUF, 0, NULL}}},
  {"lstat", 6, 2, {{K_PATH, 0, NULL}, {K_BUF, 0, NULL}}},
  {"newfstatat", 262, 4, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_BUF, 0, NULL}, {K_FLAGS, 5, values_13}}},
  {"statx", 332, 5, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FLAGS, 5, values_13}, {K_INT, 0, NULL}, {K_BUF, 0, NULL}}},
  {"statfs", 137, 2, {{K_PATH, 0, NULL}, {K_BUF, 0, NULL}}},
  {"fstatfs", 138, 2, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}}},
  {"access", 21, 2, {{K_PATH, 0, NULL}, {K_ENUM, 5, values_14}}},
  {"faccessat2", 439, 4, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_ENUM, 4, values_15}, {K_FLAGS, 5, values_13}}},
  {"pipe2", 293, 2, {{K_BUF, 0, NULL}, {K_FLAGS, 19, values_6}}},
  {"pipe", 22, 1, {{K_BUF, 0, NULL}}},
  {"fcntl", 72, 3, {{K_FD, 0, NULL}, {K_ENUM, 28, values_16}, {K_INT, 0, NULL}}},
  {"flock", 73, 2, {{K_FD, 0, NULL}, {K_ENUM, 5, values_17}}},
  {"fsync", 74, 1, {{K_FD, 0, NULL}}},
  {"fdatasync", 75, 1, {{K_FD, 0, NULL}}},
  {"sync_file_range", 277, 4, {{K_FD, 0, NULL}, {K_OFFSET, 0, NULL}, {K_OFFSET, 0, NULL}, {K_ENUM, 5, values_14}}},
  {"truncate", 76, 2, {{K_PATH, 0, NULL}, {K_OFFSET, 0, NULL}}},
  {"ftruncate", 77, 2, {{K_FD, 0, NULL}, {K_OFFSET, 0, NULL}}},
  {"fallocate", 285, 4, {{K_FD, 0, NULL}, {K_FLAGS, 7, values_18}, {K_OFFSET, 0, NULL}, {K_OFFSET, 0, NULL}}},
  {"fadvise64", 221, 4, {{K_FD, 0, NULL}, {K_OFFSET, 0, NULL}, {K_SIZE, 0, NULL}, {K_ENUM, 6, values_19}}},
  {"readahead", 187, 3, {{K_FD, 0, NULL}, {K_OFFSET, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"getdents64", 217, 3, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"getdents", 78, 3, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"getcwd", 79, 2, {{K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"chdir", 80, 1, {{K_PATH, 0, NULL}}},
  {"fchdir", 81, 1, {{K_FD, 0, NULL}}},
  {"rename", 82, 2, {{K_PATH, 0, NULL}, {K_PATH, 0, NULL}}},
  {"renameat2", 316, 5, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FLAGS, 3, values_20}}},
  {"mkdir", 83, 2, {{K_PATH, 0, NULL}, {K_MODE, 0, NULL}}},
  {"mkdirat", 258, 3, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_MODE, 0, NULL}}},
  {"rmdir", 84, 1, {{K_PATH, 0, NULL}}},
  {"link", 86, 2, {{K_PATH, 0, NULL}, {K_PATH, 0, NULL}}},
  {"linkat", 265, 5, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FLAGS, 5, values_13}}},
  {"unlink", 87, 1, {{K_PATH, 0, NULL}}},
  {"unlinkat", 263, 3, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FLAGS, 5, values_13}}},
  {"symlink", 88, 2, {{K_PATH, 0, NULL}, {K_PATH, 0, NULL}}},
  {"symlinkat", 266, 3, {{K_PATH, 0, NULL}, {K_FD, 0, NULL}, {K_PATH, 0, NULL}}},
  {"readlink", 89, 3, {{K_PATH, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"readlinkat", 267, 4, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"chmod", 90, 2, {{K_PATH, 0, NULL}, {K_MODE, 0, NULL}}},
  {"fchmod", 91, 2, {{K_FD, 0, NULL}, {K_MODE, 0, NULL}}},
  {"fchmodat", 268, 3, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_MODE, 0, NULL}}},
  {"chown", 92, 3, {{K_PATH, 0, NULL}, {K_INT, 0, NULL}, {K_INT, 0, NULL}}},
  {"fchown", 93, 3, {{K_FD, 0, NULL}, {K_INT, 0, NULL}, {K_INT, 0, NULL}}},
  {"lchown", 94, 3, {{K_PATH, 0, NULL}, {K_INT, 0, NULL}, {K_INT, 0, NULL}}},
  {"fchownat", 260, 5, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_INT, 0, NULL}, {K_INT, 0, NULL}, {K_FLAGS, 5, values_13}}},
  {"umask", 95, 1, {{K_MODE, 0, NULL}}},
  {"mknod", 133, 3, {{K_PATH, 0, NULL}, {K_FLAGS, 3, values_21}, {K_ENUM, 6, values_22}}},
  {"mknodat", 259, 4, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FLAGS, 3, values_21}, {K_ENUM, 3, values_23}}},
  {"utimensat", 280, 4, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_TIME, 0, NULL}, {K_FLAGS, 5, values_13}}},
  {"utime", 132, 2, {{K_PATH, 0, NULL}, {K_TIME, 0, NULL}}},
  {"utimes", 235, 2, {{K_PATH, 0, NULL}, {K_TIME, 0, NULL}}},
  {"sendfile", 40, 4, {{K_FD, 0, NULL}, {K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"splice", 275, 6, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 4, values_24}}},
  {"tee", 276, 4, {{K_FD, 0, NULL}, {K_FD, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 4, values_24}}},
  {"vmsplice", 278, 4, {{K_FD, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 2, values_3}, {K_FLAGS, 4, values_24}}},
  {"copy_file_range", 326, 6, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_ENUM, 3, values_25}}},
  {"memfd_create", 319, 2, {{K_STR, 0, NULL}, {K_FLAGS, 3, values_20}}},
  {"setxattr", 188, 5, {{K_PATH, 0, NULL}, {K_STR, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 2, values_3}}},
  {"fsetxattr", 190, 5, {{K_FD, 0, NULL}, {K_STR, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 2, values_3}}},
  {"getxattr", 191, 4, {{K_PATH, 0, NULL}, {K_STR, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"fgetxattr", 193, 4, {{K_FD, 0, NULL}, {K_STR, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"listxattr", 194, 3, {{K_PATH, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"flistxattr", 196, 3, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"removexattr", 197, 2, {{K_PATH, 0, NULL}, {K_STR, 0, NULL}}},
  {"fremovexattr", 199, 2, {{K_FD, 0, NULL}, {K_STR, 0, NULL}}},
  {"inotify_init1", 294, 1, {{K_FLAGS, 2, values_8}}},
  {"inotify_add_watch", 254, 3, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_FLAGS, 26, values_26}}},
  {"inotify_rm_watch", 255, 2, {{K_FD, 0, NULL}, {K_INT, 0, NULL}}},
  {"ioctl", 16, 3, {{K_FD, 0, NULL}, {K_ENUM, 194, values_27}, {K_BUF, 0, NULL}}},
  {"eventfd2", 290, 2, {{K_INT, 0, NULL}, {K_ENUM, 5, values_28}}},
  {"timerfd_create", 283, 2, {{K_ENUM, 4, values_29}, {K_FLAGS, 2, values_8}}},
  {"timerfd_settime", 286, 4, {{K_FD, 0, NULL}, {K_ENUM, 4, values_30}, {K_TIME, 0, NULL}, {K_BUF, 0, NULL}}},
  {"timerfd_gettime", 287, 2, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}}},
  {"signalfd4", 289, 4, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 3, values_31}, {K_FLAGS, 2, values_8}}},
  {"epoll_create1", 291, 1, {{K_ENUM, 3, values_32}}},
  {"epoll_ctl", 233, 4, {{K_FD, 0, NULL}, {K_ENUM, 3, values_33}, {K_FD, 0, NULL}, {K_BUF, 0, NULL}}},
  {"epoll_pwait", 281, 6, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 4, values_34}, {K_ENUM, 3, values_25}, {K_VALUE, 1, values_4}, {K_VALUE, 1, values_35}}},
  {"poll", 7, 3, {{K_BUF, 0, NULL}, {K_ENUM, 4, values_30}, {K_ENUM, 3, values_25}}},
  {"ppoll", 271, 5, {{K_BUF, 0, NULL}, {K_ENUM, 2, values_3}, {K_TIME, 0, NULL}, {K_VALUE, 1, values_4}, {K_VALUE, 1, values_35}}},
  {"select", 23, 5, {{K_ENUM, 5, values_36}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_TIME, 0, NULL}}},
  {"pidfd_open", 434, 2, {{K_PID, 0, NULL}, {K_ENUM, 3, values_37}}},
  {"pidfd_getfd", 438, 3, {{K_FD, 0, NULL}, {K_FD, 0, NULL}, {K_VALUE, 1, values_4}}},
  {"mmap", 9, 6, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 3, values_38}, {K_FLAGS, 12, values_39}, {K_FD, 0, NULL}, {K_ENUM, 5, values_40}}},
  {"munmap", 11, 2, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"mprotect", 10, 3, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 3, values_38}}},
  {"mremap", 25, 5, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_SIZE, 0, NULL}, {K_ENUM, 6, values_41}, {K_ADDR, 0, NULL}}},
  {"madvise", 28, 3, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_ENUM, 23, values_42}}},
  {"msync", 26, 3, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 3, values_2}}},
  {"mincore", 27, 3, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_BUF, 0, NULL}}},
  {"mlock", 149, 2, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"mlock2", 325, 3, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_ENUM, 3, values_43}}},
  {"munlock", 150, 2, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"mlockall", 151, 1, {{K_ENUM, 5, values_44}}},
  {"munlockall", 152, 0, {}},
  {"remap_file_pages", 216, 5, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_VALUE, 1, values_4}, {K_ENUM, 3, values_43}, {K_ENUM, 2, values_45}}},
  {"membarrier", 324, 3, {{K_ENUM, 5, values_46}, {K_VALUE, 1, values_4}, {K_VALUE, 1, values_4}}},
  {"process_vm_readv", 310, 6, {{K_PID, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 3, values_43}, {K_IOV, 0, NULL}, {K_ENUM, 3, values_43}, {K_VALUE, 1, values_4}}},
  {"process_vm_writev", 311, 6, {{K_PID, 0, NULL}, {K_IOV, 0, NULL}, {K_ENUM, 2, values_47}, {K_IOV, 0, NULL}, {K_ENUM, 2, values_47}, {K_VALUE, 1, values_4}}},
  {"socket", 41, 3, {{K_ENUM, 5, values_48}, {K_ENUM, 8, values_49}, {K_ENUM, 5, values_50}}},
  {"socketpair", 53, 4, {{K_ENUM, 5, values_48}, {K_ENUM, 8, values_49}, {K_VALUE, 1, values_4}, {K_BUF, 0, NULL}}},
  {"bind", 49, 3, {{K_FD, 0, NULL}, {K_SOCKADDR, 0, NULL}, {K_ENUM, 6, values_51}}},
  {"listen", 50, 2, {{K_FD, 0, NULL}, {K_ENUM, 4, values_52}}},
  {"connect", 42, 3, {{K_FD, 0, NULL}, {K_SOCKADDR, 0, NULL}, {K_ENUM, 5, values_53}}},
  {"accept4", 288, 4, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_FLAGS, 2, values_8}}},
  {"getsockname", 51, 3, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"getpeername", 52, 3, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"sendto", 44, 6, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 23, values_54}, {K_SOCKADDR, 0, NULL}, {K_ENUM, 4, values_55}}},
  {"recvfrom", 45, 6, {{K_FD, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_FLAGS, 4, values_56}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"sendmsg", 46, 3, {{K_FD, 0, NULL}, {K_MSG, 0, NULL}, {K_FLAGS, 23, values_54}}},
  {"recvmsg", 47, 3, {{K_FD, 0, NULL}, {K_MSG, 0, NULL}, {K_FLAGS, 4, values_56}}},
  {"shutdown", 48, 2, {{K_FD, 0, NULL}, {K_ENUM, 4, values_30}}},
  {"setsockopt", 54, 5, {{K_FD, 0, NULL}, {K_ENUM, 5, values_57}, {K_ENUM, 50, values_58}, {K_BUF, 0, NULL}, {K_ENUM, 6, values_59}}},
  {"getsockopt", 55, 5, {{K_FD, 0, NULL}, {K_ENUM, 5, values_57}, {K_ENUM, 50, values_58}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"rt_sigaction", 13, 4, {{K_SIGNAL, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 3, values_60}}},
  {"rt_sigprocmask", 14, 4, {{K_ENUM, 4, values_30}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 2, values_61}}},
  {"rt_sigpending", 127, 2, {{K_BUF, 0, NULL}, {K_ENUM, 2, values_61}}},
  {"sigaltstack", 131, 2, {{K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"rt_sigtimedwait", 128, 4, {{K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_TIME, 0, NULL}, {K_ENUM, 2, values_61}}},
  {"rt_sigqueueinfo", 129, 3, {{K_PID, 0, NULL}, {K_SIGNAL, 0, NULL}, {K_BUF, 0, NULL}}},
  {"kill", 62, 2, {{K_PID, 0, NULL}, {K_ENUM, 6, values_62}}},
  {"tgkill", 234, 3, {{K_PID, 0, NULL}, {K_PID, 0, NULL}, {K_ENUM, 4, values_63}}},
  {"timer_create", 222, 3, {{K_ENUM, 4, values_29}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"timer_settime", 223, 4, {{K_INT, 0, NULL}, {K_ENUM, 2, values_47}, {K_TIME, 0, NULL}, {K_BUF, 0, NULL}}},
  {"timer_gettime", 224, 2, {{K_INT, 0, NULL}, {K_BUF, 0, NULL}}},
  {"timer_delete", 226, 1, {{K_INT, 0, NULL}}},
  {"timer_getoverrun", 225, 1, {{K_INT, 0, NULL}}},
  {"getitimer", 36, 2, {{K_ENUM, 4, values_30}, {K_BUF, 0, NULL}}},
  {"setitimer", 38, 3, {{K_ENUM, 2, values_3}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"clock_gettime", 228, 2, {{K_ENUM, 11, values_64}, {K_BUF, 0, NULL}}},
  {"clock_getres", 229, 2, {{K_ENUM, 4, values_65}, {K_BUF, 0, NULL}}},
  {"clock_nanosleep", 230, 4, {{K_ENUM, 4, values_66}, {K_ENUM, 2, values_47}, {K_TIME, 0, NULL}, {K_BUF, 0, NULL}}},
  {"times", 100, 1, {{K_BUF, 0, NULL}}},
  {"getrusage", 98, 2, {{K_ENUM, 4, values_67}, {K_BUF, 0, NULL}}},
  {"gettimeofday", 96, 2, {{K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"futex", 202, 6, {{K_BUF, 0, NULL}, {K_ENUM, 16, values_68}, {K_INT, 0, NULL}, {K_TIME, 0, NULL}, {K_BUF, 0, NULL}, {K_INT, 0, NULL}}},
  {"set_robust_list", 273, 2, {{K_BUF, 0, NULL}, {K_ENUM, 2, values_69}}},
  {"get_robust_list", 274, 3, {{K_PID, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"getpriority", 140, 2, {{K_ENUM, 4, values_30}, {K_PID, 0, NULL}}},
  {"setpriority", 141, 3, {{K_ENUM, 3, values_43}, {K_PID, 0, NULL}, {K_INT, 0, NULL}}},
  {"sched_setscheduler", 144, 3, {{K_PID, 0, NULL}, {K_ENUM, 5, values_70}, {K_BUF, 0, NULL}}},
  {"sched_getscheduler", 145, 1, {{K_PID, 0, NULL}}},
  {"sched_setparam", 142, 2, {{K_PID, 0, NULL}, {K_BUF, 0, NULL}}},
  {"sched_getparam", 143, 2, {{K_PID, 0, NULL}, {K_BUF, 0, NULL}}},
  {"sched_getattr", 315, 4, {{K_PID, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 3, values_71}, {K_VALUE, 1, values_4}}},
  {"sched_setattr", 314, 3, {{K_PID, 0, NULL}, {K_BUF, 0, NULL}, {K_VALUE, 1, values_4}}},
  {"sched_getaffinity", 204, 3, {{K_PID, 0, NULL}, {K_SIZE, 0, NULL}, {K_BUF, 0, NULL}}},
  {"sched_setaffinity", 203, 3, {{K_PID, 0, NULL}, {K_ENUM, 3, values_72}, {K_BUF, 0, NULL}}},
  {"sched_rr_get_interval", 148, 2, {{K_PID, 0, NULL}, {K_BUF, 0, NULL}}},
  {"getpgid", 121, 1, {{K_PID, 0, NULL}}},
  {"setpgid", 109, 2, {{K_PID, 0, NULL}, {K_PID, 0, NULL}}},
  {"getsid", 124, 1, {{K_PID, 0, NULL}}},
  {"setsid", 112, 0, {}},
  {"prlimit64", 302, 4, {{K_PID, 0, NULL}, {K_ENUM, 9, values_73}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"getgroups", 115, 2, {{K_ENUM, 3, values_74}, {K_BUF, 0, NULL}}},
  {"setgroups", 116, 2, {{K_ENUM, 3, values_75}, {K_BUF, 0, NULL}}},
  {"capget", 125, 2, {{K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"capset", 126, 2, {{K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"prctl", 157, 5, {{K_ENUM, 34, values_76}, {K_INT, 0, NULL}, {K_INT, 0, NULL}, {K_INT, 0, NULL}, {K_INT, 0, NULL}}},
  {"uname", 63, 1, {{K_BUF, 0, NULL}}},
  {"sysinfo", 99, 1, {{K_BUF, 0, NULL}}},
  {"sethostname", 170, 2, {{K_STR, 0, NULL}, {K_ENUM, 3, values_77}}},
  {"getrandom", 318, 3, {{K_BUF, 0, NULL}, {K_SIZE, 0, NULL}, {K_ENUM, 4, values_30}}},
  {"getcpu", 309, 3, {{K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"personality", 135, 1, {{K_ENUM, 4, values_78}}},
  {"wait4", 61, 4, {{K_ENUM, 3, values_79}, {K_BUF, 0, NULL}, {K_ENUM, 4, values_80}, {K_BUF, 0, NULL}}},
  {"waitid", 247, 5, {{K_ENUM, 4, values_30}, {K_PID, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 4, values_81}, {K_BUF, 0, NULL}}},
  {"fork", 57, 0, {}},
  {"execve", 59, 3, {{K_PATH, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"mount", 165, 5, {{K_VALUE, 1, values_4}, {K_DIR, 0, NULL}, {K_STR, 0, NULL}, {K_FLAGS, 6, values_82}, {K_VALUE, 1, values_4}}},
  {"umount2", 166, 2, {{K_DIR, 0, NULL}, {K_ENUM, 3, values_83}}},
  {"rseq", 334, 4, {{K_BUF, 0, NULL}, {K_ENUM, 2, values_84}, {K_ENUM, 2, values_47}, {K_INT, 0, NULL}}},
  {"seccomp", 317, 3, {{K_ENUM, 3, values_85}, {K_VALUE, 1, values_4}, {K_BUF, 0, NULL}}},
  {"kcmp", 312, 5, {{K_PID, 0, NULL}, {K_PID, 0, NULL}, {K_ENUM, 3, values_43}, {K_FD, 0, NULL}, {K_FD, 0, NULL}}},
  {"ptrace", 101, 4, {{K_ENUM, 3, values_86}, {K_PID, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}}},
  {"acct", 163, 1, {{K_PATH, 0, NULL}}},
  {"quotactl", 179, 4, {{K_INT, 0, NULL}, {K_PATH, 0, NULL}, {K_INT, 0, NULL}, {K_BUF, 0, NULL}}},
  {"name_to_handle_at", 303, 5, {{K_FD, 0, NULL}, {K_PATH, 0, NULL}, {K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_FLAGS, 5, values_13}}},
  {"sync", 162, 0, {}},
  {"syncfs", 306, 1, {{K_FD, 0, NULL}}},
  {"vhangup", 153, 0, {}},
  {"set_mempolicy", 238, 3, {{K_ENUM, 5, values_87}, {K_BUF, 0, NULL}, {K_ENUM, 3, values_88}}},
  {"get_mempolicy", 239, 5, {{K_BUF, 0, NULL}, {K_BUF, 0, NULL}, {K_ENUM, 2, values_89}, {K_ADDR, 0, NULL}, {K_ENUM, 5, values_90}}},
  {"mbind", 237, 6, {{K_ADDR, 0, NULL}, {K_SIZE, 0, NULL}, {K_ENUM, 4, values_30}, {K_BUF, 0, NULL}, {K_ENUM, 2, values_89}, {K_ENUM, 3, values_43}}},
  {"io_setup", 206, 2, {{K_INT, 0, NULL}, {K_BUF, 0, NULL}}},
  {"bpf", 321, 3, {{K_INT, 0, NULL}, {K_BUF, 0, NULL}, {K_SIZE, 0, NULL}}},
  {"userfaultfd", 323, 1, {{K_INT, 0, NULL}}},
};
#define CALL_TYPES ((int)(sizeof call_types / sizeof *call_types))

#endif
