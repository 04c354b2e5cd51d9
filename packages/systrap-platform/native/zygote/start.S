#include "protocol.h"
        .section .text
        .globl _start
_start: xorl %ebp, %ebp
        andq $-16, %rsp
        movl $ZYGOTE_SOCKET, %edi
        call zygote_run
        hlt
        .section .note.GNU-stack, "", @progbits
