/* The text of ring 0 is @sbx/ring0's; this file makes it part of our addon. */
#include "entry_amd64.S"
